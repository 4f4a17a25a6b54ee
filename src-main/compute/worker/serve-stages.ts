/** What a worker does, whatever process it is. */
import { AppError } from '#shared/errors.ts'
import type { ObjectHash, StageKey } from '#shared/ids.ts'
import type { FromWorker, ToWorker } from '../protocol.ts'
import type { StageProgress, StageResult, StageSpec } from '../stages.ts'
import type { ParentChannel } from './channel.ts'
import { ImageCache } from './data/image-feed.ts'
import type { RunStageOptions } from './run-stage-on.ts'

interface RunningStage {
  readonly key: StageKey
  readonly abort: AbortController
  /** Checkpoints whose rows aren't durable yet. */
  readonly unacknowledged: Map<ObjectHash, () => void>
}

/** What a worker's process brings along. */
export interface WorkerHost {
  readonly pid: number
  run(spec: StageSpec, objectsRoot: string, options: RunStageOptions): Promise<StageResult>
  /** For the worker's log. */
  log(error: unknown): void
}

/** Takes stages from the channel, one at a time; works in Node and in a browser. */
export function serveStages(
  channel: Pick<ParentChannel<ToWorker, FromWorker>, 'send' | 'onMessage'>,
  host: WorkerHost,
): void {
  const images = new ImageCache()
  let running: RunningStage | null = null
  let turn: Promise<unknown> = Promise.resolve()
  /** Stages and probes one after the other: a probe makes each engine the active one for a while. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = turn.then(work)
    turn = done.catch(() => {})
    return done
  }

  async function run({ spec, objectsRoot }: Extract<ToWorker, { type: 'run' }>): Promise<void> {
    const { key } = spec
    if (running !== null) {
      const error = new AppError('conflict', `The worker is still busy with the stage ${running.key}.`)
      channel.send({ type: 'failed', key, error: error.toJSON() })
      return
    }
    const stage: RunningStage = { key, abort: new AbortController(), unacknowledged: new Map() }
    running = stage
    const onProgress = async (progress: StageProgress): Promise<void> => {
      if (progress.kind !== 'checkpoint') {
        channel.send({ type: 'progress', key, progress })
        return
      }
      const { epoch, object } = progress
      await new Promise<void>((acknowledge) => {
        stage.unacknowledged.set(object, acknowledge)
        channel.send({ type: 'checkpoint', key, epoch, object })
      })
    }
    try {
      const options = { signal: stage.abort.signal, onProgress, images }
      const result = await inTurn(() => host.run(spec, objectsRoot, options))
      running = null
      channel.send({ type: 'done', key, result })
    } catch (thrown) {
      running = null
      const error = AppError.from(thrown)
      // The stack is for the worker's log; what a user sees is the sentence.
      if (error.code === 'internal') host.log(error.cause ?? error)
      channel.send({ type: 'failed', key, error: error.toJSON() })
    }
  }

  async function probe({ id, engines }: Extract<ToWorker, { type: 'probe-engines' }>): Promise<void> {
    // The tensor library isn't loaded before somebody needs it.
    const { probeEngines } = await import('./engines/engine.ts')
    channel.send({ type: 'engines', id, engines: await inTurn(() => probeEngines(engines)) })
  }

  async function time({
    id,
    engine,
    network,
    count,
    warmUp,
  }: Extract<ToWorker, { type: 'time-steps' }>): Promise<void> {
    const { loadEngine } = await import('./engines/engine.ts')
    const { timeSteps } = await import('./training/time-steps.ts')
    try {
      const milliseconds = await inTurn(async () => timeSteps(await loadEngine(engine), network, count, warmUp))
      channel.send({ type: 'step-times', id, milliseconds, error: null })
    } catch (error) {
      channel.send({ type: 'step-times', id, milliseconds: [], error: AppError.from(error).toJSON() })
    }
  }

  channel.onMessage((message) => {
    switch (message.type) {
      case 'run':
        void run(message)
        break
      case 'cancel':
        if (running?.key === message.key) running.abort.abort()
        break
      case 'checkpoint-acknowledged':
        if (running?.key === message.key) {
          running.unacknowledged.get(message.object)?.()
          running.unacknowledged.delete(message.object)
        }
        break
      case 'ping':
        channel.send({ type: 'pong', id: message.id })
        break
      case 'probe-engines':
        void probe(message)
        break
      case 'time-steps':
        void time(message)
        break
    }
  })
  channel.send({ type: 'ready', pid: host.pid })
}
