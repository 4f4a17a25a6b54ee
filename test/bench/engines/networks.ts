/** The benchmark's networks, as data and as a forward pass over anybody's operations. All train with batches of 64. */
import { Random } from '#shared/random.ts'

export interface NetworkPlan {
  readonly name: string
  /** In words. */
  readonly title: string
  /** [height, width, channels] */
  readonly input: readonly [number, number, number]
  readonly kind: 'plain' | 'residual'
  /** Of the convolutions, or of the blocks. */
  readonly filters: readonly [number, number, number]
}

export const batchSize = 64
export const classCount = 10
export const batchCount = 4
export const learningRate = 0.01
export const momentum = 0.9
export const epsilon = 1e-5

export const networks: readonly NetworkPlan[] = [
  {
    name: '32',
    title: '32x32x3, 3 convolutions of 32, 64, 64 and pools, 319k parameters',
    input: [32, 32, 3],
    kind: 'plain',
    filters: [32, 64, 64],
  },
  {
    name: '28',
    title: '28x28x1, 3 convolutions of 16, 32, 32 and pools, 115k parameters',
    input: [28, 28, 1],
    kind: 'plain',
    filters: [16, 32, 32],
  },
  {
    name: 'bn',
    title: '32x32x3, 3 residual blocks of 16, 32, 64 with batch norm, 79k parameters',
    input: [32, 32, 3],
    kind: 'residual',
    filters: [16, 32, 64],
  },
]

export function networkOf(name: string): NetworkPlan {
  const found = networks.find((network) => network.name === name)
  if (found === undefined) throw new Error(`There is no network "${name}".`)
  return found
}

export interface Parameter {
  readonly name: string
  readonly shape: readonly number[]
  /** Inputs that one output sums over; null for a constant start. */
  readonly fanIn: number | null
  readonly start: 0 | 1
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1)

/** In the order in which they are stored: kernels [height, width, in, out] and [in, out]. */
export function parametersOf({ kind, input, filters }: NetworkPlan): readonly Parameter[] {
  const parameters: Parameter[] = []
  const kernel = (name: string, shape: readonly number[]): void => {
    parameters.push({ name, shape, fanIn: sizeOf(shape.slice(0, -1)), start: 0 })
  }
  const constant = (name: string, size: number, start: 0 | 1): void => {
    parameters.push({ name, shape: [size], fanIn: null, start })
  }
  const affine = (name: string, shape: readonly number[]): void => {
    kernel(`${name}/kernel`, shape)
    constant(`${name}/bias`, shape[shape.length - 1], 0)
  }
  const normalised = (name: string, shape: readonly number[]): void => {
    kernel(`${name}/kernel`, shape)
    constant(`${name}/gamma`, shape[3], 1)
    constant(`${name}/beta`, shape[3], 0)
  }
  let channels = input[2]
  if (kind === 'plain') {
    filters.forEach((count, i) => {
      affine(`conv${i}`, [3, 3, channels, count])
      channels = count
    })
    affine('dense0', [(input[0] / 4) * (input[1] / 4) * channels, 64])
    affine('dense1', [64, classCount])
    return parameters
  }
  normalised('stem', [3, 3, channels, filters[0]])
  channels = filters[0]
  filters.forEach((count, i) => {
    normalised(`block${i}a`, [3, 3, channels, count])
    normalised(`block${i}b`, [3, 3, count, count])
    if (count !== channels) normalised(`block${i}s`, [1, 1, channels, count])
    channels = count
  })
  affine('dense0', [channels, classCount])
  return parameters
}

/** He et al. 2015 for kernels. */
export function initialValues(network: NetworkPlan): readonly Float32Array[] {
  return parametersOf(network).map(({ name, shape, fanIn, start }) => {
    const random = Random.of(3, 'bench', network.name, name)
    const scale = fanIn === null ? 0 : Math.sqrt(2 / fanIn)
    return Float32Array.from({ length: sizeOf(shape) }, () => (fanIn === null ? start : scale * random.normal()))
  })
}

export interface Batch {
  readonly pixels: Float32Array
  readonly labels: Int32Array
}

export function batchesOf({ name, input }: NetworkPlan): readonly Batch[] {
  const random = Random.of(5, 'bench', name)
  return Array.from({ length: batchCount }, () => ({
    pixels: Float32Array.from({ length: batchSize * sizeOf(input) }, () => random.normal()),
    labels: Int32Array.from({ length: batchSize }, () => random.below(classCount)),
  }))
}

/** What a contender's library does; `T` is its tensor. */
export interface Operations<T> {
  parameter(name: string): T
  /** 3x3, with relu. */
  conv(x: T, kernel: T, bias: T): T
  /** The same, then a pool of 2x2. */
  convPool(x: T, kernel: T, bias: T): T
  /** Without bias. */
  convOnly(x: T, kernel: T, stride: number): T
  flatten(x: T): T
  dense(x: T, kernel: T, bias: T, relu: boolean): T
  /** Of the layer of this name; in training by the batch's statistics, which are averaged. */
  batchNorm(layer: string, x: T, relu: boolean): T
  addRelu(a: T, b: T): T
  averagePool(x: T): T
}

export function forward<T>({ kind, filters }: NetworkPlan, ops: Operations<T>, images: T): T {
  const parameter = (name: string): T => ops.parameter(name)
  const dense = (name: string, x: T, relu: boolean): T =>
    ops.dense(x, parameter(`${name}/kernel`), parameter(`${name}/bias`), relu)
  if (kind === 'plain') {
    let x = images
    filters.forEach((_, i) => {
      const convolve = i < 2 ? ops.convPool : ops.conv
      x = convolve(x, parameter(`conv${i}/kernel`), parameter(`conv${i}/bias`))
    })
    return dense('dense1', dense('dense0', ops.flatten(x), true), false)
  }
  const normalised = (name: string, x: T, stride: number, relu: boolean): T =>
    ops.batchNorm(name, ops.convOnly(x, parameter(`${name}/kernel`), stride), relu)
  let x = normalised('stem', images, 1, true)
  filters.forEach((_, i) => {
    const stride = i === 0 ? 1 : 2
    const inner = normalised(`block${i}b`, normalised(`block${i}a`, x, stride, true), 1, false)
    x = ops.addRelu(inner, i === 0 ? x : normalised(`block${i}s`, x, stride, false))
  })
  return dense('dense0', ops.averagePool(x), false)
}
