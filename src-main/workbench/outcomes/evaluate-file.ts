import { Worker } from 'node:worker_threads'
import { childEntry } from '#main/compute/pool/worker-entry.ts'
import type { Evaluation } from '#shared/domain/metrics.ts'
import { AppError } from '#shared/errors.ts'
import { bootstrapSeed } from '../jobs/graph/evaluation.ts'
import type { EvaluationAnswer, EvaluationTask } from './evaluate-worker.ts'

/**
 * Every metric of an outcome file, made here or elsewhere, with the draws that a study's own evaluation uses.
 * @throws AppError `bad-input` naming the file or the array at fault; `cancelled`; `out-of-memory`.
 */
export async function evaluateFile(path: string, draws: number, signal?: AbortSignal): Promise<Evaluation> {
  if (signal?.aborted === true) throw cancelled()
  const task: EvaluationTask = { path, draws, seed: bootstrapSeed }
  const worker = new Worker(childEntry(import.meta.url, './evaluate-worker.ts', 'evaluate-worker.js'), {
    workerData: task,
    execArgv: [],
  })
  const stop = (): void => void worker.terminate()
  signal?.addEventListener('abort', stop, { once: true })
  try {
    const answer = await new Promise<EvaluationAnswer>((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', (error) => reject(failure(error)))
      worker.once('exit', () => reject(signal?.aborted === true ? cancelled() : failure(null)))
    })
    if ('error' in answer) throw AppError.fromJSON(answer.error)
    return answer.evaluation
  } finally {
    signal?.removeEventListener('abort', stop)
    await worker.terminate()
  }
}

function failure(cause: unknown): AppError {
  if (cause instanceof Error && 'code' in cause && cause.code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return new AppError('out-of-memory', 'There is not enough memory to evaluate the outcome.', {
      hint: 'Close other programs, or evaluate a file with fewer samples.',
      cause,
    })
  }
  return new AppError('worker-died', 'The evaluation ended before it was done.', { hint: 'Try again.', cause })
}

function cancelled(): AppError {
  return new AppError('cancelled', 'The evaluation was cancelled.')
}
