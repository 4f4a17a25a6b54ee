import type { DatasetId, ForgetSetId, ObjectHash, SplitId } from '#shared/ids.ts'

/** How a forget set was chosen; fractions are of D's members. */
export type ForgetRule =
  | { readonly kind: 'class'; readonly className: string; readonly fraction: number }
  | { readonly kind: 'random'; readonly fraction: number }
  | { readonly kind: 'ids'; readonly source: string }

/** F: a named, never changing subset of a split's members, stored as a rule and as ids. */
export interface ForgetSet {
  readonly id: ForgetSetId
  readonly name: string
  readonly datasetId: DatasetId
  readonly splitId: SplitId
  readonly rule: ForgetRule
  readonly seed: number
  /** Ids object, ascending. */
  readonly ids: ObjectHash
  readonly count: number
  /** Per class index: how many of F, and how many members the class has. */
  readonly classCounts: readonly number[]
  readonly memberCounts: readonly number[]
  readonly createdAt: string
}
