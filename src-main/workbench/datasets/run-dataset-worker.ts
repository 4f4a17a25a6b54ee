import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { AppError } from '#shared/errors.ts'
import type { DatasetJob, DatasetMessage, ProgressEvent, ResultOf } from './dataset-job.ts'

export const defaultDatasetWorker = join(import.meta.dirname, 'dataset-worker.ts')

const stderrTail = 2000

/**
 * Runs a job in a child process. When it settles, the process has ended, so its staging folder may be removed.
 * @throws AppError the job's own; `cancelled` when the signal aborted; `worker-died` when the process ended without
 * an answer.
 */
export async function runDatasetWorker<J extends DatasetJob>(
  job: J,
  options: {
    readonly worker: string
    readonly signal?: AbortSignal
    readonly onProgress?: (event: ProgressEvent) => void
  },
): Promise<ResultOf<J>> {
  const { signal, onProgress = () => {} } = options
  if (isAborted(signal)) throw cancelled()
  const child = fork(options.worker, {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  // Nothing of its work is worth a farewell: killed at once, it can't delay a cancel.
  const kill = (): void => void child.kill('SIGKILL')
  signal?.addEventListener('abort', kill)
  try {
    const { answer, ending } = await converse(child, job, onProgress)
    if (isAborted(signal)) throw cancelled()
    // The process answers each kind of job with its own kind of result.
    if (answer?.kind === 'done') return answer.result as ResultOf<J>
    if (answer?.kind === 'failed') throw AppError.fromJSON(answer.error)
    throw new AppError('worker-died', `The process that reads images ended before it was done (${ending.reason}).`, {
      hint: 'Nothing was stored; try again. If it happens again, the machine may be short of memory.',
      details: { stderr: ending.stderr },
    })
  } finally {
    signal?.removeEventListener('abort', kill)
  }
}

type Answer = Extract<DatasetMessage, { kind: 'done' | 'failed' }>

function converse(
  child: ChildProcess,
  job: DatasetJob,
  onProgress: (event: ProgressEvent) => void,
): Promise<{ readonly answer: Answer | null; readonly ending: { readonly reason: string; readonly stderr: string } }> {
  return new Promise((resolve) => {
    let answer: Answer | null = null
    let stderr = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-stderrTail)
    })
    child.on('message', (message) => {
      const known = message as DatasetMessage
      if (known.kind === 'progress') onProgress(known)
      else answer = known
    })
    const end = (reason: string): void => resolve({ answer, ending: { reason, stderr } })
    child.once('error', (error) => end(error.message))
    // `close` comes after the last message and the last of stderr.
    child.once('close', (code, signal) => end(signal ?? `exit code ${code}`))
    child.send(job, (error) => {
      if (error !== null) child.kill('SIGKILL')
    })
  })
}

/** A call, since the compiler takes a property that was false once for false later. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}

function cancelled(): AppError {
  return new AppError('cancelled', 'This was cancelled; nothing was stored.')
}
