/** The one way a stage is run, in whatever process: nothing here knows Node. */
import type { StageKind } from '#shared/domain/stage.ts'
import { AppError } from '#shared/errors.ts'
import { stageError } from '../out-of-memory.ts'
import { type StageProgress, type StageResult, type StageSpec, stageVersions } from '../stages.ts'
import { createBreathing, throwIfCancelled } from './breathing.ts'
import { ImageCache } from './data/image-feed.ts'
import { createRunnerContext, type StageSpending } from './runner-context.ts'
import type { StageObjects } from './stage-objects.ts'
import { loadStageRunner } from './stage-runners.ts'
import { ObjectCheckpointSlot } from './training/checkpoint-slot.ts'
import type { CheckpointSlot } from './training/types.ts'

export interface RunStageOptions {
  readonly signal: AbortSignal
  /**
   * Called in order. A checkpoint counts as acknowledged when the returned promise resolves: no further one is
   * written before, and the stage fails if it rejects.
   */
  readonly onProgress: (progress: StageProgress) => void | Promise<void>
  /** Kept between the stages of one process. */
  readonly images?: ImageCache
}

/** The process that a stage runs in. */
export interface StageHost {
  readonly objects: StageObjects
  /** Peak of memory is counted from here on. */
  resetPeakMemory(): void
  /** Bytes. */
  peakMemory(): number
}

/**
 * Runs a stage to its end. Everything it reads and writes is in the host's object store.
 * @throws AppError `cancelled`, `diverged`, `corrupt`, `out-of-memory`, …; whatever was thrown is made one.
 */
export async function runStageOn<K extends StageKind>(
  { objects, resetPeakMemory, peakMemory }: StageHost,
  spec: StageSpec<K>,
  options: RunStageOptions,
): Promise<StageResult> {
  const { signal, onProgress, images = new ImageCache() } = options
  try {
    throwIfCancelled(signal)
    checkVersion(spec)
    resetPeakMemory()
    const startedAt = performance.now()
    const acknowledgement = new Acknowledgement(signal)
    const slot = await ObjectCheckpointSlot.open(objects, spec.key, spec.checkpoint)
    const cost: StageSpending = { forward: 0, backward: 0, secondsBefore: 0, secondsOfLoading: 0, madeBy: null }
    const context = createRunnerContext({
      spec,
      objects,
      signal,
      images,
      cost,
      breathe: createBreathing(signal),
      checkpoints: acknowledgement.guard(slot),
    })
    const run = await loadStageRunner(spec.kind)
    const events = run(spec, context)
    let step = await events.next()
    for (; !step.done; step = await events.next()) {
      if (step.value.kind === 'checkpoint') acknowledgement.expect(Promise.resolve(onProgress(step.value)))
      else await onProgress(step.value)
    }
    await acknowledgement.received()
    const seconds = (performance.now() - startedAt) / 1000 - cost.secondsOfLoading + cost.secondsBefore
    return {
      outputs: step.value,
      cost: {
        seconds,
        visitsForward: cost.forward,
        visitsBackward: cost.backward,
        engine: spec.engine,
        ...(cost.madeBy === null ? {} : { madeBy: cost.madeBy }),
        peakMemory: peakMemory(),
      },
    }
  } catch (error) {
    throw stageError(error, `the stage ${spec.kind} ${spec.key.slice(0, 12)}, on the engine ${spec.engine}`)
  }
}

/** Training goes on while the last checkpoint's row is written, but no second one is written before. */
class Acknowledgement {
  readonly #signal: AbortSignal
  #pending: Promise<void> = Promise.resolve()

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  expect(acknowledged: Promise<void>): void {
    this.#pending = acknowledged
    // Its failure is thrown by whoever waits next.
    this.#pending.catch(() => {})
  }

  async received(): Promise<void> {
    throwIfCancelled(this.#signal)
    const { promise: aborted, resolve } = Promise.withResolvers<unknown>()
    const onAbort = (): void => resolve(null)
    this.#signal.addEventListener('abort', onAbort, { once: true })
    try {
      await Promise.race([this.#pending, aborted])
      throwIfCancelled(this.#signal)
    } finally {
      this.#signal.removeEventListener('abort', onAbort)
    }
  }

  guard(slot: CheckpointSlot): CheckpointSlot {
    return {
      load: (phase) => slot.load(phase),
      save: async (checkpoint) => {
        await this.received()
        return await slot.save(checkpoint)
      },
    }
  }
}

function checkVersion(spec: StageSpec): void {
  const known: number | undefined = stageVersions[spec.kind]
  if (known === spec.version) return
  throw new AppError(
    'unsupported',
    `This program computes version ${known ?? 'none'} of the stage ${spec.kind}, but version ${spec.version} was asked for.`,
    { hint: 'Run it with the version of the program that planned it.' },
  )
}
