/** What the data set process is asked and what it answers. Everything survives being sent as JSON. */
import type {
  ClassInfo,
  Dataset,
  DatasetFormat,
  DatasetPreview,
  GroupReport,
  GroupRule,
  ImageShape,
  ImportProblem,
  Normalisation,
  Split,
  SplitRule,
} from '#shared/domain/dataset.ts'
import type { QualityFindings } from '#shared/domain/quality.ts'
import type { ObjectHash } from '#shared/ids.ts'
import type { ColumnChoice } from './sources/column-names.ts'
import type { WantedFormat } from './sources/open-source.ts'

interface JobBase {
  /** An empty folder in the object store's file system; the results are written there. */
  readonly staging: string
}

interface SourceJob extends JobBase {
  readonly path: string
  readonly format: WantedFormat
  /** Columns of a table, where their names don't tell what they are. */
  readonly columns?: Partial<ColumnChoice>
  readonly groups: readonly GroupRule[]
}

export interface ImportJob extends SourceJob {
  readonly kind: 'import'
  /** Side length; null: 28 if all images are 28x28, else 32. */
  readonly size: number | null
  readonly strict: boolean
  readonly splitSeed: number
}

/** Looks at a source; archives are unpacked into the staging folder. */
export interface InspectJob extends SourceJob {
  readonly kind: 'inspect'
}

/** Work on a data set that is stored. */
interface StoredJob extends JobBase {
  readonly objectsRoot: string
  readonly dataset: Dataset
}

/** Finds group columns for a stored data set; `store` says whether they are staged or only reported. */
export interface GroupsJob extends StoredJob {
  readonly kind: 'groups'
  readonly rules: readonly GroupRule[]
  readonly store: boolean
}

export interface CheckJob extends StoredJob {
  readonly kind: 'check'
}

/** A rule, or shares from which the rule follows once it is known whether there is a test folder. */
export type SplitRequest =
  | SplitRule
  | {
      readonly kind: 'shares'
      readonly shares: readonly [members: number, twinPool: number, evaluation: number]
      readonly groupKey?: string
    }

/** Deals a stored data set out anew. */
export interface SplitJob extends StoredJob {
  readonly kind: 'split'
  readonly request: SplitRequest
  readonly seed: number
}

export type DatasetJob = ImportJob | InspectJob | GroupsJob | CheckJob | SplitJob

/** A finished file of the staging folder, and the object it will be. */
export interface StagedObject {
  readonly file: string
  readonly hash: ObjectHash
}

export interface StagedSamples {
  readonly shape: ImageShape
  readonly sampleCount: number
  readonly classes: readonly ClassInfo[]
  readonly duplicateCount: number
  readonly images: StagedObject
  readonly labels: StagedObject
  readonly samples: StagedObject
  readonly groups: readonly StagedGroup[]
}

export interface StagedGroup {
  readonly name: string
  readonly values: readonly string[]
  readonly codes: StagedObject
}

export interface StagedSplit {
  readonly rule: SplitRule
  readonly seed: number
  readonly members: StagedObject
  readonly twinPool: StagedObject
  readonly evaluation: StagedObject
  readonly counts: Split['counts']
  readonly normalisation: Normalisation
}

export interface ImportResult {
  readonly dataset: StagedSamples & { readonly format: DatasetFormat; readonly problems: readonly ImportProblem[] }
  readonly split: StagedSplit
}

export interface GroupsResult {
  readonly reports: readonly GroupReport[]
  readonly staged: readonly StagedGroup[]
}

export interface CheckResult {
  readonly findings: QualityFindings
  readonly staged: StagedObject
}

interface Results {
  readonly import: ImportResult
  readonly inspect: DatasetPreview
  readonly groups: GroupsResult
  readonly check: CheckResult
  readonly split: StagedSplit
}

export type ResultOf<J extends DatasetJob> = Results[J['kind']]

export interface DatasetDone {
  readonly kind: 'done'
  readonly result: Results[keyof Results]
}
