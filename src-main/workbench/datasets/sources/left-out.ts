import { counted, quoted } from '#main/formats/text.ts'
import type { ImportProblem } from '#shared/domain/dataset.ts'
import { AppError } from '#shared/errors.ts'
import { compareNatural } from '../natural-order.ts'

/** `hidden` files are left out silently by every tool; they alone don't make a strict import fail. */
export interface LeftOut extends ImportProblem {
  readonly hidden: boolean
}

/** A row in the database keeps this many; a source with more of them isn't a set of images. */
const maxProblems = 1000

/** Naturally ordered; what is cut is counted in a last line. */
export function listProblems(leftOut: readonly LeftOut[]): readonly ImportProblem[] {
  const problems = [...leftOut]
    .sort((a, b) => compareNatural(a.path, b.path))
    .map(({ path, reason }): ImportProblem => ({ path, reason }))
  const rest = problems.length - maxProblems
  if (rest <= 0) return problems
  return [...problems.slice(0, maxProblems), { path: '…', reason: `and ${counted(rest, 'more file', 'more files')}` }]
}

/** @throws AppError `bad-input` when anything but hidden files was left out. */
export function refuseLeftOut(root: string, leftOut: readonly LeftOut[]): void {
  const visible = leftOut.filter((problem) => !problem.hidden)
  if (visible.length === 0) return
  const [first] = visible
  throw new AppError(
    'bad-input',
    `${counted(visible.length, 'file')} of ${quoted(root, 200)} cannot be imported, the first being ${quoted(first.path, 200)} (${first.reason}).`,
    {
      hint: 'Repair or remove them, or import without --strict: they are then left out and listed.',
      details: { problems: listProblems(visible) },
    },
  )
}
