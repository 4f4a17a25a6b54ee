export interface NeighbourTable {
  /** [n, k]; the row itself comes first, as UMAP expects. */
  readonly indices: Int32Array
  /** Euclidean, ascending in each row. */
  readonly distances: Float32Array
}

/** Exact neighbours of every row of `rows` [n, width] among all; time grows with the square of n. */
export function nearestNeighbours(
  rows: Float32Array,
  width: number,
  k: number,
  onProgress: (share: number) => void = () => {},
): NeighbourTable {
  const n = rows.length / width
  const kept = Math.min(k, n)
  const indices = new Int32Array(n * kept)
  const distances = new Float32Array(n * kept)
  for (let i = 0; i < n; i++) {
    const { nearest, squares } = nearestTo(rows, width, i, kept)
    indices.set(nearest, i * kept)
    for (let j = 0; j < kept; j++) distances[i * kept + j] = Math.sqrt(squares[j])
    if (i % 256 === 255) onProgress(i / n)
  }
  return { indices, distances }
}

/** The `k` rows nearest to row `of`, itself (distance 0) first; ties by index. */
export function nearestTo(
  rows: Float32Array,
  width: number,
  of: number,
  k: number,
): { readonly nearest: Int32Array; readonly squares: Float64Array } {
  const n = rows.length / width
  const nearest = new Int32Array(k).fill(-1)
  const squares = new Float64Array(k).fill(Number.POSITIVE_INFINITY)
  const base = of * width
  for (let j = 0; j < n; j++) {
    const worst = squares[k - 1]
    let sum = 0
    const other = j * width
    for (let d = 0; d < width && sum < worst; d++) {
      const difference = rows[base + d] - rows[other + d]
      sum += difference * difference
    }
    if (j === of) sum = -1
    if (sum >= worst) continue
    let at = k - 1
    while (at > 0 && squares[at - 1] > sum) {
      squares[at] = squares[at - 1]
      nearest[at] = nearest[at - 1]
      at--
    }
    squares[at] = sum
    nearest[at] = j
  }
  squares[0] = Math.max(0, squares[0])
  return { nearest, squares }
}
