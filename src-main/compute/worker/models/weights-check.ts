import type { AppError } from '#shared/errors.ts'
import type { NamedArrays } from '../training/types.ts'
import { sizeOf, type VariableShape } from './shapes.ts'

/** Throws what `refuse` makes of the first array that is unknown, missing or of another shape. */
export function checkWeights(
  shapes: readonly VariableShape[],
  weights: NamedArrays,
  refuse: (what: string) => AppError,
): void {
  const known = new Set(shapes.map(({ name }) => name))
  const unknown = Object.keys(weights).find((name) => !known.has(name))
  if (unknown !== undefined) throw refuse(`"${unknown}" is none of its variables`)
  for (const { name, shape } of shapes) {
    if (!Object.hasOwn(weights, name)) throw refuse(`"${name}" is missing`)
    const found = weights[name]
    if (found.shape.join() !== shape.join() || found.data.length !== sizeOf(shape)) {
      throw refuse(`"${name}" has shape [${found.shape.join(', ')}] instead of [${shape.join(', ')}]`)
    }
  }
}
