/** What the installing process is asked and what it answers. Everything survives being sent as JSON. */
import type { AppErrorShape } from '#shared/errors.ts'
import type { EngineInstallEvent } from '#shared/progress.ts'
import type { LibraryPins } from './pins.ts'

export interface InstallJob {
  /** Folder of all engines. */
  readonly engines: string
  /** An archive to take the libraries from instead of the network. */
  readonly file: string | null
  readonly pins: LibraryPins
}

export type InstallProgress = Extract<EngineInstallEvent, { kind: 'progress' }>

export type InstallMessage =
  | InstallProgress
  /** Everything is in this folder and waits to be tested. */
  | { readonly kind: 'done'; readonly build: string }
  | { readonly kind: 'failed'; readonly error: AppErrorShape }
