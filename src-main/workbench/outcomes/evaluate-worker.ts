/** Thread that evaluates an outcome file: a thousand bootstraps would hold up everybody else in the main process. */
import { parentPort, workerData } from 'node:worker_threads'
import { readTensorFile } from '#main/formats/tensor-file.ts'
import { evaluate } from '#main/metrics/evaluate.ts'
import { parseOutcome } from '#main/metrics/parse-outcome.ts'
import type { Evaluation } from '#shared/domain/metrics.ts'
import { AppError, type AppErrorShape } from '#shared/errors.ts'

export interface EvaluationTask {
  readonly path: string
  readonly draws: number
  readonly seed: number
}

export type EvaluationAnswer = { readonly evaluation: Evaluation } | { readonly error: AppErrorShape }

async function answerTo({ path, draws, seed }: EvaluationTask): Promise<EvaluationAnswer> {
  try {
    const outcome = parseOutcome(await readTensorFile(path))
    return { evaluation: await evaluate(outcome, { draws, seed }) }
  } catch (error) {
    return { error: AppError.from(error).toJSON() }
  }
}

parentPort?.postMessage(await answerTo(workerData as EvaluationTask))
