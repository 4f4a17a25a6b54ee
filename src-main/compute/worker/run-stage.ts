/** Runs stages in a Node process: of the pool, or by itself where its objects can be reached. */
import { ObjectStore } from '#main/artifacts/object-store.ts'
import type { StageKind } from '#shared/domain/stage.ts'
import type { StageResult, StageSpec } from '../stages.ts'
import { peakMemory, resetPeakMemory } from './process-memory.ts'
import { type RunStageOptions, runStageOn } from './run-stage-on.ts'

/**
 * Runs a stage to its end. Everything it reads and writes is in the object store below `objectsRoot`.
 * @throws AppError `cancelled`, `diverged`, `corrupt`, …; whatever was thrown is made one.
 */
export function runStage<K extends StageKind>(
  spec: StageSpec<K>,
  objectsRoot: string,
  options: RunStageOptions,
): Promise<StageResult> {
  return runStageOn({ objects: new ObjectStore(objectsRoot), resetPeakMemory, peakMemory }, spec, options)
}
