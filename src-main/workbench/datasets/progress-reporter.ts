import type { DatasetProgress } from '#shared/progress.ts'

/** More often than this nobody can see it. */
const intervalMs = 100

/** Turns counts into progress events: at most ten a second within a phase, with the time left at the speed so far. */
export class ProgressReporter {
  readonly #send: (event: DatasetProgress) => void
  #phase: DatasetProgress['phase'] | null = null
  #startedAt = 0
  #sentAt = Number.NEGATIVE_INFINITY

  constructor(send: (event: DatasetProgress) => void) {
    this.#send = send
  }

  report(phase: DatasetProgress['phase'], done: number, total: number | null): void {
    const now = performance.now()
    if (phase !== this.#phase) {
      this.#phase = phase
      this.#startedAt = now
    } else if (now - this.#sentAt < intervalMs && done !== total) return
    this.#sentAt = now
    const elapsed = (now - this.#startedAt) / 1000
    const rate = done === 0 || elapsed <= 0 ? null : done / elapsed
    const etaSeconds = total === null || done === 0 ? null : (elapsed / done) * (total - done)
    this.#send({ kind: 'progress', phase, done, total, rate, etaSeconds })
  }
}
