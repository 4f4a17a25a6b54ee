/** Ascending sample indices, disjoint. */
export interface DealtSplit {
  readonly members: Int32Array
  readonly twinPool: Int32Array
  readonly evaluation: Int32Array
}
