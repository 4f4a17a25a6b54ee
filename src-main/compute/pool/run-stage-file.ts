/** One stage by itself: no workspace, no database, nothing but its file and the object store. */
import { open, readFile, rename, rm } from 'node:fs/promises'
import { z } from 'zod'
import { ObjectStore } from '#main/artifacts/object-store.ts'
import { storageError } from '#main/artifacts/storage-errors.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import { AppError } from '#shared/errors.ts'
import type { ObjectHash } from '#shared/ids.ts'
import { readStageFile } from '../stage-file.ts'
import type { StageProgress, StageResult } from '../stages.ts'
import type { Launcher } from './launcher.ts'
import { WorkerPool } from './worker-pool.ts'

export interface RunStageFileOptions {
  /** What starts workers of an engine: the file names the stage's. */
  launcherOf(engine: EngineId): Launcher
  readonly signal: AbortSignal
  onProgress(progress: StageProgress): void
  /**
   * The caller looks after checkpoints: they are told and stay. Otherwise the last one is recorded beside the file, a
   * further attempt goes on from there, and nothing of it is left in the end.
   */
  readonly keepCheckpoints: boolean
}

/**
 * Runs the stage in a worker process of its own, which gets the environment that its engine needs.
 * @throws AppError what the stage threw; `bad-input` naming what is wrong with the file; `not-found` without an input.
 */
export async function runStageFile(path: string, options: RunStageFileOptions): Promise<StageResult> {
  const { signal, onProgress, keepCheckpoints } = options
  const { spec, objectsRoot } = await readStageFile(path)
  const objects = new ObjectStore(objectsRoot)
  for (const [name, object] of Object.entries(spec.inputs)) {
    if (await objects.has(object as ObjectHash)) continue
    throw new AppError('not-found', `The input "${name}" of the stage (${object}) is not in "${objectsRoot}".`, {
      hint: 'Give the object store of the workspace that planned the stage: its folder "objects".',
    })
  }
  const record = keepCheckpoints ? null : new CheckpointRecord(`${path}.checkpoint`, objects)
  const pool = new WorkerPool({ launcher: options.launcherOf(spec.engine), objectsRoot, engine: spec.engine, size: 1 })
  try {
    const checkpoint = (await record?.read()) ?? spec.checkpoint
    const result = await pool.execute(
      { ...spec, checkpoint },
      {
        signal,
        async onProgress(progress) {
          if (progress.kind === 'checkpoint') await record?.write(progress.object)
          onProgress(progress)
        },
      },
    )
    await record?.clear()
    return result
  } finally {
    await pool.close()
  }
}

const recordSchema = z.object({ object: z.string().regex(/^[0-9a-f]{64}$/) })

/** Which object a stage resumes from: a file, replaced as a whole. */
class CheckpointRecord {
  readonly #path: string
  readonly #objects: ObjectStore

  constructor(path: string, objects: ObjectStore) {
    this.#path = path
    this.#objects = objects
  }

  /** Null where there is none, or none that can be read: training from the start comes to the same result. */
  async read(): Promise<ObjectHash | null> {
    const text = await readFile(this.#path, 'utf8').catch(() => '')
    try {
      return recordSchema.parse(JSON.parse(text)).object as ObjectHash
    } catch {
      return null
    }
  }

  async write(object: ObjectHash): Promise<void> {
    const previous = await this.read()
    const temporary = `${this.#path}.new`
    try {
      const file = await open(temporary, 'w')
      try {
        await file.writeFile(`${JSON.stringify({ object })}\n`)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(temporary, this.#path)
    } catch (error) {
      throw storageError(error, 'the checkpoint of the stage')
    }
    if (previous !== null && previous !== object) await this.#objects.remove(previous)
  }

  async clear(): Promise<void> {
    const last = await this.read()
    await rm(this.#path, { force: true })
    if (last !== null) await this.#objects.remove(last)
  }
}
