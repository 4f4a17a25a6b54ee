/** What the explorer knows about single samples, packed so that 60,000 of them travel in a few messages. */
import type { DatasetId, ForgetSetId, RunId, SampleIndex, SplitId, StudyId, TagId } from '#shared/ids.ts'

/** Little-endian numbers in base64; how wide they are, the field says. */
export type Packed = string

/** One value a sample, by code. */
export interface PackedCodes {
  readonly values: readonly string[]
  /** int32 [n]: an index into the values, -1 where there is none. */
  readonly codes: Packed
}

/** Everything about every sample that needs no study. */
export interface PackedSamples {
  readonly dataset: DatasetId
  readonly count: number
  /** int32 [n] */
  readonly labels: Packed
  /** int32 [n]: the first sample with identical pixels, -1 for a first one. */
  readonly duplicateOf: Packed
  /**
   * int32 [n]: the lowest sample of a group of copies, exact or near, -1 where there is no group. Null until the
   * quality of the data set was looked at.
   */
  readonly nearGroup: Packed | null
  /** Samples whose neighbours carry another label; null until the quality was looked at. Int32. */
  readonly suspects: Packed | null
  readonly groups: readonly (PackedCodes & { readonly name: string })[]
  /** Folders that the source dealt its images out to; null where it had none. */
  readonly givenSplit: PackedCodes | null
}

/** Which side of a split each sample is on: uint8 [n], an index into this. */
export const sampleParts = ['none', 'members', 'twinPool', 'evaluation'] as const
export type SamplePart = (typeof sampleParts)[number]

/** A name that a person gave to samples. */
export interface Tag {
  readonly id: TagId
  readonly datasetId: DatasetId
  readonly name: string
  readonly count: number
  /** Id ranges: `0-4,7`. */
  readonly samples: string
}

/** Figures that a run leaves about single samples. */
export const sampleFigures = ['loss', 'confidence', 'disagreement', 'df', 'af', 'cf'] as const
export type SampleFigure = (typeof sampleFigures)[number]

/** What a run says of the samples that it was asked about. */
export interface RunFigures {
  readonly run: RunId
  /** int32, ascending. */
  readonly ids: Packed
  /** float32 [ids], NaN where this sample has none; or the reason why no sample has one. */
  readonly figures: Readonly<Record<SampleFigure, Packed | { readonly absent: string }>>
  /** int32 [ids]: the class that the unlearned model predicts. */
  readonly predicted: Packed
}

/** Where one sample stands, for the inspector. */
export interface SampleDetails {
  readonly index: SampleIndex
  readonly name: string
  readonly label: number
  readonly givenSplit: string | null
  readonly groups: readonly { readonly name: string; readonly value: string | null; readonly count: number }[]
  readonly splits: readonly { readonly id: SplitId; readonly name: string; readonly part: SamplePart }[]
  readonly forgetSets: readonly { readonly id: ForgetSetId; readonly name: string }[]
  readonly tags: readonly string[]
  /** Samples with the very same pixels. */
  readonly copies: readonly SampleIndex[]
  /** Near copies; null until the quality of the data set was looked at. */
  readonly nearCopies: readonly SampleIndex[] | null
  /** What most of its neighbours are, where they contradict its label. */
  readonly suspect: { readonly suggested: number; readonly agreement: number } | null
  readonly predictions: readonly SamplePrediction[]
}

/** One run's word on one sample. */
export interface SamplePrediction {
  readonly study: StudyId
  readonly studyName: string
  readonly run: RunId
  readonly method: string
  readonly seed: number
  readonly set: 'forget' | 'retain' | 'evaluation'
  readonly predicted: number
  /** Probability of the true class. */
  readonly confidence: number
  /** Of each gold, by number. */
  readonly goldPredicted: readonly number[]
}

/** What an embedding is made of. */
export type EmbeddingMethod = 'pca' | 'umap'

export type EmbeddingEvent =
  | {
      readonly kind: 'progress'
      readonly phase: 'reading' | 'pca' | 'neighbours' | 'umap' | 'clusters'
      readonly value: number
      readonly etaSeconds: number | null
    }
  | {
      readonly kind: 'points'
      readonly method: EmbeddingMethod
      /** int32, ascending: which samples have a point. */
      readonly ids: Packed
      /** float32 [ids, 2] */
      readonly points: Packed
      /** How many samples there are to be shown. */
      readonly total: number
      /** Share of the variance on the two axes; PCA only. */
      readonly explained: readonly [number, number] | null
    }

export interface Neighbour {
  readonly index: SampleIndex
  /** Euclidean, in the reduced features. */
  readonly distance: number
}
