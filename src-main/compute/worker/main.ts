/** A worker process: takes stages from its parent, one at a time, and ends with it. */
import { inspect } from 'node:util'
import { AppError } from '#shared/errors.ts'
import type { ObjectHash, StageKey } from '#shared/ids.ts'
import type { FromWorker, ToWorker } from '../protocol.ts'
import type { StageProgress } from '../stages.ts'
import { openParentChannel, type ParentChannel } from './channel.ts'
import { ImageCache } from './data/image-feed.ts'
import { watchForParentsDeath } from './orphan-watch.ts'
import { runStage } from './run-stage.ts'

interface RunningStage {
  readonly key: StageKey
  readonly abort: AbortController
  /** Checkpoints whose rows aren't durable yet. */
  readonly unacknowledged: Map<ObjectHash, () => void>
}

/** A worker's stderr is its log. */
function log(text: string): void {
  process.stderr.write(`${text}\n`)
}

function serve(channel: ParentChannel<ToWorker, FromWorker>): void {
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
      const result = await inTurn(() => runStage(spec, objectsRoot, options))
      running = null
      channel.send({ type: 'done', key, result })
    } catch (thrown) {
      running = null
      const error = AppError.from(thrown)
      // The stack is for the worker's log; what a user sees is the sentence.
      if (error.code === 'internal') log(inspect(error.cause ?? error))
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
  // Nobody is left to take a result; what is half written is a temporary file that the next start removes.
  const leave = (): never => process.exit(0)
  channel.onClose(leave)
  watchForParentsDeath(leave)
  // Ctrl-C reaches the whole process group; what it means is the parent's to decide.
  process.on('SIGINT', () => {})
  channel.send({ type: 'ready', pid: process.pid })
}

const channel = openParentChannel<ToWorker, FromWorker>()
if (channel === null) {
  log('This is a worker of TMU Workbench; it is started by the workbench, not by hand.')
  process.exitCode = 2
} else {
  serve(channel)
}
