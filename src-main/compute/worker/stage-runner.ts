/** What every stage runner gets and gives. Types and small input helpers only: no tensors are loaded here. */
import type { StageKind } from '#shared/domain/stage.ts'
import { AppError } from '#shared/errors.ts'
import type { ObjectHash } from '#shared/ids.ts'
import type { DataParams, StageProgress, StageSpec, StageTypes } from '../stages.ts'
import type { Engine } from './engines/engine.ts'
import type { StageObjects } from './stage-objects.ts'
import type { CheckpointSlot, ImageFeed, Network, PixelFeed, StageContext } from './training/types.ts'

/** One array of an artifact (safetensors). */
export interface StoredArray {
  readonly shape: readonly number[]
  readonly data: Float32Array | Float64Array | Int32Array | Uint8Array
}

/** Arrays by name, in the file's order. */
export type StoredArrays = Readonly<Record<string, StoredArray>>

/** Output name -> object. */
export type StageOutputs = Readonly<Record<string, ObjectHash>>

/**
 * Runs one stage: yields progress, returns the outputs that `StageTypes` names for the kind. It ends with
 * AppError('cancelled') when the signal aborts, and leaves no tensor behind however it ends.
 */
export type StageRunner<K extends StageKind> = (
  spec: StageSpec<K>,
  context: RunnerContext,
) => AsyncGenerator<StageProgress, StageOutputs>

export type StageRunners<K extends StageKind = StageKind> = { readonly [Kind in K]: StageRunner<Kind> }

export interface RunnerContext {
  readonly objects: StageObjects
  readonly signal: AbortSignal
  /** Loads the spec's engine at the first call; a stage of plain arithmetic never calls it. */
  engine(): Promise<Engine>
  /** Context for training and methods; loads the engine. */
  stage(): Promise<StageContext>
  /** See StageContext.breathe; needs no engine. */
  breathe(): Promise<void>
  /** Pixels and labels, kept for the worker's next stage on the same data set. Loads the engine. */
  feed(data: DataParams, images: ObjectHash, labels: ObjectHash): Promise<ImageFeed>
  /** Pixels alone. Loads the engine. */
  pixels(data: DataParams, images: ObjectHash): Promise<PixelFeed>
  /**
   * Seeded initial weights, or zeros (to be loaded) without a seed. The caller disposes. Loads the engine.
   * Refuses an unknown architecture.
   */
  createNetwork(architecture: string, data: DataParams, seed?: number): Promise<Network>
  /** All arrays of a safetensors object. */
  readArrays(object: ObjectHash): Promise<StoredArrays>
  /** Weights: as `readArrays`, refusing anything but float32. */
  readWeights(object: ObjectHash): Promise<Readonly<Record<string, StoredArray & { readonly data: Float32Array }>>>
  /** An ids object: ascending sample indices. */
  readIds(object: ObjectHash): Promise<Int32Array>
  readJson(object: ObjectHash): Promise<unknown>
  writeArrays(arrays: StoredArrays, metadata?: Readonly<Record<string, string>>): Promise<ObjectHash>
  writeJson(value: unknown): Promise<ObjectHash>
  readonly checkpoints: CheckpointSlot
}

/** The object of a declared input; its absence is a fault of the planner. */
export function inputOf<K extends StageKind>(spec: StageSpec<K>, name: StageTypes[K]['inputs'] & string): ObjectHash {
  const object = spec.inputs[name]
  if (object === undefined) throw new AppError('internal', `The ${spec.kind} stage got no input "${name}".`)
  return object
}

/** The object of a declared input that a stage can do without. */
export function optionalInputOf<K extends StageKind>(
  spec: StageSpec<K>,
  name: StageTypes[K]['inputs'] & string,
): ObjectHash | null {
  return spec.inputs[name] ?? null
}
