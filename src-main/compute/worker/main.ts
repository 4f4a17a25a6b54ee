/** A worker process: takes stages from its parent, one at a time, and ends with it. */
import { inspect } from 'node:util'
import type { FromWorker, ToWorker } from '../protocol.ts'
import { openParentChannel } from './channel.ts'
import { watchForParentsDeath } from './orphan-watch.ts'
import { runStage } from './run-stage.ts'
import { serveStages } from './serve-stages.ts'

/** A worker's stderr is its log. */
function log(text: string): void {
  process.stderr.write(`${text}\n`)
}

const channel = openParentChannel<ToWorker, FromWorker>()
if (channel === null) {
  log('This is a worker of TMU Workbench; it is started by the workbench, not by hand.')
  process.exitCode = 2
} else {
  // Nobody is left to take a result; what is half written is a temporary file that the next start removes.
  const leave = (): never => process.exit(0)
  channel.onClose(leave)
  watchForParentsDeath(leave)
  // Ctrl-C, or a batch system that ends a stage, reaches the whole process group; what it means is the parent's to decide.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => {})
  serveStages(channel, { pid: process.pid, run: runStage, log: (error) => log(inspect(error)) })
}
