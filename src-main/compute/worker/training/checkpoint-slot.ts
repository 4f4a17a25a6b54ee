import { AppError } from '#shared/errors.ts'
import type { ObjectHash, StageKey } from '#shared/ids.ts'
import type { StageProgress } from '../../stages.ts'
import { floatArrays, readArraysAndMetadata, writeArrays } from '../array-objects.ts'
import type { StageObjects } from '../stage-objects.ts'
import type { CheckpointSlot, NamedArrays, TrainingCheckpoint } from './types.ts'

/** In the checkpoint object's metadata, as JSON. */
interface Manifest {
  readonly stage: StageKey
  readonly phases: readonly {
    readonly phase: string
    readonly epoch: number
    readonly step: number
    readonly keptEpochs: readonly number[]
    readonly state: unknown
  }[]
}

const manifestKey = 'checkpoint'

/**
 * A stage's checkpoints as one safetensors object: arrays `N/weights/…`, `N/optimizer/…` and `N/kept/EPOCH/…` for the
 * N-th phase, the rest in the metadata. Every save writes a new object with all phases.
 */
export class ObjectCheckpointSlot implements CheckpointSlot {
  readonly #objects: StageObjects
  readonly #stage: StageKey
  readonly #phases: Map<string, TrainingCheckpoint>

  private constructor(objects: StageObjects, stage: StageKey, phases: Map<string, TrainingCheckpoint>) {
    this.#objects = objects
    this.#stage = stage
    this.#phases = phases
  }

  /**
   * The slot of a stage, with what an earlier attempt left in `checkpoint`. One that is missing, damaged or of another
   * stage is passed over: training from the start comes to the same result.
   */
  static async open(
    objects: StageObjects,
    stage: StageKey,
    checkpoint: ObjectHash | null,
  ): Promise<ObjectCheckpointSlot> {
    const phases = checkpoint === null ? new Map<string, TrainingCheckpoint>() : await read(objects, stage, checkpoint)
    return new ObjectCheckpointSlot(objects, stage, phases)
  }

  load(phase: string): Promise<TrainingCheckpoint | null> {
    return Promise.resolve(this.#phases.get(phase) ?? null)
  }

  async save(checkpoint: TrainingCheckpoint): Promise<StageProgress> {
    this.#phases.set(checkpoint.phase, checkpoint)
    const arrays: Record<string, NamedArrays[string]> = {}
    const add = (prefix: string, named: NamedArrays): void => {
      for (const [name, array] of Object.entries(named)) arrays[`${prefix}/${name}`] = array
    }
    const phases = [...this.#phases.values()]
    for (const [i, { weights, optimizer, kept }] of phases.entries()) {
      add(`${i}/weights`, weights)
      add(`${i}/optimizer`, optimizer)
      for (const [epoch, named] of kept) add(`${i}/kept/${epoch}`, named)
    }
    const manifest: Manifest = {
      stage: this.#stage,
      phases: phases.map(({ phase, epoch, step, kept, state }) => ({
        phase,
        epoch,
        step,
        keptEpochs: [...kept.keys()],
        state,
      })),
    }
    const object = await writeArrays(this.#objects, arrays, { [manifestKey]: JSON.stringify(manifest) })
    return { kind: 'checkpoint', epoch: checkpoint.epoch, object }
  }
}

async function read(
  objects: StageObjects,
  stage: StageKey,
  checkpoint: ObjectHash,
): Promise<Map<string, TrainingCheckpoint>> {
  try {
    const { arrays, metadata } = await readArraysAndMetadata(objects, checkpoint)
    const floats = floatArrays(arrays, checkpoint)
    const manifest = JSON.parse(metadata[manifestKey] ?? 'null') as Manifest | null
    if (manifest?.stage !== stage)
      throw new AppError('corrupt', `The object ${checkpoint} is no checkpoint of the stage.`)
    return new Map(
      manifest.phases.map(({ phase, epoch, step, keptEpochs, state }, i) => [
        phase,
        {
          phase,
          epoch,
          step,
          state,
          weights: below(floats, `${i}/weights/`),
          optimizer: below(floats, `${i}/optimizer/`),
          kept: new Map(keptEpochs.map((kept) => [kept, below(floats, `${i}/kept/${kept}/`)])),
        },
      ]),
    )
  } catch (error) {
    if (error instanceof AppError && (error.code === 'corrupt' || error.code === 'bad-input')) return new Map()
    throw error
  }
}

function below(arrays: NamedArrays, prefix: string): NamedArrays {
  const inside = Object.entries(arrays).filter(([name]) => name.startsWith(prefix))
  return Object.fromEntries(inside.map(([name, array]) => [name.slice(prefix.length), array]))
}
