import type { DatasetId, ObjectHash, SplitId } from '#shared/ids.ts'

export interface ClassInfo {
  readonly name: string
  readonly count: number
}

/** Height, width, channels of every image of a data set; pixels are uint8, NHWC. */
export type ImageShape = readonly [height: number, width: number, channels: number]

/** A file that an import left out, and why. */
export interface ImportProblem {
  readonly path: string
  readonly reason: string
}

/** What an importer reads; an archive is unpacked and read as what is in it. `demo`: one JSON file a class, or the packed demo. */
export const datasetFormats = ['folder', 'cifar', 'idx', 'npz', 'csv', 'parquet', 'demo'] as const
export type DatasetFormat = (typeof datasetFormats)[number]

/** What samples belong to beside their class: a person, a patient, a site. */
export interface GroupColumn {
  /** `patient`; unique in its data set. */
  readonly name: string
  /** Naturally ordered, distinct; a code is an index into it. */
  readonly values: readonly string[]
  /** safetensors: `codes` int32 [n], -1 where it isn't known. */
  readonly codes: ObjectHash
}

export interface Dataset {
  readonly id: DatasetId
  readonly name: string
  /** `folder`, `demo`, …: the importer that made it. */
  readonly format: string
  /** Where it came from, as the user typed it. */
  readonly source: string
  readonly sampleCount: number
  readonly classes: readonly ClassInfo[]
  readonly shape: ImageShape
  /** uint8 NHWC blob, sampleCount * h * w * c bytes, nothing else. */
  readonly images: ObjectHash
  /** safetensors: `labels` int32 [n]. */
  readonly labels: ObjectHash
  /** JSON: SampleNames. */
  readonly samples: ObjectHash
  readonly duplicateCount: number
  readonly groups: readonly GroupColumn[]
  /** JSON: QualityFindings, once they were computed. */
  readonly quality: ObjectHash | null
  /** As its owner states it (`CC-BY-4.0`, an address), or null. */
  readonly licence: string | null
  readonly problems: readonly ImportProblem[]
  readonly createdAt: string
}

/** What is known about each sample beside pixels and label, by sample index. */
export interface SampleTable {
  /** Path below the imported folder, `/` as separator; unique. */
  readonly names: readonly string[]
  /** The given split folder (`train`, `test`, …) or null. */
  readonly givenSplit: readonly (string | null)[]
  /** Index of the first sample with identical pixels, or -1 for a first one. */
  readonly duplicateOf: readonly number[]
}

/**
 * How the samples are dealt out. `fractions` are shares of each class for members, twin pool and
 * evaluation; `counts` are absolute per class index. What is dealt to none stays out of the split.
 */
export type DealtSplitRule =
  | {
      readonly kind: 'fractions'
      readonly members: number
      readonly twinPool: number
      readonly evaluation: number
      /** A given test folder is E as a whole; fractions then deal out the rest. */
      readonly evaluationFolder?: string
      /** Name of a group column: all samples of one value go to one side. */
      readonly groupKey?: string
    }
  | {
      readonly kind: 'counts'
      readonly members: readonly number[]
      readonly twinPool: readonly number[]
      readonly evaluation: readonly number[]
    }

/**
 * `around`: dealt by the base rule, then the samples `ids` (id ranges) and their exact copies are brought into D; for
 * each, a member of the same class takes its place.
 */
export type SplitRule =
  | DealtSplitRule
  | { readonly kind: 'around'; readonly base: DealtSplitRule; readonly ids: string }

/** Per-channel mean and standard deviation of D's pixels in [0, 1]. */
export interface Normalisation {
  readonly mean: readonly number[]
  readonly std: readonly number[]
}

/** Disjoint members D, twin pool H and evaluation E of a data set. */
export interface Split {
  readonly id: SplitId
  readonly datasetId: DatasetId
  readonly name: string
  readonly rule: SplitRule
  readonly seed: number
  /** Each an ids object: safetensors, `ids` int32 [n], ascending sample indices. */
  readonly members: ObjectHash
  readonly twinPool: ObjectHash
  readonly evaluation: ObjectHash
  /** Per class index. */
  readonly counts: {
    readonly members: readonly number[]
    readonly twinPool: readonly number[]
    readonly evaluation: readonly number[]
  }
  readonly normalisation: Normalisation
  readonly createdAt: string
}

/** Where a group column comes from. */
export type GroupRule =
  /** A regular expression with named groups, each of which is a column, looked for in each sample's name. */
  | { readonly kind: 'pattern'; readonly pattern: string }
  /** A table with a row for each file, or for each beginning of file names. */
  | {
      readonly kind: 'csv'
      readonly path: string
      /** The column that names the file. */
      readonly key: string
      /** Those that become group columns; default: all others. */
      readonly columns?: readonly string[] | undefined
    }
  /** The `level`-th folder of each sample's name, from 1. */
  | { readonly kind: 'level'; readonly level: number; readonly name: string }

/** What a rule found: shown before anything is stored. */
export interface GroupReport {
  readonly name: string
  readonly matched: number
  readonly unmatched: number
  readonly valueCount: number
  /** The largest groups. */
  readonly examples: readonly { readonly value: string; readonly count: number; readonly sample: string }[]
  /** A few names of samples that have no value. */
  readonly unmatchedExamples: readonly string[]
}

/** A source as it would be imported; nothing is stored yet. */
export interface DatasetPreview {
  readonly path: string
  readonly format: DatasetFormat
  readonly sampleCount: number
  readonly classes: readonly ClassInfo[]
  readonly splits: readonly { readonly name: string | null; readonly count: number }[]
  /** Width and height of the images that were looked at: one pair where all have the same. */
  readonly sizes: readonly (readonly [width: number, height: number])[]
  /** uint8 [n, side, side, 3] of a few samples from all over the source, base64. */
  readonly thumbnails: {
    readonly side: number
    readonly pixels: string
    readonly samples: readonly { readonly name: string; readonly className: string }[]
  }
  /** A few names, to try a pattern on. */
  readonly nameExamples: readonly string[]
  readonly groups: readonly GroupReport[]
  readonly problemCount: number
  readonly problems: readonly ImportProblem[]
}

/** What went with a data set that was removed. */
export interface RemovedDataset {
  readonly id: DatasetId
  readonly name: string
  readonly splits: number
  readonly forgetSets: number
  /** 0 where it lies in the bin. */
  readonly freedBytes: number
  /** Until when `restore` brings it back; ISO 8601. Null: it is gone for good. */
  readonly keptUntil: string | null
}

/** A removed data set that can be had back. */
export interface BinnedDataset {
  readonly id: DatasetId
  readonly name: string
  readonly sampleCount: number
  readonly splits: number
  readonly forgetSets: number
  readonly removedAt: string
  readonly keptUntil: string
  /** What nothing else needs: as much is free once it is gone for good. */
  readonly bytes: number
}

export interface RestoredDataset {
  readonly dataset: Dataset
  /** Forget sets whose names were taken meanwhile. */
  readonly renamed: readonly { readonly from: string; readonly to: string }[]
}
