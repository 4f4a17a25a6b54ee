import type { ProgressEvent } from './dataset-job.ts'

/** More often than this nobody can see it. */
const intervalMs = 100

/** Turns counts into progress events: at most ten a second within a phase, with the time left at the speed so far. */
export class ProgressReporter {
  readonly #send: (event: ProgressEvent) => void
  #phase: ProgressEvent['phase'] | null = null
  #startedAt = 0
  #sentAt = Number.NEGATIVE_INFINITY

  constructor(send: (event: ProgressEvent) => void) {
    this.#send = send
  }

  report(phase: ProgressEvent['phase'], done: number, total: number | null): void {
    const now = performance.now()
    if (phase !== this.#phase) {
      this.#phase = phase
      this.#startedAt = now
    } else if (now - this.#sentAt < intervalMs && done !== total) return
    this.#sentAt = now
    const elapsed = (now - this.#startedAt) / 1000
    const etaSeconds = total === null || done === 0 ? null : (elapsed / done) * (total - done)
    this.#send({ kind: 'progress', phase, done, total, etaSeconds })
  }
}
