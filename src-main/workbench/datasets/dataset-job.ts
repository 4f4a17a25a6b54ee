/** What the data set process is asked and what it answers. Everything survives being sent as JSON. */
import type {
  ClassInfo,
  Dataset,
  ImageShape,
  ImportProblem,
  Normalisation,
  Split,
  SplitRule,
} from '#shared/domain/dataset.ts'
import type { AppErrorShape } from '#shared/errors.ts'
import type { ObjectHash } from '#shared/ids.ts'
import type { ImportEvent } from '#shared/progress.ts'

interface JobBase {
  /** An empty folder in the object store's file system; the results are written there. */
  readonly staging: string
}

export type ImportJob =
  | (JobBase & {
      readonly kind: 'folder'
      readonly path: string
      /** Side length; null: 28 if all images are 28x28, else 32. */
      readonly size: number | null
      readonly strict: boolean
      readonly splitSeed: number
    })
  | (JobBase & { readonly kind: 'demo'; readonly path: string; readonly splitSeed: number })

/** A rule, or shares from which the rule follows once it is known whether there is a test folder. */
export type SplitRequest =
  | SplitRule
  | { readonly kind: 'shares'; readonly shares: readonly [members: number, twinPool: number, evaluation: number] }

/** Deals a stored data set out anew. */
export interface SplitJob extends JobBase {
  readonly kind: 'split'
  readonly objectsRoot: string
  readonly dataset: Dataset
  readonly request: SplitRequest
  readonly seed: number
}

export type DatasetJob = ImportJob | SplitJob

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
  readonly dataset: StagedSamples & { readonly problems: readonly ImportProblem[] }
  readonly split: StagedSplit
}

export type ResultOf<J extends DatasetJob> = J extends SplitJob ? StagedSplit : ImportResult

export type ProgressEvent = Extract<ImportEvent, { kind: 'progress' }>

export type DatasetMessage =
  | ProgressEvent
  | { readonly kind: 'done'; readonly result: ImportResult | StagedSplit }
  | { readonly kind: 'failed'; readonly error: AppErrorShape }
