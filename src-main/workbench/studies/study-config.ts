import { completeMethodOptions, type MethodParams, methodOf } from '#main/compute/methods.ts'
import { architectureOf } from '#main/compute/worker/models/architectures.ts'
import type { Dataset, ImageShape } from '#shared/domain/dataset.ts'
import type { ForgetSet } from '#shared/domain/forget-set.ts'
import type { Recipe, StudyConfig } from '#shared/domain/study.ts'
import { AppError } from '#shared/errors.ts'
import { withoutCheckpoints } from '../models/without-checkpoints.ts'
import type { StudySettings } from './settings.ts'

/** Accepted gap of a study's verdicts: 5 points. */
const margin = 0.05
/** M_e: late enough to have learned the classes, early enough not to have memorised F (SCIENCE section 1). */
const usualEarlyEpoch = 2
/** Golds get seeds of their own, beyond those of any run. */
const firstGoldSeed = 1001

export interface ConfigParts {
  readonly dataset: Dataset
  readonly forgetSet: ForgetSet
  readonly architecture?: string | undefined
  /** The original is given, not trained: it has no early checkpoints. */
  readonly isOriginalGiven?: boolean
  readonly methods: readonly string[]
  readonly seeds: number
  readonly golds: number
  readonly settings: StudySettings
}

/**
 * A study's frozen configuration, complete.
 * @throws AppError `bad-input` for an unknown architecture and for epochs that the original doesn't reach.
 */
export function studyConfig(parts: ConfigParts): StudyConfig {
  const { dataset, forgetSet, methods, seeds, golds, settings } = parts
  const architecture = architectureOf(parts.architecture ?? usualArchitecture(dataset.shape)).id
  const usual = usualTraining[architecture] ?? { epochs: 25, lr: 2e-3 }
  const { optimizer = 'adam' } = settings
  const recipe: Recipe = {
    epochs: settings.epochs ?? usual.epochs,
    batchSize: settings.batchSize ?? 64,
    optimizer,
    lr: settings.lr ?? (optimizer === 'sgd' ? usualSgdRate : usual.lr),
    schedule: settings.schedule ?? 'cosine',
    momentum: settings.momentum ?? 0.9,
    weightDecay: settings.weightDecay ?? 0,
    ...(settings.augment === undefined ? {} : { augment: settings.augment }),
  }
  const earlyEpoch = settings.earlyEpoch ?? Math.min(usualEarlyEpoch, recipe.epochs)
  if (earlyEpoch > recipe.epochs) throw beyondTraining('earlyEpoch', earlyEpoch, recipe.epochs)
  const methodParams = parts.isOriginalGiven
    ? methodsWithoutCheckpoints(completeMethodOptions(methods, settings.methods))
    : completeMethodOptions(methods, withinEpochs(methods, settings.methods, recipe.epochs))
  return {
    datasetId: dataset.id,
    splitId: forgetSet.splitId,
    forgetSetId: forgetSet.id,
    architecture,
    recipe,
    twinRecipe: { ...recipe, epochs: Math.max(1, Math.round(recipe.epochs / 3)), lr: recipe.lr / 3 },
    earlyEpoch,
    methods,
    methodParams,
    seeds: Array.from({ length: seeds }, (_, i) => 1 + i),
    goldSeeds: Array.from({ length: golds }, (_, i) => firstGoldSeed + i),
    margin,
  }
}

/** @throws AppError `unsupported` for a method, or a variant of a sweep, that needs what a given original lacks. */
function methodsWithoutCheckpoints(
  params: Readonly<Record<string, MethodParams>>,
): Readonly<Record<string, MethodParams>> {
  return Object.fromEntries(
    Object.entries(params).map(([method, given]) => {
      const { params: possible, obstacle } = withoutCheckpoints(method, given)
      if (obstacle === null) return [method, possible]
      throw new AppError('unsupported', `${method} can't work with a given original: ${obstacle}.`, {
        hint: 'Leave it out, or let the workbench train the original.',
        details: { method },
      })
    }),
  )
}

/** Small grey images take the small network; anything else the one with a third convolution. */
function usualArchitecture([height, width]: ImageShape): string {
  return Math.max(height, width) <= 28 ? 'tiny-cnn' : 'small-cnn'
}

/** Half of what the public codes give a ResNet with batches of 128 to 256. */
const usualSgdRate = 0.05

/** SCIENCE section 7: what overfits these networks enough to have something to forget. */
const usualTraining: Readonly<Record<string, { readonly epochs: number; readonly lr: number }>> = {
  'tiny-cnn': { epochs: 30, lr: 3e-3 },
  'small-cnn': { epochs: 25, lr: 2e-3 },
  'pooled-cnn-thin': { epochs: 25, lr: 2e-3 },
  'pooled-cnn': { epochs: 25, lr: 1e-3 },
  'wide-cnn': { epochs: 25, lr: 1e-3 },
  // Without batch norm, depth takes small steps only.
  'vgg-11': { epochs: 30, lr: 3e-4 },
  'resnet-small': { epochs: 25, lr: 3e-3 },
  'resnet-18': { epochs: 30, lr: 1e-3 },
}

/**
 * Methods that begin at a checkpoint of the original: one that a short training doesn't reach is refused where it was
 * asked for, and is the last one there is where it's merely the default.
 */
function withinEpochs(
  methods: readonly string[],
  given: Readonly<Record<string, MethodParams>>,
  epochs: number,
): Readonly<Record<string, MethodParams>> {
  const adjusted: Record<string, MethodParams> = { ...given }
  for (const method of methods) {
    const definition = methodOf(method)
    const set = { ...given[methodOf(method).id], ...given[method] }
    const params = completeMethodOptions([method], given)[method] ?? {}
    const early = definition.features?.(params).earlyEpoch ?? null
    if (early !== null && early > epochs) throw beyondTraining(`${method}.earlyEpoch`, early, epochs)
    const beyond = (definition.needs(params).epochs ?? []).filter((epoch) => epoch > epochs)
    for (const [key, value] of Object.entries(params)) {
      if (typeof value !== 'number' || !beyond.includes(value) || !isEpochOfOriginal(method, key, params)) continue
      if (Object.hasOwn(set, key)) throw beyondTraining(`${method}.${key}`, value, epochs)
      adjusted[method] = { ...adjusted[method], [key]: epochs }
    }
  }
  return adjusted
}

/** Whether a parameter chooses a checkpoint: changing it changes which ones the method needs. */
function isEpochOfOriginal(method: string, key: string, params: MethodParams): boolean {
  const { needs } = methodOf(method)
  const before = needs(params).epochs ?? []
  const after = needs({ ...params, [key]: 1 }).epochs ?? []
  return before.join() !== after.join()
}

function beyondTraining(key: string, epoch: number, epochs: number): AppError {
  return new AppError(
    'bad-input',
    `${key} = ${epoch} is not possible: the original is trained for ${epochs} epochs, so it must be from 1 to ${epochs}.`,
    { hint: 'Choose an earlier epoch, or train longer with epochs.', details: { key } },
  )
}
