import type { StoreContext } from './context.ts'
import { createId } from './create-id.ts'
import type { WorkspaceDatabase } from './database.ts'
import { createReferenceRepository, type ReferenceRepository } from './references.ts'
import { type BinRepository, createBinRepository } from './repositories/bin.ts'
import { createDatasetRepository, type DatasetRepository } from './repositories/datasets.ts'
import { createForgetSetRepository, type ForgetSetRepository } from './repositories/forget-sets.ts'
import { createRunRepository, type RunRepository } from './repositories/runs.ts'
import { createScheduleRepository, type ScheduleRepository } from './repositories/schedules.ts'
import { createSplitRepository, type SplitRepository } from './repositories/splits.ts'
import { createStageRepository, type StageRepository } from './repositories/stages.ts'
import { createStudyRepository, type StudyRepository } from './repositories/studies.ts'
import { createTagRepository, type TagRepository } from './repositories/tags.ts'
import { databaseError } from './sqlite-error.ts'
import { createSweep, type Swept } from './sweep.ts'

export interface Repositories {
  readonly datasets: DatasetRepository
  /** Data sets that were removed and can be had back. */
  readonly bin: BinRepository
  readonly splits: SplitRepository
  readonly forgetSets: ForgetSetRepository
  readonly tags: TagRepository
  readonly studies: StudyRepository
  readonly runs: RunRepository
  readonly stages: StageRepository
  readonly schedules: ScheduleRepository
  readonly references: ReferenceRepository
  /** Marks as interrupted what ran for a holder that is gone; at start, by the new one. */
  sweepLeases(): Swept
  /** All of `work`, which must be synchronous, or none of it. */
  transaction<T>(work: () => T): T
}

export interface RepositoryOptions {
  /** The lock's `holder.id`; by default one of this connection's own. */
  readonly holder?: string
  /** ISO 8601 in UTC. */
  readonly now?: () => string
}

/** Everything that reads or writes rows. Methods are synchronous and throw AppErrors only. */
export function createRepositories(db: WorkspaceDatabase, options: RepositoryOptions = {}): Repositories {
  const context: StoreContext = {
    db,
    holder: options.holder ?? `${process.pid}-${createId()}`,
    now: options.now ?? (() => new Date().toISOString()),
  }
  return {
    datasets: createDatasetRepository(context),
    bin: createBinRepository(context),
    splits: createSplitRepository(context),
    forgetSets: createForgetSetRepository(context),
    tags: createTagRepository(context),
    studies: createStudyRepository(context),
    runs: createRunRepository(context),
    stages: createStageRepository(context),
    schedules: createScheduleRepository(context),
    references: createReferenceRepository(db),
    sweepLeases: createSweep(context),
    transaction(work) {
      try {
        return db.transaction(work).immediate()
      } catch (error) {
        throw databaseError(error, db.name)
      }
    },
  }
}
