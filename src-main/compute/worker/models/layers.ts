/** What each kind of layer computes. One entry a kind; shapes and variables are in shapes.ts. */
import type { Rank, Tensor, Tensor1D, Tensor2D, Tensor4D, Variable } from '@tensorflow/tfjs-core'
import { reshape, zeros } from '@tensorflow/tfjs-core'
import { addRelu, batchNormFixed, conv2d, convMaxPool, dense, globalAveragePool, maxPool } from '../engines/ops.ts'
import type { LayerSpec } from './architectures.ts'
import { type BatchStatistics, normaliseByBatch } from './batch-norm.ts'
import { epsilon } from './batch-norm-constants.ts'
import type { ShapedLayer } from './shapes.ts'

type Kind = LayerSpec['kind']
type SpecOf<K extends Kind> = Extract<LayerSpec, { kind: K }>

export interface LayerCall {
  /** In the order of `ShapedLayer.inputs`. */
  readonly inputs: readonly Tensor[]
  /** In the order of `ShapedLayer.variables`. */
  readonly variables: readonly Variable[]
  /** Where a batch norm leaves the batch's own statistics; null in evaluation: it then goes by its moving averages. */
  readonly onStatistics: ((statistics: BatchStatistics) => void) | null
  /** The layer before a pool that the pool computes as well; `inputs` and `variables` are then that layer's. */
  readonly convolution?: PooledConvolution | undefined
}

export type PooledConvolution = SpecOf<'conv'>

type Apply<K extends Kind> = (spec: SpecOf<K>, call: LayerCall) => Tensor

const layers: { readonly [K in Kind]: Apply<K> } = {
  conv: ({ stride, relu, filters }, { inputs: [x], variables: [kernel, bias] }) =>
    // Without a bias of its own: a constant, for which no gradient is ever computed.
    conv2d(x as Tensor4D, kernel as Variable<Rank.R4>, (bias ?? zeros([filters])) as Tensor1D, {
      strides: stride,
      pad: 'same',
      relu,
    }),
  'batch-norm': ({ relu }, { inputs: [x], variables, onStatistics }) => {
    const [gamma, beta, movingMean, movingVariance] = variables as readonly Variable<Rank.R1>[]
    const image = x as Tensor4D
    if (onStatistics === null) return batchNormFixed(image, gamma, beta, movingMean, movingVariance, { epsilon, relu })
    const { y, statistics } = normaliseByBatch(image, gamma, beta, relu)
    onStatistics(statistics)
    return y
  },
  'max-pool': ({ size, stride }, { inputs: [x], variables: [kernel, bias], convolution }) => {
    const pool = { size, strides: stride, pad: 'valid' } as const
    if (convolution === undefined) return maxPool(x as Tensor4D, pool)
    const conv = { strides: convolution.stride, pad: 'same' } as const
    return convMaxPool(x as Tensor4D, kernel as Variable<Rank.R4>, bias as Variable<Rank.R1>, conv, pool)
  },
  'average-pool': (_, { inputs: [x] }) => globalAveragePool(x as Tensor4D),
  'add-relu': (_, { inputs: [x, other] }) => addRelu(x, other),
  flatten: (_, { inputs: [x] }) => reshape(x, [x.shape[0], -1]),
  dense: ({ relu }, { inputs: [x], variables: [kernel, bias] }) =>
    dense(x as Tensor2D, kernel as Variable<Rank.R2>, bias as Variable<Rank.R1>, { relu }),
}

/** Convolutions with bias and relu, by their place, whose only use is the pool that follows. */
export function pooledConvolutions(layers: readonly ShapedLayer[]): ReadonlyMap<number, PooledConvolution> {
  const pooled = new Map<number, PooledConvolution>()
  for (const [i, { spec, variables }] of layers.entries()) {
    const next = layers[i + 1]
    if (spec.kind !== 'conv' || !spec.relu || variables.length !== 2 || next?.spec.kind !== 'max-pool') continue
    const users = layers.filter(({ inputs }) => inputs.includes(spec.name))
    if (users.length === 1 && users[0] === next) pooled.set(i, spec)
  }
  return pooled
}

/** The layer's output; differentiable in its inputs and in what of its variables learns. */
export function applyLayer(spec: LayerSpec, call: LayerCall): Tensor {
  const apply = layers[spec.kind] as (spec: LayerSpec, call: LayerCall) => Tensor
  return apply(spec, call)
}
