/** What the sample process is asked and what it answers. Everything survives being sent as JSON. */
import type { ImageShape } from '#shared/domain/dataset.ts'
import type { EmbeddingEvent } from '#shared/domain/sample.ts'
import type { ObjectHash } from '#shared/ids.ts'

/** Brings every image of a blob to thumbnails, one after the other in one file. */
export interface ThumbnailJob {
  readonly kind: 'thumbnails'
  readonly objectsRoot: string
  readonly images: ObjectHash
  readonly shape: ImageShape
  readonly count: number
  readonly target: ImageShape
  /** Where the file grows; renamed by the parent when it is whole. */
  readonly file: string
}

/** Reduces every sample to a few coordinates, the first two of which are its place on the plane. */
export interface ReduceJob {
  readonly kind: 'reduce'
  readonly objectsRoot: string
  readonly source:
    | { readonly kind: 'pixels'; readonly images: ObjectHash; readonly shape: ImageShape; readonly count: number }
    | { readonly kind: 'features'; readonly outcome: ObjectHash; readonly model: string }
  readonly file: string
}

/** Places samples by UMAP of their reduced coordinates. */
export interface UmapJob {
  readonly kind: 'umap'
  /** What a ReduceJob wrote. */
  readonly reduced: string
  readonly limit: number
  readonly seed: number
  readonly file: string
}

/** Groups samples that look alike, by their reduced coordinates. */
export interface ClusterJob {
  readonly kind: 'cluster'
  /** What a ReduceJob wrote. */
  readonly reduced: string
  readonly objectsRoot: string
  readonly labels: ObjectHash
  /** The class whose images alone are clustered; null: all of them. */
  readonly label: number | null
  readonly clusters: number
  readonly seed: number
  readonly file: string
}

export type SampleJob = ThumbnailJob | ReduceJob | UmapJob | ClusterJob

export type SampleProgress = Extract<EmbeddingEvent, { kind: 'progress' }>

export type SampleInterim =
  | SampleProgress
  /** Thumbnails that are in the file by now. */
  | { readonly kind: 'written'; readonly count: number }
