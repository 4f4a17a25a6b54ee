import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core'
import { type BatchNormAttributes, type BatchNormGradientAttributes, kernelNames } from '../names.ts'
import type { WasmTools } from './matrix.ts'

const sizeOf = ({ shape }: TensorInfo): number => shape.reduce((product, size) => product * size, 1)

function normalise(
  { heap, functions }: WasmTools,
  { x, gamma, beta, mean, variance }: Readonly<Record<'x' | 'gamma' | 'beta' | 'mean' | 'variance', TensorInfo>>,
  { epsilon, relu }: BatchNormAttributes,
): TensorInfo {
  const columns = gamma.shape[0]
  const y = heap.output(x.shape)
  const scale = heap.buffer('scale', columns)
  const scales = heap.floats(scale, columns)
  const [gammas, variances] = [heap.values(gamma), heap.values(variance)]
  for (let i = 0; i < columns; i++) scales[i] = gammas[i] / Math.sqrt(variances[i] + epsilon)
  functions.normaliseColumns(
    heap.address(x),
    heap.address(y),
    heap.address(mean),
    scale,
    heap.address(beta),
    sizeOf(x) / columns,
    columns,
    Number(relu),
  )
  return y
}

export function batchNormKernels(tools: WasmTools): Readonly<Record<string, KernelFunc>> {
  const { heap, functions } = tools
  return {
    [kernelNames.batchNorm]({ inputs, attrs }) {
      const { x, gamma, beta } = inputs as Record<string, TensorInfo>
      const columns = gamma.shape[0]
      const rows = sizeOf(x) / columns
      const mean = heap.output([columns])
      const variance = heap.output([columns])
      functions.columnMoments(heap.address(x), heap.address(mean), heap.address(variance), rows, columns, 1 / rows)
      const y = normalise(tools, { x, gamma, beta, mean, variance }, attrs as unknown as BatchNormAttributes)
      return [y, mean, variance]
    },

    [kernelNames.batchNormFixed]({ inputs, attrs }) {
      const { x, gamma, beta, mean, variance } = inputs as Record<string, TensorInfo>
      return normalise(tools, { x, gamma, beta, mean, variance }, attrs as unknown as BatchNormAttributes)
    },

    [kernelNames.batchNormGradient]({ inputs, attrs }) {
      const { dy, x, y, gamma, mean, variance } = inputs as Record<string, TensorInfo>
      const { epsilon, relu, training } = attrs as unknown as BatchNormGradientAttributes
      const columns = gamma.shape[0]
      const rows = sizeOf(x) / columns
      const [dx, dGamma, dBeta] = [x.shape, [columns], [columns]].map((shape) => heap.output(shape))
      const sums = heap.buffer('sums', 4 * columns)
      const products = sums + 8 * columns
      const arrays = [dy, x, y].map((tensor) => heap.address(tensor))
      functions.batchNormSums(...arrays, heap.address(mean), sums, products, rows, columns, Number(relu))

      const coefficients = heap.buffer('coefficients', 3 * columns)
      const [scale, shift, slope] = [0, 1, 2].map((i) => coefficients + 4 * i * columns)
      const [scales, shifts, slopes] = [scale, shift, slope].map((address) => heap.floats(address, columns))
      const [gammas, variances, dGammas, dBetas] = [gamma, variance, dGamma, dBeta].map((tensor) => heap.values(tensor))
      for (let i = 0; i < columns; i++) {
        const perDeviation = 1 / Math.sqrt(variances[i] + epsilon)
        const sum = heap.readFloat64(sums + 8 * i)
        const product = heap.readFloat64(products + 8 * i)
        dGammas[i] = product * perDeviation
        dBetas[i] = sum
        scales[i] = gammas[i] * perDeviation
        shifts[i] = training ? sum / rows : 0
        slopes[i] = training ? (product * perDeviation * perDeviation) / rows : 0
      }
      functions.batchNormInput(
        ...arrays,
        heap.address(dx),
        heap.address(mean),
        scale,
        shift,
        slope,
        rows,
        columns,
        Number(relu),
      )
      return [dx, dGamma, dBeta]
    },
  }
}
