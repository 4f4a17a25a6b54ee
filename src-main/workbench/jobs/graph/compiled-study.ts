/** What compiling a study gives. */
import type { StageNode } from '#main/compute/stages.ts'
import type { StageKey } from '#shared/ids.ts'
import type { StageOutput } from './graph-builder.ts'
import type { TwinLineage } from './twin-lineage.ts'

export const goldMethod = 'gold'
export const noneMethod = 'none'
export const controlMethod = 'count-matched-random'

/** One row of the study's table, and the stages that make it. */
export interface CompiledRun {
  readonly method: string
  readonly seed: number
  readonly evaluate: StageKey
  /** Weights of the model that this run is about. */
  readonly model: StageOutput
  /** The easy/hard labels it unlearned with. */
  readonly labels: StageKey | null
  readonly twin: TwinLineage | null
}

export interface CompiledStudy {
  /** Every stage after all that it reads. */
  readonly nodes: readonly StageNode[]
  readonly runs: readonly CompiledRun[]
}
