/**
 * Every kernel of names.ts composed from stock kernels: the reference on cpu, and the fallback of any other engine.
 *
 * The updates are also the definition of the arithmetic: each operation rounds to float32, so an implementation that does
 * the same operations in the same order gets the same bits.
 */
import {
  _FusedMatMul,
  add,
  addN,
  Conv2DBackpropFilter,
  Conv2DBackpropInput,
  div,
  exp,
  FusedConv2D,
  getKernel,
  logSoftmax,
  MaxPool,
  MaxPoolGrad,
  max,
  mean,
  mul,
  type NamedAttrMap,
  type NamedTensorMap,
  neg,
  relu as rectify,
  registerKernel,
  reshape,
  sqrt,
  square,
  step,
  sub,
  sum,
  type Tensor,
  tensor1d,
  tidy,
  tile,
} from '@tensorflow/tfjs-core'
import {
  type AdamAttributes,
  type BatchNormAttributes,
  type BatchNormGradientAttributes,
  type ConvAttributes,
  type ConvFilterAttributes,
  type ConvInputAttributes,
  type DenseAttributes,
  type GlobalAveragePoolGradientAttributes,
  kernelNames,
  type SgdAttributes,
} from './names.ts'
import { runKernel } from './run-kernel.ts'

type ComposedKernel = (inputs: NamedTensorMap, attributes: NamedAttrMap) => Tensor | Tensor[]

const activation = (relu: boolean): { activation: string; leakyreluAlpha: number } => ({
  activation: relu ? 'relu' : 'linear',
  leakyreluAlpha: 0,
})

/** All axes but the last. */
const rowAxes = ({ shape }: Tensor): number[] => shape.slice(0, -1).map((_, axis) => axis)

function normalise(
  centred: Tensor,
  gamma: Tensor,
  beta: Tensor,
  variance: Tensor,
  { epsilon, relu }: BatchNormAttributes,
): Tensor {
  const y = add(mul(centred, div(gamma, sqrt(add(variance, epsilon)))), beta)
  return relu ? rectify(y) : y
}

function softmax(logits: Tensor): Tensor {
  const powers = exp(sub(logits, max(logits, -1, true)))
  return div(powers, sum(powers, -1, true))
}

export const composedKernels: Readonly<Record<(typeof kernelNames)[keyof typeof kernelNames], ComposedKernel>> = {
  [kernelNames.conv]({ x, filter, bias }, attributes) {
    const { strides, pad, relu } = attributes as ConvAttributes
    return runKernel(
      FusedConv2D,
      { x, filter, bias },
      { strides, pad, dataFormat: 'NHWC', dilations: [1, 1], ...activation(relu) },
    )
  },
  [kernelNames.convInputGradient]({ dy, filter }, attributes) {
    const { strides, pad, inputShape } = attributes as ConvInputAttributes
    return runKernel(Conv2DBackpropInput, { dy, filter }, { strides, pad, dataFormat: 'NHWC', inputShape })
  },
  [kernelNames.convFilterGradient]({ x, dy }, attributes) {
    const { strides, pad, filterShape } = attributes as ConvFilterAttributes
    return runKernel(Conv2DBackpropFilter, { x, dy }, { strides, pad, dataFormat: 'NHWC', filterShape })
  },
  [kernelNames.dense]({ x, kernel, bias }, attributes) {
    const { relu } = attributes as DenseAttributes
    return runKernel(
      _FusedMatMul,
      { a: x, b: kernel, bias },
      { transposeA: false, transposeB: false, ...activation(relu) },
    )
  },
  [kernelNames.biasGradient]({ dy }) {
    return sum(dy, rowAxes(dy))
  },
  [kernelNames.reluGradient]({ dy, y }) {
    return mul(dy, step(y))
  },
  [kernelNames.biasRelu]({ x, bias }) {
    return rectify(add(x, bias))
  },
  [kernelNames.reluBiasGradient]({ dy, y }) {
    const dz = runKernel(kernelNames.reluGradient, { dy, y })
    return [dz, runKernel(kernelNames.biasGradient, { dy: dz })]
  },
  [kernelNames.maxPool]({ x }, attributes) {
    return [runKernel(MaxPool, { x }, attributes), tensor1d([])]
  },
  [kernelNames.maxPoolGradient]({ dy, x, y }, attributes) {
    return runKernel(MaxPoolGrad, { dy, input: x, output: y }, attributes)
  },
  [kernelNames.addRelu]({ a, b }) {
    return rectify(add(a, b))
  },
  [kernelNames.batchNorm]({ x, gamma, beta }, attributes) {
    const average = mean(x, rowAxes(x))
    const centred = sub(x, average)
    const variance = mean(square(centred), rowAxes(x))
    return [normalise(centred, gamma, beta, variance, attributes as BatchNormAttributes), average, variance]
  },
  [kernelNames.batchNormFixed]({ x, gamma, beta, mean: average, variance }, attributes) {
    return normalise(sub(x, average), gamma, beta, variance, attributes as BatchNormAttributes)
  },
  /** Ioffe and Szegedy 2015, section 3. */
  [kernelNames.batchNormGradient]({ dy, x, y, gamma, mean: average, variance }, attributes) {
    const { epsilon, relu, training } = attributes as BatchNormGradientAttributes
    const dz = relu ? runKernel(kernelNames.reluGradient, { dy, y }) : dy
    const deviation = sqrt(add(variance, epsilon))
    const normal = div(sub(x, average), deviation)
    const dBeta = sum(dz, rowAxes(x))
    const dGamma = sum(mul(dz, normal), rowAxes(x))
    const rows = x.size / gamma.size
    const centred = training ? sub(dz, div(add(mul(normal, dGamma), dBeta), rows)) : dz
    return [mul(centred, div(gamma, deviation)), dGamma, dBeta]
  },
  [kernelNames.globalAveragePool]({ x }) {
    return mean(x, [1, 2])
  },
  [kernelNames.globalAveragePoolGradient]({ dy }, attributes) {
    const [batch, height, width, channels] = (attributes as GlobalAveragePoolGradientAttributes).inputShape
    return tile(reshape(div(dy, height * width), [batch, 1, 1, channels]), [1, height, width, 1])
  },
  [kernelNames.crossEntropy]({ logits, targets }) {
    return neg(sum(mul(targets, logSoftmax(logits)), -1))
  },
  [kernelNames.crossEntropyGradient]({ dy, logits, targets }) {
    const difference = sub(mul(softmax(logits), sum(targets, -1, true)), targets)
    return mul(difference, reshape(dy, [-1, 1]))
  },
  [kernelNames.squaredNorm](inputs) {
    return addN(Object.values(inputs).map((input) => sum(square(input))))
  },
  [kernelNames.adam]({ parameter, gradient, mean, square: oldSquare }, attributes) {
    const { beta1, beta2, stepSize, rootScale, epsilon, weightDecay } = attributes as AdamAttributes
    const decayed = weightDecay === 0 ? gradient : add(gradient, mul(parameter, weightDecay))
    const newMean = add(mul(mean, beta1), mul(decayed, 1 - beta1))
    const newSquare = add(mul(oldSquare, beta2), mul(mul(decayed, 1 - beta2), decayed))
    const scale = add(mul(sqrt(newSquare), rootScale), epsilon)
    return [sub(parameter, div(mul(newMean, stepSize), scale)), newMean, newSquare]
  },
  [kernelNames.sgd]({ parameter, gradient, velocity }, attributes) {
    const { lr, momentum, weightDecay } = attributes as SgdAttributes
    const decayed = weightDecay === 0 ? gradient : add(gradient, mul(parameter, weightDecay))
    const newVelocity = add(mul(velocity, momentum), decayed)
    return [sub(parameter, mul(newVelocity, lr)), newVelocity]
  },
}

/** Registers the composed kernel for every name the backend has no own kernel for. Idempotent. */
export function registerComposedKernels(backendName: string): void {
  for (const [kernelName, kernel] of Object.entries(composedKernels)) {
    if (getKernel(kernelName, backendName)) continue
    registerKernel({
      kernelName,
      backendName,
      // tfjs calls kernels with whole tensors, whatever their type says, and accepts tensors as results.
      kernelFunc: ({ inputs, attrs }) => tidy(() => kernel(inputs as NamedTensorMap, attrs ?? {})),
    })
  }
}
