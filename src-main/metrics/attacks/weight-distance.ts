import { AppError } from '#shared/errors.ts'

export type WeightArrays = Readonly<Record<string, { readonly data: Float32Array }>>

export interface LayerDistance {
  /** `conv1`, `dense2`: the variables before the slash. */
  readonly layer: string
  readonly distance: number
  /** Euclidean length of the reference's layer. */
  readonly norm: number
}

/**
 * Euclidean distance between two networks' weights, by layer and in all: how far apart the parameters are, which need
 * not say how differently the networks behave.
 * @throws AppError `internal` where the two aren't of one architecture.
 */
export function weightDistance(
  weights: WeightArrays,
  reference: WeightArrays,
): { readonly total: LayerDistance; readonly layers: readonly LayerDistance[] } {
  const sums = new Map<string, { squares: number; norm: number }>()
  for (const [name, { data }] of Object.entries(reference)) {
    if (!Object.hasOwn(weights, name) || weights[name].data.length !== data.length) {
      throw new AppError('internal', `The networks differ in the variable "${name}".`)
    }
    const other = weights[name].data
    const layer = layerOf(name)
    const sum = sums.get(layer) ?? { squares: 0, norm: 0 }
    for (let i = 0; i < data.length; i++) {
      sum.squares += (other[i] - data[i]) ** 2
      sum.norm += data[i] ** 2
    }
    sums.set(layer, sum)
  }
  const all = [...sums.values()]
  const rooted = (layer: string, squares: number, norm: number): LayerDistance => ({
    layer,
    distance: Math.sqrt(squares),
    norm: Math.sqrt(norm),
  })
  return {
    total: rooted(
      'all',
      all.reduce((sum, { squares }) => sum + squares, 0),
      all.reduce((sum, { norm }) => sum + norm, 0),
    ),
    layers: [...sums].map(([layer, { squares, norm }]) => rooted(layer, squares, norm)),
  }
}

function layerOf(variable: string): string {
  const end = variable.lastIndexOf('/')
  return end < 0 ? variable : variable.slice(0, end)
}
