import { counted, firstFew, grouped, quoted } from '#main/formats/text.ts'
import { nearMatches } from '#main/workbench/datasets/near-matches.ts'
import type { ForgetRule } from '#shared/domain/forget-set.ts'
import { AppError } from '#shared/errors.ts'
import { Random } from '#shared/random.ts'
import { matchIds } from './ids-file.ts'

export interface ForgetChoice {
  /** Sample indices of F, ascending. */
  readonly ids: Int32Array
  /** Entries of the list that named a sample once more. */
  readonly repeated: number
}

export interface ForgetContext {
  /** D, ascending sample indices. */
  readonly members: Int32Array
  /** Class index of every sample. */
  readonly labels: Int32Array
  readonly classNames: readonly string[]
  /** Name of every sample, and the list's entries: for the rule `ids`. */
  readonly names?: readonly string[]
  readonly entries?: readonly string[]
}

/**
 * Chooses F among the members D. A smaller fraction's F is part of a larger one's at the same seed. A whole class may
 * be forgotten; all of D may not, since nothing would be retained.
 * @throws AppError `bad-input`: a fraction outside 0..1, an unknown class, a class without members, an empty F, list
 * entries that name no sample or one outside D (all of them in `details`).
 */
export function chooseForgetSet(rule: ForgetRule, context: ForgetContext, seed: number): ForgetChoice {
  const choice = choose(rule, context, seed)
  const { members } = context
  if (choice.ids.length === members.length) {
    throw refuse(
      `This would forget all ${counted(members.length, 'member')}: nothing would be retained.`,
      'Forget a part of them.',
    )
  }
  return choice
}

function choose(rule: ForgetRule, context: ForgetContext, seed: number): ForgetChoice {
  const { members, labels, classNames } = context
  switch (rule.kind) {
    case 'class': {
      const label = classNames.indexOf(rule.className)
      if (label < 0) throw unknownClass(rule.className, classNames)
      const ofClass = members.filter((id) => labels[id] === label)
      if (ofClass.length === 0) {
        throw refuse(
          `The class ${quoted(rule.className)} has no members in this split.`,
          'Choose another class or another split.',
        )
      }
      const ids = draw(
        ofClass,
        rule.fraction,
        `the class ${quoted(rule.className)}`,
        Random.of(seed, 'forget', 'class', label),
      )
      return { ids, repeated: 0 }
    }
    case 'random':
      return { ids: draw(members, rule.fraction, 'the split', Random.of(seed, 'forget', 'random')), repeated: 0 }
    case 'ids':
      return listed(rule.source, context)
  }
}

function draw(from: Int32Array, fraction: number, whole: string, random: Random): Int32Array {
  if (!(fraction > 0 && fraction <= 1)) {
    throw refuse(
      `The fraction ${fraction} does not lie between 0 and 1.`,
      'For example 0.3 for 30 percent, or 1 for all.',
    )
  }
  const count = Math.round(from.length * fraction)
  if (count === 0) {
    const percent = Number((fraction * 100).toPrecision(3))
    throw refuse(
      `${percent} % of the ${counted(from.length, 'member')} of ${whole} is no image at all: there would be nothing to forget.`,
      'Choose a larger fraction.',
    )
  }
  return random.shuffle(from.slice()).subarray(0, count).slice().sort()
}

function listed(source: string, { members, names = [], entries = [] }: ForgetContext): ForgetChoice {
  const list = quoted(source, 200)
  if (entries.length === 0) throw refuse(`The list ${list} names no samples: there would be nothing to forget.`)
  const { ids, unmatched, repeated } = matchIds(entries, names)
  if (unmatched.length > 0) {
    throw new AppError(
      'bad-input',
      `${grouped(unmatched.length)} of the ${counted(entries.length, 'entry', 'entries')} of ${list} name no sample of the data set: ${firstFew(unmatched)}.`,
      { hint: 'Give sample indices, or paths below the imported folder as CLASS/FILE.', details: { unmatched } },
    )
  }
  const inside = new Set(members)
  const outside = Array.from(ids).filter((id) => !inside.has(id))
  if (outside.length > 0) {
    const outsideNames = outside.map((id) => names[id])
    throw new AppError(
      'bad-input',
      `${grouped(outside.length)} of the ${counted(ids.length, 'sample')} of ${list} ${outside.length === 1 ? 'is not a member' : 'are not members'} of this split: ${firstFew(outsideNames)}.`,
      {
        hint: 'Only what the original is trained on can be forgotten; choose members, or another split.',
        details: { outside, names: outsideNames },
      },
    )
  }
  return { ids, repeated }
}

function unknownClass(className: string, classNames: readonly string[]): AppError {
  const near = nearMatches(className, classNames)
  const known = classNames.length <= 30 ? classNames.map((name) => quoted(name)).join(', ') : firstFew(classNames, 30)
  const meant = near.length > 0 ? `Did you mean ${near.map((name) => quoted(name)).join(' or ')}? ` : ''
  return new AppError('bad-input', `The data set has no class ${quoted(className)}.`, {
    hint: `${meant}Its classes are ${known}.`,
    details: { classes: classNames },
  })
}

function refuse(message: string, hint?: string): AppError {
  return new AppError('bad-input', message, hint === undefined ? {} : { hint })
}
