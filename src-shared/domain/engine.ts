/** Engine families, best first: part of a stage's key, since their bits differ. */
export const engineIds = ['cuda', 'native', 'webgpu', 'wasm', 'cpu'] as const
export type EngineId = (typeof engineIds)[number]

/** Engines that aren't part of the program and can be installed. */
export const installableEngineIds = ['native', 'cuda'] as const satisfies readonly EngineId[]
export type InstallableEngineId = (typeof installableEngineIds)[number]

export interface EngineStatus {
  readonly id: EngineId
  readonly available: boolean
  /** Why not, and what to do; absent when available. */
  readonly reason?: string
  /** What would make it better, though it works. */
  readonly advice?: string
  readonly version?: string
  readonly device?: string
  readonly threads?: number
  readonly kernelSet?: string
  readonly selfTestSeconds?: number
}

/** What exactly computed something: its bits depend on all of these. */
export interface EngineProvenance {
  readonly version: string
  readonly device: string
  readonly threads: number
  readonly kernelSet: string
}

/** The engine that new studies get. */
export interface EngineChoice {
  readonly engine: EngineId
  /** Better ones, best first, and why they aren't it. */
  readonly passedOver: readonly { readonly id: EngineId; readonly reason: string }[]
}

/** A network whose training steps are timed. */
export interface BenchNetwork {
  readonly name: string
  readonly architecture: string
  readonly side: number
  readonly channels: number
}

export const benchBatchSize = 64
export const benchNetworks = [
  { name: '28x28 grey', architecture: 'tiny-cnn', side: 28, channels: 1 },
  { name: '32x32 colour', architecture: 'small-cnn', side: 32, channels: 3 },
] as const satisfies readonly BenchNetwork[]

/** Milliseconds of a training step. */
export interface StepTime {
  readonly network: string
  readonly architecture: string
  readonly min: number
  readonly median: number
}

export interface EngineTimes {
  readonly engine: EngineStatus
  /** In the order of the networks; none where `reason` says why not. */
  readonly steps: readonly StepTime[]
  readonly reason?: string
}

/** A file to download on another machine for an installation without a network. */
export interface EngineFile {
  readonly title: string
  readonly name: string
  readonly bytes: number
  readonly sha256: string
  /** A command that downloads it. */
  readonly command: string
}
