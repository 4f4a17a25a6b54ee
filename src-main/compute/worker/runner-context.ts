import type { EngineProvenance } from '#shared/domain/engine.ts'
import type { DataParams, StageSpec } from '../stages.ts'
import * as arrayObjects from './array-objects.ts'
import type { ImageCache } from './data/image-feed.ts'
import type { Engine } from './engines/engine.ts'
import type { StageObjects } from './stage-objects.ts'
import type { RunnerContext } from './stage-runner.ts'
import type { CheckpointSlot, PixelFeed, StageContext } from './training/types.ts'

export interface RunnerContextParts {
  readonly spec: Pick<StageSpec, 'seed' | 'engine'>
  readonly objects: StageObjects
  readonly signal: AbortSignal
  readonly images: ImageCache
  /** Added to by the stage. */
  readonly cost: StageSpending
  readonly breathe: () => Promise<void>
  readonly checkpoints: CheckpointSlot
}

export interface StageSpending {
  forward: number
  backward: number
  /** Spent by earlier attempts on what isn't done again. */
  secondsBefore: number
  /** Loading engine and images: a worker that has them doesn't, so it is no cost of the stage. */
  secondsOfLoading: number
  /** The engine, once it is loaded. */
  madeBy: EngineProvenance | null
}

export function createRunnerContext(parts: RunnerContextParts): RunnerContext {
  const { spec, objects, signal, images, cost, breathe, checkpoints } = parts
  const loading = async <T>(load: () => Promise<T>): Promise<T> => {
    const startedAt = performance.now()
    try {
      return await load()
    } finally {
      cost.secondsOfLoading += (performance.now() - startedAt) / 1000
    }
  }
  let loaded: Promise<Engine> | null = null
  const engine = (): Promise<Engine> => {
    loaded ??= loading(async () => {
      const { loadEngine } = await import('./engines/engine.ts')
      const engine = await loadEngine(spec.engine)
      const { version, device, threads, kernelSet } = engine
      cost.madeBy = { version, device, threads, kernelSet }
      return engine
    })
    return loaded
  }
  const pixels = async (data: DataParams, hash: Parameters<RunnerContext['pixels']>[1]): Promise<PixelFeed> => {
    const { createPixelFeed } = await import('./data/image-feed.ts')
    return createPixelFeed(await engine(), data, await loading(() => images.read(objects, hash)))
  }
  return {
    objects,
    signal,
    checkpoints,
    breathe,
    engine,
    async stage(): Promise<StageContext> {
      return {
        seed: spec.seed,
        signal,
        engine: await engine(),
        breathe,
        count({ forward = 0, backward = 0, seconds = 0 }) {
          cost.forward += forward
          cost.backward += backward
          cost.secondsBefore += seconds
        },
      }
    },
    pixels,
    async feed(data, imagesHash, labelsHash) {
      const { withLabels } = await import('./data/image-feed.ts')
      return withLabels(await pixels(data, imagesHash), await arrayObjects.readLabels(objects, labelsHash))
    },
    async createNetwork(architecture, data, seed) {
      const { createNetwork } = await import('./models/network.ts')
      const { initialWeights } = await import('./models/initial-weights.ts')
      const weights = seed === undefined ? null : initialWeights(architecture, data, seed)
      return createNetwork(await engine(), architecture, data, weights)
    },
    readArrays: (object) => arrayObjects.readArrays(objects, object),
    readWeights: (object) => arrayObjects.readWeights(objects, object),
    readIds: (object) => arrayObjects.readIds(objects, object),
    readJson: (object) => arrayObjects.readJson(objects, object),
    writeArrays: (arrays, metadata) => arrayObjects.writeArrays(objects, arrays, metadata),
    writeJson: (value) => arrayObjects.writeJson(objects, value),
  }
}
