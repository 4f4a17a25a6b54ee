import type { ForgetRule } from '#shared/domain/forget-set.ts'
import type { GroupCodes, SampleColumns } from './explorer/columns.ts'

/** How a forget set cuts through one group column. */
export interface GroupIntegrity {
  readonly column: string
  /** Groups that lie in F as far as D goes. */
  readonly whole: number
  /** Groups of which other members stay in R. */
  readonly cut: readonly { readonly value: string; readonly forgotten: number; readonly members: number }[]
  /** Images of touched groups in H or E: no forget set can hold them. */
  readonly beyond: number
}

/** `parts` as `sampleParts` has them: 1 is D, 2 is H, 3 is E. */
export function groupIntegrity(
  forget: Uint8Array,
  parts: Uint8Array,
  groups: readonly GroupCodes[],
): readonly GroupIntegrity[] {
  return groups.map(({ name, values, codes }) => {
    const forgotten = new Int32Array(values.length)
    const members = new Int32Array(values.length)
    const others = new Int32Array(values.length)
    for (let id = 0; id < codes.length; id++) {
      const code = codes[id]
      if (code < 0) continue
      forgotten[code] += forget[id]
      if (parts[id] === 1) members[code]++
      else if (parts[id] > 1) others[code]++
    }
    let whole = 0
    let beyond = 0
    const cut: { value: string; forgotten: number; members: number }[] = []
    values.forEach((value, code) => {
      if (forgotten[code] === 0) return
      beyond += others[code]
      if (forgotten[code] >= members[code]) whole++
      else cut.push({ value, forgotten: forgotten[code], members: members[code] })
    })
    return { column: name, whole, cut, beyond }
  })
}

/** The rule with the rest of every cut group added. */
export function completeGroups(rule: ForgetRule, { column, cut }: GroupIntegrity): ForgetRule {
  const missing: ForgetRule = { kind: 'group', column, values: cut.map(({ value }) => value) }
  return rule.kind === 'union'
    ? { kind: 'union', rules: [...rule.rules, missing] }
    : { kind: 'union', rules: [rule, missing] }
}

/** Members of R that are copies of a forgotten image: what they show would not be forgotten. */
export function copiesLeftBehind(
  forget: Uint8Array,
  parts: Uint8Array,
  { duplicateOf, nearGroup, count }: SampleColumns,
): { readonly exact: Int32Array; readonly near: Int32Array | null } {
  const left = (rootOf: (id: number) => number): Int32Array => {
    const forgotten = new Uint8Array(count)
    for (let id = 0; id < count; id++) if (forget[id] === 1 && rootOf(id) >= 0) forgotten[rootOf(id)] = 1
    const found: number[] = []
    for (let id = 0; id < count; id++) {
      const root = rootOf(id)
      if (parts[id] === 1 && forget[id] === 0 && root >= 0 && forgotten[root] === 1) found.push(id)
    }
    return Int32Array.from(found)
  }
  return {
    exact: left((id) => (duplicateOf[id] < 0 ? id : duplicateOf[id])),
    near: nearGroup === null ? null : left((id) => nearGroup[id]),
  }
}
