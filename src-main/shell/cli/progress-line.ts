import { formatDuration, formatPercent } from '#shared/units.ts'

const interval = 5000
const width = 28

/**
 * Progress on stderr: one line that is redrawn on a terminal, a line every five seconds otherwise.
 * Never a spinner: only what is known is shown.
 */
export class ProgressLine {
  readonly #terminal: boolean
  #lastLine = 0
  #drawn = false

  constructor(terminal: boolean) {
    this.#terminal = terminal
  }

  update(value: number, etaSeconds: number | null, what: string): void {
    const eta = etaSeconds === null ? 'estimating' : `${formatDuration(etaSeconds)} left`
    if (!this.#terminal) {
      const now = Date.now()
      if (now - this.#lastLine < interval) return
      this.#lastLine = now
      process.stderr.write(`progress ${formatPercent(value)}, ${eta}: ${what}\n`)
      return
    }
    const filled = Math.round(value * width)
    const bar = '█'.repeat(filled) + '░'.repeat(width - filled)
    const line = `${bar} ${formatPercent(value).padStart(7)}  ${eta}  ${what}`
    process.stderr.write(`\r\u001b[2K${line.slice(0, (process.stderr.columns ?? 100) - 1)}`)
    this.#drawn = true
  }

  /** A permanent line; the progress is redrawn below it at the next update. */
  print(line: string): void {
    this.clear()
    process.stderr.write(`${line}\n`)
  }

  clear(): void {
    if (this.#drawn) process.stderr.write('\r\u001b[2K')
    this.#drawn = false
  }
}
