/** What each kind of layer computes. One entry a kind; shapes and variables are in shapes.ts. */
import type { Rank, Tensor, Tensor1D, Tensor2D, Tensor4D, Variable } from '@tensorflow/tfjs-core'
import { reshape, zeros } from '@tensorflow/tfjs-core'
import { addRelu, batchNormFixed, conv2d, dense, globalAveragePool, maxPool } from '../engines/ops.ts'
import type { LayerSpec } from './architectures.ts'
import { type BatchStatistics, normaliseByBatch } from './batch-norm.ts'
import { epsilon } from './batch-norm-constants.ts'

type Kind = LayerSpec['kind']
type SpecOf<K extends Kind> = Extract<LayerSpec, { kind: K }>

export interface LayerCall {
  /** In the order of `ShapedLayer.inputs`. */
  readonly inputs: readonly Tensor[]
  /** In the order of `ShapedLayer.variables`. */
  readonly variables: readonly Variable[]
  /** Where a batch norm leaves the batch's own statistics; null in evaluation: it then goes by its moving averages. */
  readonly onStatistics: ((statistics: BatchStatistics) => void) | null
}

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
  'max-pool': ({ size, stride }, { inputs: [x] }) => maxPool(x as Tensor4D, { size, strides: stride, pad: 'valid' }),
  'average-pool': (_, { inputs: [x] }) => globalAveragePool(x as Tensor4D),
  'add-relu': (_, { inputs: [x, other] }) => addRelu(x, other),
  flatten: (_, { inputs: [x] }) => reshape(x, [x.shape[0], -1]),
  dense: ({ relu }, { inputs: [x], variables: [kernel, bias] }) =>
    dense(x as Tensor2D, kernel as Variable<Rank.R2>, bias as Variable<Rank.R1>, { relu }),
}

/** The layer's output; differentiable in its inputs and in what of its variables learns. */
export function applyLayer(spec: LayerSpec, call: LayerCall): Tensor {
  const apply = layers[spec.kind] as (spec: LayerSpec, call: LayerCall) => Tensor
  return apply(spec, call)
}
