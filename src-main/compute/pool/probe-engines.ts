import type { EngineStatus } from '#shared/domain/engine.ts'
import { AppError } from '#shared/errors.ts'
import type { Launcher, WorkerProcess } from './launcher.ts'
import { workerEnvironment } from './machine.ts'
import { workerEntry } from './worker-entry.ts'

const limitMs = 60_000

/**
 * Asks a worker of its own which engines work on this machine: no engine is loaded here.
 * @throws AppError `worker-died`.
 */
export function probeEngines(launcher: Launcher, entry: URL = workerEntry()): Promise<readonly EngineStatus[]> {
  const worker: WorkerProcess = launcher.spawn(entry, workerEnvironment())
  const timer = setTimeout(() => worker.kill(), limitMs)
  return new Promise((resolve, reject) => {
    worker.onMessage((message) => {
      if (message.type === 'ready') worker.send({ type: 'probe-engines', id: 0 })
      if (message.type !== 'engines') return
      resolve(message.engines)
      worker.kill()
    })
    worker.onExit(({ code, signal, log }) => {
      clearTimeout(timer)
      reject(
        new AppError('worker-died', 'The worker that tests the engines ended before it was done.', {
          hint: 'Try again; if it happens again, reinstall the dependencies.',
          details: { code, signal, log },
        }),
      )
    })
  })
}
