/**
 * The installing process: takes one job from its parent, answers with progress and a folder or an error, and is ended
 * by it. Killed at any moment it leaves only files that nothing uses.
 */
import { openParentChannel } from '#main/compute/worker/channel.ts'
import { AppError } from '#shared/errors.ts'
import type { InstallJob, InstallMessage } from './job.ts'
import { prepareBuild, type Tell } from './prepare-build.ts'

const intervalMs = 250

const parent = openParentChannel<InstallJob, InstallMessage>()
if (parent === null) throw new Error('This module runs as a child process.')
const { send } = parent

/** Progress a few times a second, with the time left as it went so far. */
function createTell(): Tell {
  let phase: string | null = null
  let startedAt = 0
  let first = 0
  let toldAt = 0
  return (current, done, total, part = null) => {
    const now = performance.now()
    if (current !== phase) {
      phase = current
      startedAt = now
      first = done
    } else if (now - toldAt < intervalMs && done !== total) return
    toldAt = now
    const speed = (1000 * (done - first)) / (now - startedAt)
    const rate = total !== null && speed > 0 && Number.isFinite(speed) ? speed : null
    const etaSeconds = total === null || rate === null ? null : (total - done) / rate
    send({ kind: 'progress', phase: current, done, total, etaSeconds, rate, part })
  }
}

// Ctrl-C reaches the whole process group; what it means is the parent's to decide.
process.on('SIGINT', () => {})
parent.onClose(() => process.exit(1))
// It ends when the parent, having its answer, ends it.
parent.onMessage(async (job) => {
  try {
    send({ kind: 'done', build: await prepareBuild(job, createTell()) })
  } catch (error) {
    send({ kind: 'failed', error: AppError.from(error).toJSON() })
  }
})
