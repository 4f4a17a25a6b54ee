import { getKernel, type NamedTensorMap, registerKernel, tidy, unregisterKernel } from '@tensorflow/tfjs-core'
import type { NativeBackend } from './backend.ts'
import { batchNormKernels } from './batch-norm.ts'
import { gpuKernels } from './gpu.ts'
import { plainKernels } from './plain.ts'
import { passesTrial } from './trial.ts'
import { type NativeKernel, type TwofoldKernel, twofoldKernels } from './twofold.ts'

export const nativeBackendName = 'tensorflow'
/** Changes with anything that changes results: artifacts record it. */
const nativeKernelSet = 'tmu-onednn-2'
const gpuKernelSet = 'tmu-gpu-1'

/**
 * Registers our kernels on the started backend, which is the active one, in place of stock ones where both exist.
 * Returns the name of the kernel set, with the kernels that this processor computes by Eigen.
 */
export function registerNativeKernels(backend: NativeBackend): string {
  if (backend.isUsingGpuDevice) return registerGpuKernels(backend)
  const fallen: string[] = []
  for (const kernel of [...twofoldKernels(backend), ...batchNormKernels(backend)]) {
    const works = passesTrial(kernel.name, kernel.onednn, kernel.eigen)
    if (!works) fallen.push(kernel.name)
    replaceKernel(kernel.name, works ? guarded(kernel) : kernel.eigen)
  }
  for (const [name, kernel] of Object.entries(plainKernels(backend))) replaceKernel(name, kernel)
  return fallen.length === 0 ? nativeKernelSet : `${nativeKernelSet} (Eigen: ${fallen.join(', ')})`
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
