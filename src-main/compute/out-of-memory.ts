import { AppError } from '#shared/errors.ts'

/** What to do about it, whichever way it showed. */
export const memoryHint =
  'Close other programs or choose a smaller batch size, then start the study again: finished stages are reused.'

/** TensorFlow's (by number, name or its allocators' words), CUDA's, JavaScript's: none has a code. */
const memoryMessage =
  /Invalid TF_Status: 8\b|RESOURCE_EXHAUSTED|\bOOM when allocating|CUDA_ERROR_OUT_OF_MEMORY|Array buffer allocation failed|\bout of memory\b/i

/** An engine's error is `out-of-memory` where it says so; otherwise as `AppError.from` has it. `what` names the stage. */
export function stageError(error: unknown, what: string): AppError {
  if (error instanceof AppError || !(error instanceof Error) || !memoryMessage.test(error.message)) {
    return AppError.from(error)
  }
  return new AppError('out-of-memory', `Memory ran out in ${what}.`, {
    hint: memoryHint,
    details: { said: error.message },
    cause: error,
  })
}
