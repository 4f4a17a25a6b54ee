import {
  getKernel,
  MaxPoolGrad,
  maxPool,
  type NamedAttrMap,
  type NamedTensorMap,
  registerKernel,
  reverse,
  square,
  type Tensor,
  tensor,
  tidy,
  unregisterKernel,
} from '@tensorflow/tfjs-core'
import { kernelNames } from '../names.ts'
import type { NativeBackend } from './backend.ts'
import { batchNormKernels } from './batch-norm.ts'
import { plainKernels } from './plain.ts'
import { type NativeKernel, type TwofoldKernel, twofoldKernels } from './twofold.ts'

export const nativeBackendName = 'tensorflow'
/** Changes with anything that changes results: artifacts record it. */
const nativeKernelSet = 'tmu-onednn-2'

/** Largest difference to the other kernel, relative to the largest value, with which oneDNN's is used. */
const trialTolerance = 1e-4

/**
 * Registers our kernels on the started backend, which is the active one, in place of stock ones where both exist.
 * Returns the name of the kernel set, with the kernels that this processor computes by Eigen.
 */
export function registerNativeKernels(backend: NativeBackend): string {
  const fallen: string[] = []
  const { isUsingGpuDevice } = backend
  for (const kernel of [...twofoldKernels(backend), ...(isUsingGpuDevice ? [] : batchNormKernels(backend))]) {
    const works = !isUsingGpuDevice && passesTrial(kernel)
    if (!works) fallen.push(kernel.name)
    replaceKernel(kernel.name, works ? guarded(kernel) : kernel.eigen)
  }
  for (const [name, kernel] of Object.entries(plainKernels(backend))) replaceKernel(name, kernel)
  return fallen.length === 0 ? nativeKernelSet : `${nativeKernelSet} (Eigen: ${fallen.join(', ')})`
}

function guarded({ onednn, eigen, suits }: TwofoldKernel): NativeKernel {
  if (suits === undefined) return onednn
  return (inputs, attributes) => (suits(inputs, attributes) ? onednn : eigen)(inputs, attributes)
}

function replaceKernel(kernelName: string, kernel: NativeKernel): void {
  if (getKernel(kernelName, nativeBackendName)) unregisterKernel(kernelName, nativeBackendName)
  registerKernel({
    kernelName,
    backendName: nativeBackendName,
    kernelFunc: ({ inputs, attrs }) => tidy(() => kernel(inputs as NamedTensorMap, attrs ?? {})),
  })
}

/** Numbers of no special kind. */
function sample(seed: number, shape: number[]): Tensor {
  const length = shape.reduce((product, size) => product * size, 1)
  return tensor(
    Float32Array.from({ length }, (_, i) => (((i * 37 + i * i * 5 + seed * 11) % 61) - 28) / 32),
    shape,
  )
}

type TrialCall = readonly [inputs: NamedTensorMap, attributes: NamedAttrMap]

/** A strided call with odd sizes and channels that fill no vector, and one that fills them. */
const trials: Readonly<Record<string, () => readonly TrialCall[]>> = {
  [kernelNames.conv]: () => [
    [
      { x: sample(1, [2, 7, 8, 3]), filter: sample(2, [3, 3, 3, 5]), bias: sample(3, [5]) },
      { strides: [2, 2], pad: 'same', relu: true },
    ],
    [
      { x: sample(4, [2, 8, 8, 16]), filter: sample(5, [3, 3, 16, 16]), bias: sample(6, [16]) },
      { strides: [1, 1], pad: 'valid', relu: false },
    ],
  ],
  [kernelNames.convInputGradient]: () => [
    [
      { dy: sample(1, [2, 4, 4, 5]), filter: sample(2, [3, 3, 3, 5]) },
      { strides: [2, 2], pad: 'same', inputShape: [2, 7, 8, 3] },
    ],
    [
      { dy: sample(3, [2, 6, 6, 16]), filter: sample(4, [3, 3, 16, 16]) },
      { strides: [1, 1], pad: 'valid', inputShape: [2, 8, 8, 16] },
    ],
  ],
  [kernelNames.convFilterGradient]: () => [
    [
      { x: sample(1, [2, 7, 8, 3]), dy: sample(2, [2, 4, 4, 5]) },
      { strides: [2, 2], pad: 'same', filterShape: [3, 3, 3, 5] },
    ],
    [
      { x: sample(3, [2, 8, 8, 16]), dy: sample(4, [2, 6, 6, 16]) },
      { strides: [1, 1], pad: 'valid', filterShape: [3, 3, 16, 16] },
    ],
  ],
  [MaxPoolGrad]: () =>
    ([2, 3] as const).map((size) => {
      const input = sample(1, [2, 7, 8, 5])
      const output = maxPool(input as Parameters<typeof maxPool>[0], size, 2, 'same')
      return [
        { input, output, dy: sample(2, output.shape) },
        { filterSize: [size, size], strides: [2, 2], pad: 'same' },
      ]
    }),
  [kernelNames.batchNorm]: () =>
    batchNormTrials(({ x, gamma, beta }, relu) => [
      { x, gamma, beta },
      { epsilon: 1e-3, relu },
    ]),
  [kernelNames.batchNormFixed]: () =>
    batchNormTrials((inputs, relu) => [
      { ...inputs, mean: inputs.beta, variance: square(inputs.gamma) },
      { epsilon: 1e-3, relu },
    ]),
  [kernelNames.batchNormGradient]: () =>
    batchNormTrials(({ x, gamma, beta }, relu) => [
      { dy: reverse(x), x, y: x, gamma, mean: beta, variance: square(gamma) },
      { epsilon: 1e-3, relu, training: relu },
    ]),
}

function batchNormTrials(
  call: (inputs: Readonly<Record<'x' | 'gamma' | 'beta', Tensor>>, relu: boolean) => TrialCall,
): TrialCall[] {
  return [5, 16].flatMap((channels) =>
    [true, false].map((relu) =>
      call({ x: sample(1, [2, 7, 8, channels]), gamma: sample(2, [channels]), beta: sample(3, [channels]) }, relu),
    ),
  )
}

/** Whether oneDNN's kernel runs here and gives what Eigen's gives. */
function passesTrial({ name, onednn, eigen }: TwofoldKernel): boolean {
  try {
    return tidy(() => trials[name]().every((call) => difference(onednn(...call), eigen(...call)) <= trialTolerance))
  } catch {
    // An operation that this library or processor doesn't have.
    return false
  }
}

function difference(found: Tensor | Tensor[], expected: Tensor | Tensor[]): number {
  if (Array.isArray(found) && Array.isArray(expected)) {
    return Math.max(...found.map((tensor, i) => difference(tensor, expected[i])))
  }
  if (Array.isArray(found) || Array.isArray(expected)) return Number.POSITIVE_INFINITY
  const [a, b] = [found.dataSync(), expected.dataSync()]
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  let largest = 0
  let scale = 1e-30
  for (let i = 0; i < a.length; i++) {
    const distance = Math.abs(a[i] - b[i])
    // Not Math.max: a NaN must come through.
    if (!(distance <= largest)) largest = distance
    scale = Math.max(scale, Math.abs(b[i]))
  }
  return largest / scale
}
