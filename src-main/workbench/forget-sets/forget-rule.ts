import { counted, firstFew, grouped, quoted } from '#main/formats/text.ts'
import { nearMatches } from '#main/workbench/datasets/near-matches.ts'
import type { ForgetRule } from '#shared/domain/forget-set.ts'
import { AppError } from '#shared/errors.ts'
import { evaluateRule, partsOfRule, type RuleContext } from '#shared/forget-rule.ts'
import { idsOfMask } from '#shared/id-ranges.ts'
import { matchIds } from './ids-file.ts'

export interface ForgetChoice {
  /** Sample indices of F, ascending. */
  readonly ids: Int32Array
  /** Chosen samples that aren't members of D, ascending: the choice can't be made in this split. */
  readonly outside: Int32Array
  /** Entries of the list that named a sample once more. */
  readonly repeated: number
}

export interface ForgetContext extends Omit<RuleContext, 'groups' | 'listed'> {
  readonly groups?: RuleContext['groups']
  /** Name of every sample, and the list's entries: for the rule `ids`. */
  readonly names?: readonly string[]
  readonly entries?: readonly string[]
}

/**
 * Chooses F among the members D. A smaller fraction's F is part of a larger one's at the same seed. A whole class may
 * be forgotten; all of D may not, since nothing would be retained.
 * @throws AppError `bad-input`: a fraction outside 0..1, an unknown class, group column or value, one without members,
 * an empty F, list entries that name no sample (all of them in `details`).
 */
export function chooseForgetSet(rule: ForgetRule, context: ForgetContext, seed: number): ForgetChoice {
  const { members } = context
  for (const part of partsOfRule(rule)) checkPart(part, context)
  const list = rule.kind === 'ids' ? listed(rule.source, context) : null
  const mask = evaluateRule(
    rule,
    { ...context, groups: context.groups ?? [], ...(list === null ? {} : { listed: list.ids }) },
    seed,
  )
  const ids = idsOfMask(mask)
  if (ids.length === 0) {
    throw refuse('This rule chooses no image at all: there would be nothing to forget.', 'Widen one of its parts.')
  }
  const inside = new Uint8Array(mask.length)
  for (const id of members) inside[id] = 1
  const outside = ids.filter((id) => inside[id] === 0)
  if (outside.length === 0 && ids.length === members.length) {
    throw refuse(
      `This would forget all ${counted(members.length, 'member')}: nothing would be retained.`,
      'Forget a part of them.',
    )
  }
  return { ids, outside, repeated: list?.repeated ?? 0 }
}

/** What is said of samples that can't be forgotten because the original isn't trained on them. */
export function outsideMembers(outside: Int32Array, count: number, names: readonly string[], what: string): AppError {
  const outsideNames = Array.from(outside, (id) => names[id] ?? String(id))
  return new AppError(
    'bad-input',
    `${grouped(outside.length)} of the ${counted(count, 'sample')} of ${what} ${outside.length === 1 ? 'is not a member' : 'are not members'} of this split: ${firstFew(outsideNames)}.`,
    {
      hint: 'Only what the original is trained on can be forgotten; choose members, or add --around-ids, which makes a new split that has them in D.',
      details: { outside: Array.from(outside), names: outsideNames },
    },
  )
}

/** Says by name what a rule's part gets wrong, before anything is drawn. */
function checkPart(part: ForgetRule, { members, labels, classNames, groups = [] }: ForgetContext): void {
  switch (part.kind) {
    case 'class': {
      const label = classNames.indexOf(part.className)
      if (label < 0) throw unknown('class', part.className, classNames, 'Its classes are')
      let ofClass = 0
      for (const id of members) if (labels[id] === label) ofClass++
      if (ofClass === 0) {
        throw refuse(
          `The class ${quoted(part.className)} has no members in this split.`,
          'Choose another class or another split.',
        )
      }
      checkShare(part.fraction, ofClass, `the class ${quoted(part.className)}`)
      return
    }
    case 'random':
      checkShare(part.fraction, members.length, 'the split')
      return
    case 'random-count':
      if (part.count <= members.length) return
      throw refuse(
        `${grouped(part.count)} images are more than the ${counted(members.length, 'member')} of this split.`,
        'Choose fewer.',
      )
    case 'group': {
      const names = groups.map(({ name }) => name)
      const column = groups.find(({ name }) => name === part.column)
      if (column === undefined) {
        if (names.length > 0) throw unknown('group column', part.column, names, 'Its group columns are')
        throw refuse(
          `The data set has no group columns, so none ${quoted(part.column)}.`,
          'Import it with a group pattern, or join a table of groups to it.',
        )
      }
      const codes = part.values.map((value) => {
        const code = column.values.indexOf(value)
        if (code < 0) throw unknown(part.column, value, column.values, `Its values of ${quoted(part.column)} are`)
        return code
      })
      if (members.some((id) => codes.includes(column.codes[id]))) return
      throw refuse(
        `No member of this split has ${part.column} ${firstFew(part.values)}.`,
        'Their images lie in the twin pool or the evaluation set; choose another split, or one by groups.',
      )
    }
    case 'cluster':
      checkClusters(part, classNames)
      return
    default:
      return
  }
}

/** What can be said of a part by clusters before anything is clustered. */
export function checkClusters(
  { chosen, clusters, within }: Extract<ForgetRule, { kind: 'cluster' }>,
  classNames: readonly string[],
): void {
  const beyond = chosen.find((number) => number < 1 || number > clusters)
  if (beyond !== undefined) {
    throw refuse(`There is no cluster ${beyond} among ${clusters}.`, `Clusters are numbered from 1 to ${clusters}.`)
  }
  if (within !== null && !classNames.includes(within)) throw unknown('class', within, classNames, 'Its classes are')
}

function checkShare(fraction: number, size: number, whole: string): void {
  if (!(fraction > 0 && fraction <= 1)) {
    throw refuse(
      `The fraction ${fraction} does not lie between 0 and 1.`,
      'For example 0.3 for 30 percent, or 1 for all.',
    )
  }
  if (Math.round(size * fraction) > 0) return
  const percent = Number((fraction * 100).toPrecision(3))
  throw refuse(
    `${percent} % of the ${counted(size, 'member')} of ${whole} is no image at all: there would be nothing to forget.`,
    'Choose a larger fraction.',
  )
}

function listed(
  source: string,
  { names = [], entries = [] }: ForgetContext,
): { readonly ids: Int32Array; readonly repeated: number } {
  const list = quoted(source, 200)
  if (entries.length === 0) throw refuse(`The list ${list} names no samples: there would be nothing to forget.`)
  const { ids, unmatched, repeated } = matchIds(entries, names)
  if (unmatched.length > 0) {
    throw new AppError(
      'bad-input',
      `${grouped(unmatched.length)} of the ${counted(entries.length, 'entry', 'entries')} of ${list} name no sample of the data set: ${firstFew(unmatched, 20)}.`,
      { hint: 'Give sample indices, or paths below the imported folder as CLASS/FILE.', details: { unmatched } },
    )
  }
  return { ids, repeated }
}

function unknown(kind: string, name: string, names: readonly string[], lead: string): AppError {
  const near = nearMatches(name, names)
  const known = names.length <= 30 ? names.map((known) => quoted(known)).join(', ') : firstFew(names, 30)
  const meant = near.length > 0 ? `Did you mean ${near.map((name) => quoted(name)).join(' or ')}? ` : ''
  return new AppError('bad-input', `The data set has no ${kind} ${quoted(name)}.`, {
    hint: `${meant}${lead} ${known}.`,
    details: kind === 'class' ? { classes: names } : { known: names },
  })
}

function refuse(message: string, hint?: string): AppError {
  return new AppError('bad-input', message, hint === undefined ? {} : { hint })
}
