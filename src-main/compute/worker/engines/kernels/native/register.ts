import {
  getKernel,
  type NamedTensorMap,
  registerKernel,
  type Tensor,
  tidy,
  unregisterKernel,
} from '@tensorflow/tfjs-core'
import type { NativeBackend } from './backend.ts'
import { batchNormKernels } from './batch-norm.ts'
import { gpuKernels } from './gpu.ts'
import { meanLossKernels } from './mean-loss.ts'
import { ownKernels } from './own.ts'
import { plainKernels } from './plain.ts'
import { poolKernels } from './pools.ts'
import { passesTrial } from './trial.ts'
import { type KernelPair, type NativeKernel, twofoldKernels } from './twofold.ts'

export const nativeBackendName = 'tensorflow'
/** Changes with anything that changes results: artifacts record it. */
const nativeKernelSet = 'tmu-native-4'
const gpuKernelSet = 'tmu-gpu-1'

/**
 * Registers our kernels on the started backend, which is the active one, in place of stock ones where both exist.
 * Returns the name of the kernel set, with the kernels whose trial failed.
 */
export function registerNativeKernels(backend: NativeBackend): string {
  if (backend.isUsingGpuDevice) return registerGpuKernels(backend)
  // First: the others' trials use them.
  for (const [name, kernel] of Object.entries(plainKernels(backend))) replaceKernel(name, kernel)
  const pairs = [...twofoldKernels(backend), ...ownKernels(backend), ...batchNormKernels(backend)]
  for (const pair of pairs) replaceKernel(pair.name, pair.plain)
  const fallen: string[] = []
  for (const pair of pairs) {
    if (passesTrial(pair.name, pair.fast, pair.plain)) replaceKernel(pair.name, guarded(pair), pair.isClean)
    else fallen.push(pair.name)
  }
  fallen.push(...registerOptional(backend))
  return fallen.length === 0 ? nativeKernelSet : `${nativeKernelSet} (plain: ${fallen.join(', ')})`
}

/** Returns those whose trial failed. */
function registerOptional(backend: NativeBackend): readonly string[] {
  const fallen: string[] = []
  for (const group of [...poolKernels(backend), meanLossKernels]) {
    const failed = group.filter(({ name, kernel, reference }) => {
      replaceKernel(name, kernel, true)
      return !passesTrial(name, kernel, reference)
    })
    fallen.push(...failed.map(({ name }) => name))
    // A gradient is of no use without the other, and a pass without its gradient.
    if (failed.length > 0) for (const { name } of group) unregisterKernel(name, nativeBackendName)
  }
  return fallen
}

/** The others are composed from stock kernels, as are those that this GPU computes otherwise, or not repeatably. */
function registerGpuKernels(backend: NativeBackend): string {
  const fallen: string[] = []
  for (const { name, kernel, reference } of gpuKernels(backend)) {
    if (passesTrial(name, kernel, reference)) replaceKernel(name, kernel)
    else fallen.push(name)
  }
  return fallen.length === 0 ? gpuKernelSet : `${gpuKernelSet} (composed: ${fallen.join(', ')})`
}

function guarded({ fast, plain, suits }: KernelPair): NativeKernel {
  if (suits === undefined) return fast
  return (inputs, attributes) => (suits(inputs, attributes) ? fast : plain)(inputs, attributes)
}

/** A scope costs as much as a small operation: a clean kernel, which leaves nothing behind, has none. */
function replaceKernel(kernelName: string, kernel: NativeKernel, isClean = false): void {
  if (getKernel(kernelName, nativeBackendName)) unregisterKernel(kernelName, nativeBackendName)
  registerKernel({
    kernelName,
    backendName: nativeBackendName,
    kernelFunc: ({ inputs, attrs }) => {
      const run = (): Tensor | Tensor[] => kernel(inputs as NamedTensorMap, attrs ?? {})
      return isClean ? run() : tidy(run)
    },
  })
}
