import type { ObjectStore } from '#main/artifacts/object-store.ts'
import type { StageNode, StageResult, StageSpec } from '#main/compute/stages.ts'
import type { Repositories } from '#main/store/index.ts'
import type { Checkpoint, StoredStage } from '#main/store/repositories/stages.ts'
import { AppError } from '#shared/errors.ts'
import type { ObjectHash, StageKey, StudyId } from '#shared/ids.ts'

const leaseMs = 30_000

/** What becomes of stages, in the database: the scheduler's rows, each change before anybody is told of it. */
export class StageRows {
  readonly #repositories: Repositories
  readonly #objects: ObjectStore
  readonly #report: (error: unknown) => void

  /** `report` takes what no watcher can be told. */
  constructor(repositories: Repositories, objects: ObjectStore, report: (error: unknown) => void) {
    this.#repositories = repositories
    this.#objects = objects
    this.#report = report
  }

  /** The stage's row, running for this process now, or succeeded already. */
  begin(node: StageNode): StoredStage {
    const { stages } = this.#repositories
    return this.#repositories.transaction(() => {
      const stored = stages.getStage(node.key)
      if (stored === null) throw new AppError('internal', `The stage ${node.kind} ${node.key} has no row.`)
      if (stored.state === 'succeeded') return stored
      if (stored.state !== 'queued') stages.requeueStage(node.key)
      stages.startStage(node.key, { worker: node.engine, expiresAt: leaseEnd() })
      return stored
    })
  }

  specOf(node: StageNode, checkpoint: Checkpoint | null): StageSpec {
    const { kind, key, version, params, seed, engine } = node
    const inputs: Record<string, ObjectHash> = {}
    for (const [name, input] of Object.entries(node.inputs)) {
      if ('object' in input) {
        inputs[name] = input.object
        continue
      }
      const object = this.#repositories.stages.getStage(input.stage)?.outputs[input.output]
      if (object === undefined) {
        throw new AppError('internal', `The stage ${kind} (${node.label}) lacks its input "${name}".`)
      }
      inputs[name] = object
    }
    return { key, kind, version, params, seed, engine, inputs, checkpoint: checkpoint?.object ?? null }
  }

  async keepCheckpoint(key: StageKey, object: ObjectHash, epoch: number): Promise<void> {
    const previous = this.#repositories.stages.saveCheckpoint(key, object, epoch)
    if (previous?.object !== object) await this.#removeCheckpoint(previous)
  }

  async finish(key: StageKey, { outputs, cost }: StageResult, paidBy: StudyId): Promise<void> {
    await this.#removeCheckpoint(this.#repositories.stages.finishStage(key, outputs, cost, paidBy))
  }

  /** What to tell of the failure; inputs that turn out damaged are given up. */
  async fail(node: StageNode, error: AppError): Promise<AppError> {
    const damaged = error.code === 'corrupt' ? await this.#giveUpDamagedInputs(node) : false
    const told = damaged
      ? new AppError('corrupt', error.message, {
          hint: 'Start the study again: what was damaged is computed anew.',
          details: error.details,
        })
      : error
    try {
      this.#repositories.stages.failStage(node.key, told.toJSON())
    } catch (unwritable) {
      // The row stays `running` until the next start finds it interrupted.
      this.#report(unwritable)
    }
    return told
  }

  /** `queued`: it was stopped to go on later. */
  stop(key: StageKey, state: 'cancelled' | 'interrupted' | 'queued'): void {
    const { stages } = this.#repositories
    try {
      this.#repositories.transaction(() => {
        if (stages.getStage(key)?.state !== 'running') return
        if (state === 'interrupted') stages.interruptStage(key)
        else stages.cancelStage(key)
        if (state === 'queued') stages.requeueStage(key)
      })
    } catch (error) {
      this.#report(error)
    }
  }

  /** A process that hangs longer than a lease is seen to. */
  renew(keys: readonly StageKey[]): void {
    const { stages } = this.#repositories
    try {
      const end = leaseEnd()
      this.#repositories.transaction(() => {
        for (const key of keys) if (stages.getStage(key)?.state === 'running') stages.renewLease(key, end)
      })
    } catch (error) {
      this.#report(error)
    }
  }

  /** A checkpoint names its stage within, so that no other row can refer to the same object. */
  async #removeCheckpoint(checkpoint: Checkpoint | null): Promise<void> {
    if (checkpoint === null) return
    try {
      await this.#objects.remove(checkpoint.object)
    } catch (error) {
      // Left over, not lost: a clean-up finds it.
      this.#report(error)
    }
  }

  /** Objects that can't be read any more are no results: the stages that made them wait again. */
  async #giveUpDamagedInputs(node: StageNode): Promise<boolean> {
    const { stages } = this.#repositories
    let found = false
    try {
      for (const input of Object.values(node.inputs)) {
        if ('object' in input) continue
        const object = stages.getStage(input.stage)?.outputs[input.output]
        if (object === undefined || (await this.#objects.verify(object)).state === 'ok') continue
        await this.#objects.remove(object)
        stages.invalidateStage(input.stage)
        found = true
      }
    } catch (error) {
      this.#report(error)
    }
    return found
  }
}

function leaseEnd(): string {
  return new Date(Date.now() + leaseMs).toISOString()
}
