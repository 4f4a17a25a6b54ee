import { completeMethodOptions, defaultMethods, type MethodParams, methodIds, methodOf } from '#main/compute/methods.ts'
import { quoted } from '#main/formats/text.ts'
import type { Dataset } from '#shared/domain/dataset.ts'
import type { ForgetSet } from '#shared/domain/forget-set.ts'
import { AppError } from '#shared/errors.ts'
import type { SampleLists } from '../jobs/sample-lists.ts'
import { withoutCheckpoints } from '../models/without-checkpoints.ts'

export interface MethodChoice {
  readonly methods: readonly string[]
  /** Why some of the default methods were left out, and what else is not as usual. */
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

/** What the choice is made for. */
export interface MethodChoiceMaterial {
  readonly dataset: Dataset
  readonly forgetSet: ForgetSet
  readonly lists: SampleLists
  /** The file of a given original; null: the original is trained. */
  readonly originalFile: string | null
  /** What was set, by method. */
  readonly settings: Readonly<Record<string, MethodParams>>
}

interface Obstacle {
  /** `the forget set "a"`. */
  readonly to: string
  readonly reason: string
}

/**
 * The methods of a study: those asked for by name, or of the usual ones (of all, if asked for `all`) those that make sense
 * for its forget set and original.
 * @throws AppError `bad-input` for an unknown or repeated method; `unsupported` for one that was asked for and can't
 * work here, with the reason.
 */
export function chooseMethods(asked: readonly string[] | undefined, material: MethodChoiceMaterial): MethodChoice {
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
  const wanted = wantedMethods(asked)
  const obstacleOf = obstacles(material)
  const refused = Map.groupBy(
    wanted.flatMap((method) => {
      const obstacle = obstacleOf(method)
      return obstacle === null ? [] : [{ method, obstacle }]
    }),
    ({ obstacle }) => obstacle.reason,
  )
  const [first] = refused.values()
  if (named !== null && first !== undefined) {
    const [{ obstacle }] = first
    const methods = first.map(({ method }) => method)
    throw new AppError('unsupported', `${listed(methods)} can't work with ${obstacle.to}: ${obstacle.reason}.`, {
      hint:
        material.originalFile === null
          ? 'Leave these methods out (gold and the baselines work), or forget only a part of the class.'
          : 'Leave these methods out, or let the workbench train the original.',
      details: { methods },
    })
  }
  const methods = wanted.filter((method) => obstacleOf(method) === null)
  return {
    methods,
    notes: [
      ...[...refused].map(([reason, entries]) => `${listed(entries.map(({ method }) => method))} left out: ${reason}.`),
      ...withoutCf(methods, material),
    ],
  }
}

function refuseVariant(method: string): void {
  const { id } = methodOf(method)
  if (id === method) return
  throw new AppError('bad-input', `${quoted(method)} is a variant of ${id}; variants are made by a sweep.`, {
    hint: `For example --methods ${id} --sweep ${id}.KEY=VALUE,VALUE.`,
  })
}

function withoutCf(methods: readonly string[], { originalFile, settings }: MethodChoiceMaterial): readonly string[] {
  if (originalFile === null) return []
  const having = methods.filter((method) => withoutCheckpoints(method, optionsOf(method, settings)).leftOut)
  return having.length === 0
    ? []
    : [`${listed(having)}: CF left out, because a given original has no early model under which it is measured.`]
}

function optionsOf(method: string, settings: Readonly<Record<string, MethodParams>>): MethodParams {
  return completeMethodOptions([method], settings)[method] ?? {}
}

/** Whether F is all of some class's members: nothing of that class is retained then. */
export function isClassRemoval({ classCounts, memberCounts }: ForgetSet): boolean {
  return classCounts.some((count, label) => count > 0 && count === memberCounts[label])
}

/** Why a method can't work, null where it can. */
function obstacles(material: MethodChoiceMaterial): (method: string) => Obstacle | null {
  const { dataset, forgetSet, lists, originalFile, settings } = material
  const { classCounts, memberCounts } = forgetSet
  const removed = dataset.classes.filter(
    (_, label) => classCounts[label] > 0 && classCounts[label] === memberCounts[label],
  )
  const names = removed.map(({ name }) => quoted(name)).join(', ')
  const toForgetSet = `the forget set ${quoted(forgetSet.name)}`
  return (method) => {
    const { needs, refusesClassRemoval } = methodOf(method)
    const options = optionsOf(method, settings)
    if (refusesClassRemoval && removed.length > 0) {
      const reason =
        `it is all of the class ${names}, so nothing of it is retained, and the original, which knows the class, ` +
        'is no gold of the twin problem'
      return { to: toForgetSet, reason }
    }
    if (needs(options).twin === true && lists.twin.count === 0) {
      return { to: toForgetSet, reason: 'the twin pool of its split holds no sample of its classes' }
    }
    if (originalFile === null) return null
    const { obstacle } = withoutCheckpoints(method, options)
    return obstacle === null ? null : { to: `the given original ${quoted(originalFile)}`, reason: obstacle }
  }
}

function listed(methods: readonly string[]): string {
  return methods.join(', ')
}
