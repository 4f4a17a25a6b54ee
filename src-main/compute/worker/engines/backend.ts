import { getBackend, ready, setBackend } from '@tensorflow/tfjs-core'
import { AppError } from '#shared/errors.ts'

/** Starts a tfjs backend and makes it the active one. */
export async function startBackend(name: string): Promise<void> {
  if (!(await setBackend(name))) {
    throw new AppError('engine-unavailable', `The ${name} engine did not start.`, {
      hint: 'Reinstall the dependencies: a file of the tensor library may be missing.',
    })
  }
  await ready()
}

/** Makes a started backend the active one, at once: tfjs waits only for backends that have yet to start. */
export function activateBackend(name: string): void {
  if (getBackend() !== name) void setBackend(name)
}
