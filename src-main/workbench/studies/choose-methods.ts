import { defaultMethods, methodIds, methodOf } from '#main/compute/methods.ts'
import { quoted } from '#main/formats/text.ts'
import type { Dataset } from '#shared/domain/dataset.ts'
import type { ForgetSet } from '#shared/domain/forget-set.ts'
import { AppError } from '#shared/errors.ts'
import type { SampleLists } from '../jobs/sample-lists.ts'

export interface MethodChoice {
  readonly methods: readonly string[]
  /** Why some of the default methods were left out. */
  readonly notes: readonly string[]
}

/** Said instead of a method: each one that there is. */
const everyMethod = 'all'

/** The methods that a study would have if its forget set allowed them: those named, all, or the usual ones. */
export function wantedMethods(asked: readonly string[] | undefined): readonly string[] {
  if (asked === undefined) return defaultMethods
  return isEveryMethod(asked) ? methodIds : asked
}

function isEveryMethod(asked: readonly string[]): boolean {
  return asked.length === 1 && asked[0] === everyMethod
}

/**
 * The methods of a study: those asked for by name, or of the usual ones (of all, if asked for `all`) those that make sense
 * for its forget set.
 * @throws AppError `bad-input` for an unknown or repeated method; `unsupported` for one that was asked for and can't
 * work on this forget set, with the reason.
 */
export function chooseMethods(
  asked: readonly string[] | undefined,
  dataset: Dataset,
  forgetSet: ForgetSet,
  lists: SampleLists,
): MethodChoice {
  const named = asked === undefined || isEveryMethod(asked) ? null : asked
  if (named !== null) {
    for (const [position, method] of named.entries()) {
      refuseVariant(method)
      if (named.indexOf(method) === position) continue
      throw new AppError('bad-input', `The method ${quoted(method)} is named twice.`, {
        hint: 'Name each method once.',
      })
    }
  }
  const reasons = obstacles(dataset, forgetSet, lists)
  const obstacleOf = (method: string): string | null => {
    const { needs, params, refusesClassRemoval } = methodOf(method)
    if (refusesClassRemoval && reasons.classRemoval !== null) return reasons.classRemoval
    const { twin, twinSamples } = needs(params.parse({}))
    return (twin === true || twinSamples === true) && reasons.noTwin !== null ? reasons.noTwin : null
  }
  const wanted = wantedMethods(asked)
  const refused = wanted.filter((method) => obstacleOf(method) !== null)
  if (refused.length === 0) return { methods: wanted, notes: [] }
  const reason = obstacleOf(refused[0]) ?? ''
  if (named !== null) {
    throw new AppError(
      'unsupported',
      `${listed(refused)} can't work on the forget set ${quoted(forgetSet.name)}: ${reason}.`,
      {
        hint: 'Leave these methods out (gold and the baselines work), or forget only a part of the class.',
        details: { methods: refused },
      },
    )
  }
  return {
    methods: wanted.filter((method) => !refused.includes(method)),
    notes: [`${listed(refused)} left out: ${reason}.`],
  }
}

function refuseVariant(method: string): void {
  const { id } = methodOf(method)
  if (id === method) return
  throw new AppError('bad-input', `${quoted(method)} is a variant of ${id}; variants are made by a sweep.`, {
    hint: `For example --methods ${id} --sweep ${id}.KEY=VALUE,VALUE.`,
  })
}

/** Whether F is all of some class's members: nothing of that class is retained then. */
export function isClassRemoval({ classCounts, memberCounts }: ForgetSet): boolean {
  return classCounts.some((count, label) => count > 0 && count === memberCounts[label])
}

function obstacles(
  dataset: Dataset,
  forgetSet: ForgetSet,
  lists: SampleLists,
): { readonly classRemoval: string | null; readonly noTwin: string | null } {
  const { classCounts, memberCounts } = forgetSet
  const removed = dataset.classes.filter(
    (_, label) => classCounts[label] > 0 && classCounts[label] === memberCounts[label],
  )
  const names = removed.map(({ name }) => quoted(name)).join(', ')
  return {
    classRemoval:
      removed.length === 0
        ? null
        : `it is all of the class ${names}, so nothing of it is retained, and the original, which knows the class, ` +
          'is no gold of the twin problem',
    noTwin: lists.twin.count === 0 ? 'the twin pool of its split holds no sample of its classes' : null,
  }
}

function listed(methods: readonly string[]): string {
  return methods.join(', ')
}
