/** What the installing process is asked and what it answers. Everything survives being sent as JSON. */
import type { InstallableEngineId } from '#shared/domain/engine.ts'
import type { EngineInstallEvent } from '#shared/progress.ts'
import type { EnginePins } from './archive-pins.ts'

export interface InstallJob {
  readonly engine: InstallableEngineId
  /** Folder of all engines. */
  readonly engines: string
  /** An archive, or a folder of archives, to take the libraries from instead of the network. */
  readonly file: string | null
  readonly pins: EnginePins
}

export type InstallProgress = Extract<EngineInstallEvent, { kind: 'progress' }>

/** Everything is in this folder and waits to be tested. */
export interface InstallDone {
  readonly kind: 'done'
  readonly build: string
}
