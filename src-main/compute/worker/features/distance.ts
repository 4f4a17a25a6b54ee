/**
 * DF: how far a sample lies from its class's core (SCIENCE section 1, step 4): the mean Euclidean distance of its
 * L2-normalised penultimate feature to the nearest of the references with its own label.
 */

/** Row-major penultimate features [n, width] with the samples' labels [n]. */
export interface LabelledFeatures {
  readonly features: Float32Array
  readonly labels: Int32Array
  readonly width: number
}

/**
 * Mean over the min(neighbours, count) nearest; NaN where no reference has the sample's label. No sample is taken
 * for its own copy: F and H are disjoint from R.
 */
export async function distanceToClassCore(
  samples: LabelledFeatures,
  references: LabelledFeatures,
  neighbours: number,
  breathe: () => Promise<void>,
): Promise<Float64Array> {
  const { width } = samples
  const byLabel = new Map<number, Float64Array[]>()
  for (let i = 0; i < references.labels.length; i++) {
    const rows = byLabel.get(references.labels[i]) ?? []
    rows.push(unitRow(references.features, i, width))
    byLabel.set(references.labels[i], rows)
  }
  const out = new Float64Array(samples.labels.length)
  for (let i = 0; i < out.length; i++) {
    if (i % 16 === 0) await breathe()
    const core = byLabel.get(samples.labels[i]) ?? []
    out[i] = meanOfNearest(unitRow(samples.features, i, width), core, neighbours)
  }
  return out
}

function meanOfNearest(row: Float64Array, core: readonly Float64Array[], neighbours: number): number {
  const distances = new Float64Array(core.length)
  for (let j = 0; j < core.length; j++) {
    let sum = 0
    for (let k = 0; k < row.length; k++) sum += (row[k] - core[j][k]) ** 2
    distances[j] = Math.sqrt(sum)
  }
  const nearest = distances.sort().subarray(0, neighbours)
  return nearest.length === 0 ? Number.NaN : nearest.reduce((sum, d) => sum + d, 0) / nearest.length
}

/** A row scaled to length 1; a row of zeros stays one (a dead ReLU layer has no direction). */
function unitRow(features: Float32Array, row: number, width: number): Float64Array {
  const out = Float64Array.from(features.subarray(row * width, (row + 1) * width))
  const length = Math.sqrt(out.reduce((sum, value) => sum + value * value, 0))
  return length === 0 ? out : out.map((value) => value / length)
}
