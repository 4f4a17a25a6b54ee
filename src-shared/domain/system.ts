import type { ImageShape } from './dataset.ts'
import type { EngineChoice, EngineId, EngineStatus } from './engine.ts'
import type { InEffect } from './in-effect.ts'

export interface SystemInfo {
  readonly version: string
  readonly workspace: string
  readonly shell: 'electron' | 'server' | 'cli'
  readonly platform: string
  readonly cpuCount: number
  readonly memoryBytes: number
  readonly freeDiskBytes: number
  readonly workers: number
  /** The engine new studies get. */
  readonly engine: EngineId
  /** Better ones that new studies don't get, and why. */
  readonly passedOver: EngineChoice['passedOver']
  readonly engines: readonly EngineStatus[]
  /** Whether the packed demo images are there. */
  readonly demoAvailable: boolean
  readonly readOnly: boolean
}

export interface WorkspaceCheck {
  readonly ok: boolean
  readonly problems: readonly { readonly kind: string; readonly what: string; readonly hint: string }[]
  readonly notes: readonly string[]
  readonly objectsChecked: number
}

/** A method as forms, help and docs show it. */
export interface MethodInfo {
  readonly id: string
  readonly title: string
  readonly family: 'reference' | 'tmu' | 'baseline' | 'control'
  /** Whether a study has it if nobody chooses. */
  readonly usual: boolean
  readonly summary: string
  readonly citation: string
  readonly defaults: Readonly<Record<string, unknown>>
  /** JSON Schema of the parameters (zod's). */
  readonly schema: Readonly<Record<string, unknown>>
  /** Which parameters change nothing unless another one has a certain value. */
  readonly inEffect?: InEffect
}

export interface ArchitectureInfo {
  readonly id: string
  readonly title: string
  readonly summary: string
  /** Its size for images of the kind it is meant for, in ten classes. */
  readonly example: {
    /** Height, width, channels. */
    readonly image: ImageShape
    readonly parameters: number
    /** Multiplications and additions of one sample's way through it. */
    readonly operations: number
  }
}
