import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { ObjectStore } from '#main/artifacts/object-store.ts'
import { AppError, type AppErrorShape } from '#shared/errors.ts'
import { encodeStageFile } from '../stage-file.ts'
import type { StageProgress, StageResult, StageSpec } from '../stages.ts'
import { CommandGroup } from './command-group.ts'
import type { ExecuteOptions, Executor } from './executor.ts'
import { workerFailure } from './worker-failure.ts'

export interface CommandExecutorOptions {
  /**
   * Program and first arguments; the stage file and options follow. `tmu worker run-stage`, or that behind whatever
   * starts it on another machine which sees the same object store, and passes stdin on.
   */
  readonly command: readonly [string, ...string[]]
  readonly objectsRoot: string
  /** How many stages run at once. */
  readonly capacity: number
}

const logBytes = 8 * 1024

/** Runs each stage by a command of its own: see docs/stages.md. */
export class CommandExecutor implements Executor {
  readonly capacity: number
  readonly #options: CommandExecutorOptions
  readonly #closing = new AbortController()
  readonly #running = new Set<Promise<unknown>>()

  constructor(options: CommandExecutorOptions) {
    this.#options = options
    this.capacity = options.capacity
  }

  /** Whoever runs the command looks after its memory. */
  admits(): boolean {
    return true
  }

  async execute(spec: StageSpec, options: ExecuteOptions): Promise<StageResult> {
    const signal = AbortSignal.any([options.signal, this.#closing.signal])
    if (signal.aborted) throw cancelled()
    const running = this.#execute(spec, { ...options, signal })
    this.#running.add(running)
    try {
      return await running
    } finally {
      this.#running.delete(running)
    }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.allSettled(this.#running)
  }

  async #execute(spec: StageSpec, options: ExecuteOptions): Promise<StageResult> {
    const { objectsRoot } = this.#options
    // In the store: whoever runs the stage reaches it, and what a killed process leaves is removed at the next start.
    const folder = await new ObjectStore(objectsRoot).createStagingFolder('stage')
    try {
      const file = join(folder, 'stage.json')
      await writeFile(file, encodeStageFile({ spec, objectsRoot }))
      // A cancel meanwhile: from here on the command is told of it.
      if (options.signal.aborted) throw cancelled()
      return await this.#run(file, spec, options)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  async #run(file: string, spec: StageSpec, { signal, onProgress }: ExecuteOptions): Promise<StageResult> {
    const [program, ...first] = this.#options.command
    // NODE_OPTIONS of this process (a test runner's, a debugger's) aren't the stage's.
    const env = { ...process.env, NODE_OPTIONS: '' }
    const options = ['--keep-checkpoints', '--supervised', '--json']
    const command = new CommandGroup([program, ...first, file, ...options], env)
    // It holds a line now that ends with this process, however that ends.
    command.stdin.write('\n')
    let stdout = ''
    let log = ''
    let refusal: AppError | null = null
    let told: Promise<void> = Promise.resolve()
    command.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    const lines = createInterface({ input: command.stderr }).on('line', (line) => {
      const progress = parseProgress(line)
      if (progress === null) {
        log = `${log}${line}\n`.slice(-logBytes)
        return
      }
      // In order; one that can't be recorded (a full disk, a closed database) fails the stage.
      told = told
        .then(() => onProgress(progress))
        .catch((error: unknown) => {
          refusal ??= AppError.from(error)
          command.kill()
        })
    })
    const stop = (): void => command.stop()
    signal.addEventListener('abort', stop, { once: true })
    try {
      const { failure, ...exit } = await command.ended
      await told
      if (refusal !== null) throw refusal
      const answer = parseAnswer(stdout)
      if (exit.code === 0 && answer !== null && 'outputs' in answer) return answer
      if (signal.aborted) throw cancelled()
      // One that somebody else cancelled, like a batch system whose time is up, has failed here.
      if (answer !== null && 'error' in answer && answer.error.code !== 'cancelled') {
        throw AppError.fromJSON(answer.error)
      }
      throw workerFailure({ ...exit, log: log + failure }, `the stage ${spec.kind} ${spec.key.slice(0, 12)}`)
    } finally {
      signal.removeEventListener('abort', stop)
      lines.close()
      command.dispose()
    }
  }
}

/** The command's stderr has a JSON object a line for progress; anything else is its log. */
function parseProgress(line: string): StageProgress | null {
  if (!line.startsWith('{"kind":')) return null
  try {
    return JSON.parse(line) as StageProgress
  } catch {
    return null
  }
}

function parseAnswer(stdout: string): StageResult | { readonly error: AppErrorShape } | null {
  try {
    return JSON.parse(stdout) as StageResult | { readonly error: AppErrorShape }
  } catch {
    return null
  }
}

function cancelled(): AppError {
  return new AppError('cancelled', 'The stage was cancelled; its last checkpoint is kept.')
}
