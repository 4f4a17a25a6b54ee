/**
 * The installing process: takes one job from its parent, answers with progress and a folder or an error, and is ended
 * by it. Killed at any moment it leaves only files that nothing uses.
 */
import { serveJob } from '#main/compute/worker/serve-job.ts'
import type { InstallDone, InstallJob, InstallProgress } from './job.ts'
import { prepareBuild, type Tell } from './prepare-build.ts'

const intervalMs = 250

/** Progress a few times a second, with the time left as it went so far. */
function createTell(send: (event: InstallProgress) => void): Tell {
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

serveJob<InstallJob, InstallProgress, InstallDone>(async (job, send) => ({
  kind: 'done',
  build: await prepareBuild(job, createTell(send)),
}))
