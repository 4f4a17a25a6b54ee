import type { ForgetRule, ForgetRuleKind } from '#shared/domain/forget-set.ts'

export type CombinationKind = 'union' | 'intersection' | 'minus'

export function isCombination(rule: ForgetRule): rule is Extract<ForgetRule, { kind: CombinationKind }> {
  return rule.kind === 'union' || rule.kind === 'intersection' || rule.kind === 'minus'
}

/** The rules directly within a combination. */
export function childrenOf(rule: ForgetRule): readonly ForgetRule[] {
  if (rule.kind === 'union' || rule.kind === 'intersection') return rule.rules
  return rule.kind === 'minus' ? [rule.from, rule.without] : []
}

/** A combination of these parts; `minus` takes all but the first away together. */
export function combine(kind: CombinationKind, parts: readonly ForgetRule[]): ForgetRule {
  const [first, ...others] = parts
  if (first === undefined || others.length === 0) return first ?? { kind: 'union', rules: [] }
  if (kind !== 'minus') return { kind, rules: [...parts] }
  const [second] = others
  return { kind, from: first, without: others.length === 1 ? second : { kind: 'union', rules: others } }
}

/** A further part beside a rule, by plus, minus or within; parts of the same kind stay in one row. */
export function addPart(rule: ForgetRule, kind: CombinationKind, part: ForgetRule): ForgetRule {
  if (kind !== 'minus' && rule.kind === kind) return { kind, rules: [...rule.rules, part] }
  return combine(kind, [rule, part])
}

/** One part exchanged; null takes it out, and a combination of one is that one. */
export function replacePart(rule: ForgetRule, at: number, part: ForgetRule | null): ForgetRule | null {
  const parts = childrenOf(rule)
  const next = parts.flatMap((old, i) => (i === at ? (part === null ? [] : [part]) : [old]))
  if (!isCombination(rule) || next.length === 0) return null
  return next.length === 1 ? next[0] : combine(rule.kind, next)
}

/** What begins in the place of another kind of part. */
export function freshLeaf(
  kind: Exclude<ForgetRuleKind, CombinationKind | 'ids'>,
  context: { readonly className: string; readonly group: { readonly name: string; readonly value: string } | null },
): ForgetRule {
  switch (kind) {
    case 'class':
      return { kind, className: context.className, fraction: 0.3 }
    case 'random':
      return { kind, fraction: 0.1 }
    case 'random-count':
      return { kind, count: 300 }
    case 'group':
      return {
        kind,
        column: context.group?.name ?? '',
        values: context.group === null ? [] : [context.group.value],
      }
    case 'cluster':
      return { kind, clusters: 10, chosen: [1], within: null }
    default:
      return { kind: 'picked', ids: '', source: '' }
  }
}
