/** What a stage will cost, before it ran and before anything was learned (experience.ts): by rule. */
import { methodOf } from '#main/compute/methods.ts'
import type { DataParams, StageInput, StageNode } from '#main/compute/stages.ts'
import { comparedLayers } from '#main/compute/worker/models/compared-layers.ts'
import { forwardOperations, penultimateWidth, weightCount } from '#main/compute/worker/models/shapes.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import type { StageKind } from '#shared/domain/stage.ts'
import { assertNever } from '#shared/errors.ts'
import type { ObjectHash } from '#shared/ids.ts'
import { lengthsOf, type SampleLists } from './sample-lists.ts'

export interface Visits {
  readonly visitsForward: number
  readonly visitsBackward: number
}

/** A backward pass computes two gradients where the forward pass computes one product. */
const backwardWeight = 2

/** Sample-visits of a stage, from its parameters and the lengths of its lists. */
export function estimateVisits(node: StageNode, lists: SampleLists): Visits {
  const lengths = lengthsOf(lists)
  const count = (name: string): number => {
    const input: StageInput | undefined = node.inputs[name]
    return input !== undefined && 'object' in input ? (lengths.get(input.object) ?? 0) : 0
  }
  const training = (samples: number, epochs: number): Visits => {
    const visits = samples * epochs
    return { visitsForward: visits, visitsBackward: visits }
  }
  const stage = node as { [K in StageKind]: StageNode<K> }[StageKind]
  switch (stage.kind) {
    case 'train-original':
    case 'train-shadow':
      return training(count('members'), stage.params.until ?? stage.params.recipe.epochs)
    case 'train-gold':
      return training(count('retain'), stage.params.recipe.epochs)
    case 'train-twin':
      return training(count('members') + count('twin'), stage.params.recipe.epochs)
    case 'features': {
      const { features, steps } = stage.params
      const samples = count('samples')
      const attack = features.includes('af') ? samples * steps : 0
      const references = features.includes('df') ? count('references') : 0
      const early = features.includes('cf') ? samples : 0
      return { visitsForward: samples + references + early + 2 * attack, visitsBackward: attack }
    }
    case 'unlearn': {
      // An attack has the method unlearn from shadow models, whose F and R are their own.
      const half = lists.shadows?.halves.find(({ retain }) => isInput(node, 'retain', retain.object))
      const { forget, retain, classRetain } = half ?? lists
      return methodOf(stage.params.method).estimate(stage.params.options, {
        members: (half ?? lists).members.count,
        forget: forget.count,
        retain: retain.count,
        classRetain,
        twin: 'twin' in node.inputs ? count('twin') : lists.twin.count,
        classes: stage.params.data.classCount,
      })
    }
    case 'relearn': {
      const { steps, batchSize } = stage.params
      const visits = steps * Math.min(batchSize, count('forget'))
      return { visitsForward: visits + (steps + 1) * count('forget'), visitsBackward: visits }
    }
    case 'cka': {
      const { samples, architecture, data } = stage.params
      const models = Object.keys(node.inputs).filter((name) => name === 'model' || name.startsWith('gold')).length
      const perModel = Math.min(samples, count('forget')) + Math.min(samples, count('evaluation'))
      // Each layer is looked at alone.
      const layers = comparedLayers(architecture, data).length
      return { visitsForward: layers * models * perModel, visitsBackward: 0 }
    }
    case 'predict':
      return {
        visitsForward: count('forget') + count('retain') + count('evaluation') + count('twin'),
        visitsBackward: 0,
      }
    case 'given-original':
    case 'random-init':
    case 'fit-predictor':
    case 'label':
    case 'oracle-label':
    case 'two-sample':
    case 'evaluate':
    case 'attack':
      return { visitsForward: 0, visitsBackward: 0 }
    default:
      return assertNever(stage)
  }
}

function isInput(node: StageNode, name: string, object: ObjectHash): boolean {
  const input: StageInput | undefined = node.inputs[name]
  return input !== undefined && 'object' in input && input.object === object
}

/** Bytes that a stage leaves in the object store, without its curve and report, which are small. */
export function estimateBytes(node: StageNode, lists: SampleLists): number {
  const stage = node as { [K in StageKind]: StageNode<K> }[StageKind]
  switch (stage.kind) {
    case 'train-original':
    case 'train-shadow':
      return weightBytes(stage.params) * (1 + stage.params.keepEpochs.length) + checkpointBytes(stage.params)
    case 'train-gold':
    case 'train-twin':
    case 'unlearn':
      return weightBytes(stage.params) + checkpointBytes(stage.params)
    case 'random-init':
      return weightBytes(stage.params)
    case 'predict':
      return predictionBytes(stage.params, lists)
    case 'evaluate': {
      const models = Object.keys(stage.inputs).filter((name) => /^(unlearned|original|gold\d+)$/.test(name)).length
      const width = lists.evaluation.count * evaluatedWidth
      return models * 4 * (stage.params.classCount * evaluatedSamples(lists) + width)
    }
    default:
      return 0
  }
}

/** Width of the penultimate features that outcomes carry, for networks of the workbench's kind. */
const evaluatedWidth = 64

function evaluatedSamples({ forget, retainSample, evaluation }: SampleLists): number {
  return forget.count + retainSample.count + evaluation.count
}

function predictionBytes(
  { architecture, data, featureSets }: StageNode<'predict'>['params'],
  lists: SampleLists,
): number {
  const width = penultimateWidth(architecture, data)
  const features = featureSets.includes('evaluation') ? lists.evaluation.count * width : 0
  return 4 * (evaluatedSamples(lists) * data.classCount + features)
}

function weightBytes({ architecture, data }: { readonly architecture: string; readonly data: DataParams }): number {
  return 4 * weightCount(architecture, data)
}

/** Weights and two moments, in the checkpoint before and the one being written. */
function checkpointBytes(params: { readonly architecture: string; readonly data: DataParams }): number {
  return 2 * 3 * weightBytes(params)
}

/** Floating-point operations per second of one worker, on the safe side: an estimate that shrinks is forgiven. */
const cautiousSpeed: Readonly<Record<EngineId, number>> = {
  cuda: 100e9,
  native: 8e9,
  webgpu: 20e9,
  wasm: 3e9,
  cpu: 0.05e9,
}

/** Seconds that a stage takes whatever its size: reading, writing, arithmetic without an engine. */
const fixedSeconds: Readonly<Record<StageKind, number>> = {
  'train-original': 1,
  'train-gold': 1,
  'train-twin': 1,
  'given-original': 0.1,
  'random-init': 0.2,
  features: 1,
  'fit-predictor': 3,
  label: 0.1,
  'oracle-label': 0.1,
  'two-sample': 1,
  unlearn: 1,
  predict: 0.5,
  evaluate: 4,
  'train-shadow': 1,
  relearn: 1,
  cka: 2,
  attack: 2,
}

/** Seconds on a machine that nothing is known about. */
export function cautiousSeconds(node: Pick<StageNode, 'kind' | 'engine' | 'params'>, visits: Visits): number {
  const weighted = visits.visitsForward + backwardWeight * visits.visitsBackward
  if (weighted === 0) return fixedSeconds[node.kind]
  const params = node.params as { readonly architecture?: string; readonly data?: DataParams }
  if (params.architecture === undefined || params.data === undefined) return fixedSeconds[node.kind]
  const work = weighted * forwardOperations(params.architecture, params.data)
  return fixedSeconds[node.kind] + work / cautiousSpeed[node.engine]
}
