import type { DatasetId, ForgetSetId, ObjectHash, SplitId } from '#shared/ids.ts'

/** How a forget set was chosen; fractions are of D's members. Every part of a rule names members of D only. */
export type ForgetRule =
  | { readonly kind: 'class'; readonly className: string; readonly fraction: number }
  | { readonly kind: 'random'; readonly fraction: number }
  | { readonly kind: 'random-count'; readonly count: number }
  /** Everybody in D whose value of a group column is among these. */
  | { readonly kind: 'group'; readonly column: string; readonly values: readonly string[] }
  /**
   * Members in some of the clusters that k-means makes of all images that look alike, or of one class's. 1 is the
   * largest cluster.
   */
  | {
      readonly kind: 'cluster'
      readonly clusters: number
      readonly chosen: readonly number[]
      readonly within: string | null
    }
  /** A list's samples; which ones they are, the stored ids say. */
  | { readonly kind: 'ids'; readonly source: string }
  /** Single samples, as id ranges (`0-4,7`): by hand, by lasso, from a list within a larger rule. */
  | { readonly kind: 'picked'; readonly ids: string; readonly source: string }
  | { readonly kind: 'union'; readonly rules: readonly ForgetRule[] }
  | { readonly kind: 'intersection'; readonly rules: readonly ForgetRule[] }
  | { readonly kind: 'minus'; readonly from: ForgetRule; readonly without: ForgetRule }

export type ForgetRuleKind = ForgetRule['kind']

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
  /** 1 for a first one; an edited set is a further version, under a name of its own. */
  readonly version: number
  /** What it was edited from, or null. */
  readonly previous: ForgetSetId | null
  readonly createdAt: string
}
