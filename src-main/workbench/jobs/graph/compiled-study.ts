/** What compiling a study gives. */
import type { StageNode } from '#main/compute/stages.ts'
import type { AttackId } from '#shared/domain/attack.ts'
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
  /** Its predictions. */
  readonly outcome: StageOutput
  /** Numbers of the golds that it is measured by. */
  readonly judges: readonly number[]
  /** The easy/hard labels it unlearned with. */
  readonly labels: StageKey | null
  readonly twin: TwinLineage | null
  /** Why it is compared with no count-matched random control; null: it is. */
  readonly uncontrolled: string | null
}

/** One attack on one run, or (seed null) on a method. */
export interface CompiledAttack {
  readonly attack: AttackId
  readonly method: string
  readonly seed: number | null
  readonly stage: StageKey
}

export interface CompiledStudy {
  /** Every stage after all that it reads. */
  readonly nodes: readonly StageNode[]
  readonly runs: readonly CompiledRun[]
  readonly attacks: readonly CompiledAttack[]
}
