/** A request to forget some of a few small images, for a network of two dense layers; every stage runs for real. */
import { type MethodParams, methods, parseMethodOptions } from '#main/compute/methods.ts'
import type { DataParams, StageSpec } from '#main/compute/stages.ts'
import { readJson, readWeights, writeArrays } from '#main/compute/worker/array-objects.ts'
import { initialWeights } from '#main/compute/worker/models/initial-weights.ts'
import { runStage } from '#main/compute/worker/run-stage.ts'
import { declaredInputs } from '#main/compute/worker/tmu/unlearn-stage.ts'
import type { NamedArrays } from '#main/compute/worker/training/types.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import type { ObjectHash } from '#shared/ids.ts'
import { Random } from '#shared/random.ts'
import { recipe, type StoredProblem, specOf, storeImages } from '../training/tiny-problem.ts'
import type { Row } from './plain-mlp.ts'

export const seed = 1
const [height, width] = [3, 2]

export interface TinyRequest extends AsyncDisposable {
  readonly stored: StoredProblem
  readonly data: DataParams
  readonly architecture: string
  readonly original: NamedArrays
  readonly forget: Int32Array
  readonly retain: Int32Array
  readonly twin: Int32Array
  /** Samples as the plain network reads them. */
  rows(samples: Int32Array): Row[]
  spec(
    method: string,
    options?: MethodParams,
    more?: { readonly checkpoint?: ObjectHash; readonly engine?: EngineId },
  ): StageSpec<'unlearn'>
}

export interface Shape {
  readonly classCount?: number
  readonly channels?: number
  readonly architecture?: string
  /** The samples after them are those that no model saw. */
  readonly members?: number
  /** How many those are, at least. */
  readonly unseen?: number
  /** By how much the pixels that show a class are brighter; their noise has a deviation of 30. */
  readonly bright?: number
  readonly forget?: Int32Array
}

/** 24 members, of which the first 6 are to be forgotten, and 16 samples that no model saw. The original is a stage's. */
export async function tinyRequest(changes: Shape = {}): Promise<TinyRequest> {
  const {
    classCount = 3,
    channels = 1,
    architecture = 'mlp',
    members = 24,
    unseen = 16,
    bright = 70,
    forget = sequence(0, 6),
  } = changes
  const count = members + Math.max(unseen, classCount)
  const random = Random.of(5, 'tiny-request')
  const labels = Int32Array.from({ length: count }, (_, i) => i % classCount)
  const size = height * width * channels
  const pixels = Uint8Array.from({ length: count * size }, (_, i) => {
    const own = (i % size) % classCount === labels[Math.floor(i / size)] ? bright : 0
    return Math.max(0, Math.min(255, Math.round(90 + own + 30 * random.normal())))
  })
  const ofChannels = (value: number): number[] => new Array(channels).fill(value)
  const data: DataParams = {
    height,
    width,
    channels,
    classCount,
    normalisation: { mean: ofChannels(0.45), std: ofChannels(0.2) },
  }
  const stored = await storeImages(pixels, labels)
  const network = { data, architecture }
  const retain = sequence(0, members).filter((sample) => !forget.includes(sample))
  const twin = sequence(members, count)
  const common = { images: stored.images, labels: stored.labels }
  const trained = await runStage(
    specOf(
      'train-original',
      { ...network, recipe: { ...recipe, epochs: 4, lr: 0.01, batchSize: 8 }, keepEpochs: [2, 4] },
      { ...common, members: await stored.ids(sequence(0, members)) },
      { seed },
    ),
    stored.objects.root,
    { signal: new AbortController().signal, onProgress: () => {} },
  )
  const inputs: Readonly<Record<string, ObjectHash>> = {
    ...common,
    forget: await stored.ids(forget),
    retain: await stored.ids(retain),
    twin: await stored.ids(twin),
    twinModel: trained.outputs.weights,
    original: trained.outputs.weights,
    'epoch-2': trained.outputs['epoch-2'],
    'epoch-4': trained.outputs['epoch-4'],
    easyHard: await writeArrays(stored.objects, {
      easy: { shape: [forget.length], data: Uint8Array.from(forget, (_, i) => i % 2) },
      ids: { shape: [forget.length], data: forget },
    }),
  }
  return {
    stored,
    data,
    architecture,
    forget,
    retain,
    twin,
    original: await readWeights(stored.objects, trained.outputs.weights),
    rows: (samples) =>
      Array.from(samples, (sample) => ({
        x: Float64Array.from(
          pixels.subarray(sample * size, (sample + 1) * size),
          (pixel) => (pixel / 255 - 0.45) / 0.2,
        ),
        label: labels[sample],
      })),
    spec(method, options = {}, more = {}) {
      const complete = parseMethodOptions(method, options)
      const wanted = ['images', 'labels', ...declaredInputs(methods.get(method)?.needs(complete) ?? {})]
      return specOf(
        'unlearn',
        { ...network, recipe, method, options: complete },
        Object.fromEntries(wanted.map((name) => [name, inputs[name]])),
        { seed, ...more },
      )
    },
    [Symbol.asyncDispose]: () => stored[Symbol.asyncDispose](),
  }
}

export interface Unlearned {
  /** Object of the weights: equal hashes are equal bits. */
  readonly object: ObjectHash
  readonly weights: NamedArrays
  readonly report: unknown
  readonly cost: { readonly visitsForward: number; readonly visitsBackward: number }
}

/** Runs a method's stage. */
export async function unlearn(
  request: TinyRequest,
  ...[method, options, more]: Parameters<TinyRequest['spec']>
): Promise<Unlearned> {
  const { objects } = request.stored
  const { outputs, cost } = await runStage(request.spec(method, options, more), objects.root, {
    signal: new AbortController().signal,
    onProgress: () => {},
  })
  return {
    object: outputs.weights,
    weights: await readWeights(objects, outputs.weights),
    report: await readJson(objects, outputs.report),
    cost,
  }
}

export function untrained(request: TinyRequest, ofSeed: number): NamedArrays {
  return initialWeights(request.architecture, request.data, ofSeed)
}

export function sequence(start: number, end: number): Int32Array {
  return Int32Array.from({ length: end - start }, (_, i) => start + i)
}
