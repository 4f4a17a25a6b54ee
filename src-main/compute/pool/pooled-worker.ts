import { AppError } from '#shared/errors.ts'
import type { FromWorker } from '../protocol.ts'
import type { StageResult, StageSpec } from '../stages.ts'
import type { ExecuteOptions } from './executor.ts'
import type { Launcher, WorkerExit, WorkerProcess } from './launcher.ts'
import { workerFailure } from './worker-failure.ts'

/** From start to `ready`; loading sources on a busy machine takes a second or two. */
const readyLimitMs = 60_000

interface Task {
  readonly spec: StageSpec
  readonly options: ExecuteOptions
  resolve(result: StageResult): void
  reject(error: AppError): void
}

/** One worker process and the stage that it runs. */
export class PooledWorker {
  readonly #process: WorkerProcess
  readonly #objectsRoot: string
  readonly #cancelGraceMs: number
  readonly #exited: Promise<void>
  #ready = false
  #ended = false
  /** Killed from here, whether it has gone yet or not. */
  #doomed = false
  #task: Task | null = null
  #cancelTimer: NodeJS.Timeout | undefined
  #readyTimer: NodeJS.Timeout | undefined

  constructor(
    launcher: Launcher,
    options: {
      readonly entry: URL
      readonly env: Readonly<Record<string, string>>
      readonly objectsRoot: string
      readonly cancelGraceMs: number
      onExit(worker: PooledWorker): void
    },
  ) {
    this.#objectsRoot = options.objectsRoot
    this.#cancelGraceMs = options.cancelGraceMs
    this.#process = launcher.spawn(options.entry, options.env)
    this.#readyTimer = setTimeout(() => {
      this.#doom()
      this.#task?.reject(neverReady())
    }, readyLimitMs)
    this.#process.onMessage((message) => this.#receive(message))
    this.#exited = new Promise((resolve) => {
      this.#process.onExit((exit) => {
        this.#end(exit)
        options.onExit(this)
        resolve()
      })
    })
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  /** Whether it can take a stage. */
  get alive(): boolean {
    return !this.#ended && !this.#doomed
  }

  /** One stage at a time. */
  execute(spec: StageSpec, options: ExecuteOptions): Promise<StageResult> {
    if (this.#task !== null) throw new AppError('internal', 'A worker was given a second stage.')
    const { promise, resolve, reject } = Promise.withResolvers<StageResult>()
    const onAbort = (): void => this.#cancel()
    const task: Task = {
      spec,
      options,
      resolve: (result) => finish(() => resolve(result)),
      reject: (error) => finish(() => reject(error)),
    }
    const finish = (settle: () => void): void => {
      if (this.#task === task) this.#task = null
      clearTimeout(this.#cancelTimer)
      options.signal.removeEventListener('abort', onAbort)
      settle()
    }
    this.#task = task
    if (options.signal.aborted) {
      task.reject(cancelled())
      return promise
    }
    options.signal.addEventListener('abort', onAbort, { once: true })
    if (this.#ended) task.reject(workerFailure({ code: null, signal: null, log: '' }, describe(spec)))
    else if (this.#ready) this.#start(task)
    return promise
  }

  /** Ends the process; resolves when it has gone. */
  async kill(): Promise<void> {
    this.#doom()
    await this.#exited
  }

  #doom(): void {
    this.#doomed = true
    if (!this.#ended) this.#process.kill()
  }

  #start({ spec }: Task): void {
    this.#process.send({ type: 'run', spec, objectsRoot: this.#objectsRoot })
  }

  #cancel(): void {
    const task = this.#task
    if (task === null) return
    if (!this.#ready) {
      // It was never sent.
      task.reject(cancelled())
      return
    }
    this.#process.send({ type: 'cancel', key: task.spec.key })
    this.#cancelTimer = setTimeout(() => {
      this.#doom()
      task.reject(cancelled())
    }, this.#cancelGraceMs)
  }

  #receive(message: FromWorker): void {
    if (message.type === 'ready') {
      this.#ready = true
      clearTimeout(this.#readyTimer)
      if (this.#task !== null) this.#start(this.#task)
      return
    }
    const task = this.#task
    if (task === null || !('key' in message) || message.key !== task.spec.key) return
    switch (message.type) {
      case 'progress':
        void this.#tell(task, message.progress)
        break
      case 'checkpoint': {
        const { epoch, object, key } = message
        void this.#tell(task, { kind: 'checkpoint', epoch, object }).then((told) => {
          if (told) this.#process.send({ type: 'checkpoint-acknowledged', key, object })
        })
        break
      }
      case 'done':
        task.resolve(message.result)
        break
      case 'failed':
        task.reject(AppError.fromJSON(message.error))
        break
    }
  }

  /** Whether the listener took it. One that throws (a full disk, a closed database) fails the stage. */
  async #tell(task: Task, progress: Parameters<ExecuteOptions['onProgress']>[0]): Promise<boolean> {
    try {
      await task.options.onProgress(progress)
      return true
    } catch (error) {
      // Its worker is in the middle of a stage that nobody waits for any more.
      this.#doom()
      task.reject(AppError.from(error))
      return false
    }
  }

  #end(exit: WorkerExit): void {
    this.#ended = true
    clearTimeout(this.#readyTimer)
    const task = this.#task
    if (task === null) return
    const wanted = this.#doomed || task.options.signal.aborted
    task.reject(wanted ? cancelled() : workerFailure(exit, describe(task.spec)))
  }
}

function describe(spec: StageSpec): string {
  return `the stage ${spec.kind} ${spec.key.slice(0, 12)}`
}

function cancelled(): AppError {
  return new AppError('cancelled', 'The stage was cancelled; its last checkpoint is kept.')
}

function neverReady(): AppError {
  return new AppError('worker-died', `A worker process did not start within ${readyLimitMs / 1000} s.`, {
    hint: 'The machine may be overloaded: close other programs, then start the study again.',
  })
}
