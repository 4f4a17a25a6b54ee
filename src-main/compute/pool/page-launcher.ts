/** Launches workers in browser pages: whatever opens a page, the worker in it is spoken to through its host. */
import { AppError } from '#shared/errors.ts'
import type { FromWorker, ToWorker } from '../protocol.ts'
import type { ChildHandle, Launcher, WorkerExit } from './launcher.ts'
import { PageHost } from './page-host.ts'

/** A browser that ends takes its pages' channels with it; within this time it says so itself, with the cause. */
const ownExitMs = 1000

/** An opened page and the process that it is in. */
export interface OpenedPage {
  readonly pid: number | undefined
  onExit(listener: (exit: WorkerExit) => void): void
  kill(): void
}

export interface PageOpener {
  /** Folder of the built worker page. */
  scripts(): Promise<string>
  /** @throws AppError `engine-unavailable` when there is no browser. */
  open(address: string): Promise<OpenedPage>
}

/** Workers in pages; the entry point is always the page's own. */
export function pageLauncher(opener: PageOpener): Launcher {
  return { spawn: <In, Out>() => new PageWorker(opener) as unknown as ChildHandle<In, Out> }
}

class PageWorker implements ChildHandle<ToWorker, FromWorker> {
  readonly #messages: ((message: FromWorker) => void)[] = []
  readonly #exits: ((exit: WorkerExit) => void)[] = []
  #exit: WorkerExit | null = null
  #host: PageHost | null = null
  #page: OpenedPage | null = null
  #waiting: ToWorker[] = []
  /** The page went and left its browser. */
  #pageGone = false
  #goneTimer: NodeJS.Timeout | undefined

  constructor(opener: PageOpener) {
    this.#start(opener).catch((error: unknown) => {
      const { message, hint } = AppError.from(error)
      this.#end({ code: 1, signal: null, log: hint === undefined ? message : `${message} ${hint}` })
    })
  }

  get pid(): number | undefined {
    return this.#page?.pid
  }

  send(message: ToWorker): void {
    if (this.#host === null) this.#waiting.push(message)
    else if (this.#exit === null) this.#host.send(message)
  }

  onMessage(listener: (message: FromWorker) => void): void {
    this.#messages.push(listener)
  }

  onExit(listener: (exit: WorkerExit) => void): void {
    if (this.#exit === null) this.#exits.push(listener)
    else listener(this.#exit)
  }

  kill(): void {
    this.#page?.kill()
    this.#end({ code: null, signal: 'SIGKILL', log: '' })
  }

  async #start(opener: PageOpener): Promise<void> {
    const scripts = await opener.scripts()
    const host = await PageHost.start(
      scripts,
      (message) => {
        for (const listener of this.#messages) listener(message)
      },
      () => {
        this.#goneTimer = setTimeout(() => this.#losePage(), ownExitMs)
      },
    )
    this.#host = host
    for (const message of this.#waiting.splice(0)) host.send(message)
    if (this.#exit !== null) {
      host.close()
      return
    }
    const page = await opener.open(host.address)
    this.#page = page
    page.onExit((exit) => this.#end(this.#pageGone ? withoutPage(exit.log) : exit))
    // Killed while it was being opened.
    if (this.#exit !== null) page.kill()
  }

  /** Its process crashed or was killed: the browser shows a sad face and stays, and nobody would ever answer. */
  #losePage(): void {
    if (this.#exit !== null) return
    this.#pageGone = true
    // What the browser wrote comes with its exit.
    if (this.#page === null) this.#end(withoutPage(''))
    else this.#page.kill()
  }

  #end(exit: WorkerExit): void {
    if (this.#exit !== null) return
    this.#exit = exit
    clearTimeout(this.#goneTimer)
    this.#host?.close()
    for (const listener of this.#exits) listener(exit)
  }
}

function withoutPage(log: string): WorkerExit {
  return { code: null, signal: null, log: `${log.trimEnd()}\nThe page of the worker is gone.` }
}
