/**
 * Seeded initial weights, drawn in plain arithmetic: the same float32 values on every engine. The schemes are in
 * `Initialisation`; `uniform` is the one under which the demo's learning rates and reference figures were found.
 */
import { assertNever } from '#shared/errors.ts'
import { Random } from '#shared/random.ts'
import type { DataParams } from '../../stages.ts'
import type { NamedArrays } from '../training/types.ts'
import { architectureOf, type Initialisation } from './architectures.ts'
import { shapedLayers, sizeOf, type VariableShape } from './shapes.ts'

export function initialWeights(architecture: string, data: DataParams, seed: number): NamedArrays {
  const { initialisation } = architectureOf(architecture)
  const weights: Record<string, NamedArrays[string]> = {}
  for (const { variables } of shapedLayers(architecture, data)) {
    for (const variable of variables) {
      // A stream a variable: another class count changes no other layer's start.
      const draw = drawOf(variable, initialisation, Random.of(seed, 'init', variable.name))
      const data = new Float32Array(sizeOf(variable.shape))
      for (let i = 0; i < data.length; i++) data[i] = draw()
      weights[variable.name] = { shape: variable.shape, data }
    }
  }
  return weights
}

function drawOf(variable: VariableShape, initialisation: Initialisation, random: Random): () => number {
  const { role, shape, fanIn, fanOut } = variable
  switch (role) {
    case 'gamma':
    case 'moving_variance':
      return () => 1
    case 'beta':
    case 'moving_mean':
      return () => 0
    case 'kernel':
      if (initialisation === 'he-normal' && shape.length === 4) {
        const deviation = Math.sqrt(2 / fanOut)
        return () => deviation * random.normal()
      }
      return uniform(random, fanIn)
    case 'bias':
      // A convolution's; the bias of a dense layer has as many inputs as fan-in, and PyTorch's default.
      return initialisation === 'he-normal' && fanOut > shape[0] ? () => 0 : uniform(random, fanIn)
    default:
      return assertNever(role)
  }
}

function uniform(random: Random, fanIn: number): () => number {
  const bound = 1 / Math.sqrt(fanIn)
  return () => (2 * random.uniform() - 1) * bound
}
