/**
 * What a look at all images of a data set found. The findings are of the images alone and are cached as one object;
 * a report adds where they cross the sides of a split, or F and R.
 */
import type { ImportProblem } from '#shared/domain/dataset.ts'

/** What counts as near, so that a report can say so. */
export interface QualityThresholds {
  /** Differing bits of two 64-bit perceptual hashes, at most; candidates only. */
  readonly hashBits: number
  /** Mean absolute difference of two candidates brought to 16x16 grey, 0..255, at most. */
  readonly pixelDifference: number
  /** And their correlation, at least. */
  readonly correlation: number
  /** Neighbours asked for their label. */
  readonly neighbours: number
  /** Share of them that must agree on another label. */
  readonly disagreement: number
  /**
   * Where that many neighbours agree on a class, this share of the samples must be of it; else agreement says nothing
   * about labels, and nobody is suspected of belonging to the class.
   */
  readonly precision: number
  /** A class with fewer samples is tiny. */
  readonly tinyClass: number
}

export interface DuplicateGroup {
  /** Two or more sample indices, ascending. */
  readonly samples: readonly number[]
  /** Largest mean absolute pixel difference to the first sample, 0..255; 0 for exact copies. */
  readonly difference: number
}

/** A list that may be cut: `total` is how many there are. */
export interface Capped<T> {
  readonly total: number
  readonly items: readonly T[]
}

export interface MislabelSuspect {
  readonly sample: number
  readonly label: number
  /** What most of its nearest neighbours are. */
  readonly suggested: number
  /** Share of the neighbours with the suggested label, 0..1. */
  readonly agreement: number
  readonly neighbours: readonly number[]
}

/** Of a data set's images and labels, whatever the split. */
export interface QualityFindings {
  /** Raised when equal images may give other findings. */
  readonly version: 1
  readonly sampleCount: number
  readonly thresholds: QualityThresholds
  readonly exactDuplicates: Capped<DuplicateGroup>
  /** No exact copies are in them beside a group's first of each. */
  readonly nearDuplicates: Capped<DuplicateGroup>
  /** Copies, exact or near, that carry different labels. */
  readonly conflictingLabels: Capped<DuplicateGroup>
  /**
   * Most certain first. They rest on nearest neighbours among the images' pixels (PCA), whose own accuracy says how far
   * they can be trusted.
   */
  readonly mislabelSuspects: Capped<MislabelSuspect> & {
    readonly embedding: 'pixels-pca'
    readonly neighbourAccuracy: number
  }
  readonly tinyClasses: readonly { readonly label: number; readonly count: number }[]
  /** Grey images of a data set with colour, and how many of each class they are: a hint that gives classes away. */
  readonly greyInColour: Capped<number> & { readonly perClass: readonly number[] }
  /** Images of one single value. */
  readonly blank: Capped<number>
  readonly seconds: number
}

/** Two places where related samples should not both lie: sides of a split, or F and R within its members. */
export type SidePair = 'members-twinPool' | 'members-evaluation' | 'twinPool-evaluation' | 'forget-retain'

/** Related samples on both sides. */
export interface Crossing {
  readonly first: readonly number[]
  readonly second: readonly number[]
  /** The group value they share; absent for duplicates. */
  readonly value?: string
}

export interface Leakage {
  readonly kind: 'exact' | 'near' | 'group'
  readonly pair: SidePair
  /** The group column, where `kind` is `group`. */
  readonly column?: string
  /** How many samples of the first and of the second side are concerned. */
  readonly counts: readonly [number, number]
  readonly crossings: Capped<Crossing>
}

export interface QualityReport {
  readonly dataset: string
  readonly findings: QualityFindings
  /** The split that was looked at, and where related samples lie on two of its sides. */
  readonly split: string
  readonly forgetSet: string | null
  readonly leakage: readonly Leakage[]
  /** Files that the import left out. */
  readonly problems: readonly ImportProblem[]
}
