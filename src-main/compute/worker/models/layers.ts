/** What each kind of layer computes. One entry a kind; shapes and variables are in shapes.ts. */
import type { Rank, Tensor, Tensor2D, Tensor4D, Variable } from '@tensorflow/tfjs-core'
import { reshape } from '@tensorflow/tfjs-core'
import { conv2d, dense, maxPool } from '../engines/ops.ts'
import type { LayerSpec } from './architectures.ts'
import type { ShapedLayer } from './shapes.ts'

type Kind = LayerSpec['kind']
type SpecOf<K extends Kind> = Extract<LayerSpec, { kind: K }>
type Apply<K extends Kind> = (spec: SpecOf<K>, x: Tensor, variables: readonly Variable[]) => Tensor

const layers: { readonly [K in Kind]: Apply<K> } = {
  conv: ({ stride, relu }, x, [kernel, bias]) =>
    conv2d(x as Tensor4D, kernel as Variable<Rank.R4>, bias as Variable<Rank.R1>, {
      strides: stride,
      pad: 'same',
      relu,
    }),
  'max-pool': ({ size, stride }, x) => maxPool(x as Tensor4D, { size, strides: stride, pad: 'valid' }),
  flatten: (_, x) => reshape(x, [x.shape[0], -1]),
  dense: ({ relu }, x, [kernel, bias]) =>
    dense(x as Tensor2D, kernel as Variable<Rank.R2>, bias as Variable<Rank.R1>, { relu }),
}

/** The layer's output; differentiable in `x` and in its variables. */
export function applyLayer({ spec }: ShapedLayer, x: Tensor, variables: readonly Variable[]): Tensor {
  const apply = layers[spec.kind] as (spec: LayerSpec, x: Tensor, variables: readonly Variable[]) => Tensor
  return apply(spec, x, variables)
}
