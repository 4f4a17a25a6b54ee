import { Identity, type KernelFunc, type TensorInfo } from '@tensorflow/tfjs-core'
import {
  type AdamAttributes,
  type GlobalAveragePoolGradientAttributes,
  kernelNames,
  type SgdAttributes,
} from '../names.ts'
import type { WasmTools } from './matrix.ts'

const sizeOf = ({ shape }: TensorInfo): number => shape.reduce((product, size) => product * size, 1)

export function vectorKernels({ heap, functions }: WasmTools): Readonly<Record<string, KernelFunc>> {
  return {
    /** The stock kernel copies; every tensor saved for a gradient passes through here. Tensors never change, so share. */
    [Identity]({ inputs }) {
      const { x } = inputs as Record<string, TensorInfo>
      heap.backend.incRef(x.dataId)
      return { dataId: x.dataId, shape: x.shape, dtype: x.dtype }
    },

    [kernelNames.reluGradient]({ inputs }) {
      const { dy, y } = inputs as Record<string, TensorInfo>
      const out = heap.output(dy.shape)
      functions.reluGradient(heap.address(dy), heap.address(y), heap.address(out), sizeOf(dy))
      return out
    },

    [kernelNames.biasGradient]({ inputs }) {
      const { dy } = inputs as Record<string, TensorInfo>
      const columns = dy.shape[dy.shape.length - 1]
      const out = heap.output([columns])
      functions.columnSums(heap.address(dy), heap.address(out), sizeOf(dy) / columns, columns, 1)
      return out
    },

    [kernelNames.biasRelu]({ inputs }) {
      const { x, bias } = inputs as Record<string, TensorInfo>
      const out = heap.output(x.shape)
      const columns = sizeOf(bias)
      functions.biasRelu(heap.address(x), heap.address(bias), heap.address(out), sizeOf(x) / columns, columns)
      return out
    },

    [kernelNames.addRelu]({ inputs }) {
      const { a, b } = inputs as Record<string, TensorInfo>
      const out = heap.output(a.shape)
      functions.addRelu(heap.address(a), heap.address(b), heap.address(out), sizeOf(a))
      return out
    },

    [kernelNames.globalAveragePool]({ inputs }) {
      const { x } = inputs as Record<string, TensorInfo>
      const [batch, height, width, channels] = x.shape
      const out = heap.output([batch, channels])
      const area = height * width
      const [from, to] = [heap.address(x), heap.address(out)]
      for (let i = 0; i < batch; i++) {
        functions.columnSums(from + 4 * i * area * channels, to + 4 * i * channels, area, channels, 1 / area)
      }
      return out
    },

    [kernelNames.globalAveragePoolGradient]({ inputs, attrs }) {
      const { dy } = inputs as Record<string, TensorInfo>
      const { inputShape } = attrs as unknown as GlobalAveragePoolGradientAttributes
      const [batch, height, width, channels] = inputShape
      const out = heap.output(inputShape)
      const area = height * width
      const [from, to] = [heap.address(dy), heap.address(out)]
      for (let i = 0; i < batch; i++) {
        functions.repeatRow(from + 4 * i * channels, to + 4 * i * area * channels, area, channels, 1 / area)
      }
      return out
    },

    [kernelNames.squaredNorm]({ inputs }) {
      const out = heap.output([])
      const total = heap.buffer('total', 2)
      heap.writeFloat64(total, 0)
      for (const input of Object.values(inputs) as TensorInfo[]) {
        functions.addSquares(heap.address(input), sizeOf(input), total)
      }
      heap.values(out)[0] = heap.readFloat64(total)
      return out
    },

    [kernelNames.adam]({ inputs, attrs }) {
      const { parameter, gradient, mean, square } = inputs as Record<string, TensorInfo>
      const { beta1, beta2, stepSize, rootScale, epsilon, weightDecay } = attrs as unknown as AdamAttributes
      const out = [0, 1, 2].map(() => heap.output(parameter.shape))
      functions.adam(
        ...[parameter, gradient, mean, square, ...out].map((tensor) => heap.address(tensor)),
        sizeOf(parameter),
        beta1,
        1 - beta1,
        beta2,
        1 - beta2,
        stepSize,
        rootScale,
        epsilon,
        weightDecay,
      )
      return out
    },

    [kernelNames.sgd]({ inputs, attrs }) {
      const { parameter, gradient, velocity } = inputs as Record<string, TensorInfo>
      const { lr, momentum, weightDecay } = attrs as unknown as SgdAttributes
      const out = [0, 1].map(() => heap.output(parameter.shape))
      functions.sgd(
        ...[parameter, gradient, velocity, ...out].map((tensor) => heap.address(tensor)),
        sizeOf(parameter),
        lr,
        momentum,
        weightDecay,
      )
      return out
    },
  }
}
