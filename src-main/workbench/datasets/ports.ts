/** What data sets need of the store; its SQLite repositories are these. */
import type { ObjectStore } from '#main/artifacts/object-store.ts'
import type { Launcher } from '#main/compute/pool/launcher.ts'
import type { BinRepository } from '#main/store/repositories/bin.ts'
import type { Dataset, GroupColumn, Split } from '#shared/domain/dataset.ts'
import type { ForgetSet } from '#shared/domain/forget-set.ts'
import type { DatasetId, ForgetSetId, ObjectHash } from '#shared/ids.ts'

export type NewDataset = Omit<Dataset, 'id' | 'createdAt'>
export type NewSplit = Omit<Split, 'id' | 'createdAt'>
export type NewForgetSet = Omit<ForgetSet, 'id' | 'createdAt'>

export interface DatasetRepository {
  /** @throws AppError `already-exists` for a name that is taken. */
  insertDataset(dataset: NewDataset): Dataset
  listDatasets(): readonly Dataset[]
  findDataset(nameOrId: string): Dataset | null
  /** @throws AppError `not-found` when it is gone. */
  setGroups(id: DatasetId, groups: readonly GroupColumn[]): Dataset
  setQuality(id: DatasetId, quality: ObjectHash): Dataset
  /** Names of the studies on it. */
  studiesOf(id: DatasetId): readonly string[]
}

export interface SplitRepository {
  /** @throws AppError `already-exists` for a name that is taken in its data set. */
  insertSplit(split: NewSplit): Split
  listSplits(datasetId: DatasetId): readonly Split[]
  findSplit(datasetId: DatasetId, nameOrId: string): Split | null
}

export interface ForgetSetRepository {
  /** @throws AppError `already-exists` for a name that is taken. */
  insertForgetSet(forgetSet: NewForgetSet): ForgetSet
  listForgetSets(): readonly ForgetSet[]
  findForgetSet(nameOrId: string): ForgetSet | null
  /** @throws AppError `conflict` where a study or a later version needs it. */
  removeForgetSet(id: ForgetSetId): boolean
}

export interface DatasetDependencies {
  readonly objects: ObjectStore
  readonly datasets: DatasetRepository
  readonly bin: BinRepository
  readonly splits: SplitRepository
  readonly forgetSets: ForgetSetRepository
  /** Runs synchronous repository calls as one transaction: all of them happen or none. */
  transaction<T>(work: () => T): T
  /** Whether any row needs the object still. */
  isReferenced(object: ObjectHash): boolean
  /** How many rows need each object. */
  countReferences(): ReadonlyMap<ObjectHash, number>
  /** Removes what was made from an object and can be made again. */
  readonly dropCache?: (object: ObjectHash) => Promise<void>
  /** The packed demo images; default: those under resources. */
  readonly demoFile?: string
  /** Starts the child process that imports and splits. */
  readonly launcher: Launcher
  /** A folder for what can be made again. */
  readonly cache: string
  /** Its entry point, where it isn't the usual one. */
  readonly datasetWorker?: URL
  /** Something worth knowing that is no error, for the log and the terminal. */
  readonly note?: (message: string) => void
}
