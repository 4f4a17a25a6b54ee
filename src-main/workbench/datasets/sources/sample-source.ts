import type { DecodedImage } from '#main/formats/images.ts'
import type { DatasetFormat, SplitRule } from '#shared/domain/dataset.ts'
import type { LeftOut } from './left-out.ts'

/** A sample as a source names it, before its image was looked at. */
export interface SampleEntry {
  /** Unique in its source, `/` as separator. */
  readonly name: string
  readonly className: string
  /** `train`, `test`, … as the source says, or null. */
  readonly givenSplit: string | null
}

export interface LoadedImage {
  /** Of the entry. */
  readonly index: number
  /** Null where it can't be read; `reason` then says why. */
  readonly image: DecodedImage | null
  readonly reason: string
}

/** A group column as the source itself holds it: one value an entry, null where it isn't known. */
export interface SourceGroups {
  readonly name: string
  readonly values: readonly (string | null)[]
}

/**
 * Where a data set comes from: everything but the pixels is known when it was opened, and images are loaded in
 * order, all or some, so that a preview and an import read by the same code.
 */
export interface SampleSource extends AsyncDisposable {
  readonly format: DatasetFormat
  readonly entries: readonly SampleEntry[]
  /** The order of the classes; null: naturally ordered by name. */
  readonly classNames: readonly string[] | null
  readonly groups: readonly SourceGroups[]
  /** What opening it left out; loading doesn't add to it. */
  readonly leftOut: readonly LeftOut[]
  /** The default split's rule, where the source has one of its own. */
  readonly splitRule?: SplitRule
  /** Ascending indices of entries, or null for all. */
  load(indices: readonly number[] | null): AsyncIterable<LoadedImage>
}
