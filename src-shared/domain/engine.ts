/** Engine families, best first: part of a stage's key, since their bits differ. */
export const engineIds = ['cuda', 'native', 'webgpu', 'wasm', 'cpu'] as const
export type EngineId = (typeof engineIds)[number]

export interface EngineStatus {
  readonly id: EngineId
  readonly available: boolean
  /** Why not, and what to do; absent when available. */
  readonly reason?: string
  readonly version?: string
  readonly device?: string
  readonly threads?: number
  readonly kernelSet?: string
  readonly selfTestSeconds?: number
}
