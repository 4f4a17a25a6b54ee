/**
 * Seeded initial weights, drawn in plain arithmetic: the same float32 values on every engine.
 *
 * PyTorch's default for Conv2d and Linear (Kaiming-uniform with a = sqrt(5), which comes to
 * U(-1/sqrt(fanIn), 1/sqrt(fanIn)) for kernel and bias alike): the scheme under which the demo's
 * learning rates and reference figures were found.
 */
import { Random } from '#shared/random.ts'
import type { DataParams } from '../../stages.ts'
import type { NamedArrays } from '../training/types.ts'
import { shapedLayers, sizeOf } from './shapes.ts'

export function initialWeights(architecture: string, data: DataParams, seed: number): NamedArrays {
  const weights: Record<string, NamedArrays[string]> = {}
  for (const { variables } of shapedLayers(architecture, data)) {
    for (const { name, shape, fanIn } of variables) {
      // A stream a variable: another class count changes no other layer's start.
      const random = Random.of(seed, 'init', name)
      const bound = 1 / Math.sqrt(fanIn)
      const values = Float32Array.from({ length: sizeOf(shape) }, () => (2 * random.uniform() - 1) * bound)
      weights[name] = { shape, data: values }
    }
  }
  return weights
}
