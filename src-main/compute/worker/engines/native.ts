import { existsSync } from 'node:fs'
import Module, { createRequire } from 'node:module'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { activeBuild, nativeBuildVariable, nativeFiles } from '#main/compute/engine-install/folders.ts'
import { AppError } from '#shared/errors.ts'
import { activateBackend, processorName, startBackend } from './backend.ts'
import type { Engine } from './engine-type.ts'
import { registerComposedKernels } from './kernels/composed.ts'
import { registerGradients } from './kernels/gradients.ts'
import type { NativeBackend, NativeBinding } from './kernels/native/backend.ts'
import { nativeBackendName, registerNativeKernels } from './kernels/native/register.ts'

const packageName = '@tensorflow/tfjs-node-gpu'
/** A dependency of that package, not of this program. */
const unionName = '@tensorflow/tfjs'

/** Read by TensorFlow when it is loaded. What a worker was started with goes before. */
const environment: Readonly<Record<string, string>> = {
  TF_NUM_INTRAOP_THREADS: '1',
  TF_NUM_INTEROP_THREADS: '1',
  OMP_NUM_THREADS: '1',
  TF_CPP_MIN_LOG_LEVEL: '3',
  // On some processors it is on by default, and some gradients are then wrong; ours are chosen one by one.
  TF_ENABLE_ONEDNN_OPTS: '0',
  // Wider vectors gain nothing on networks of this size, and without them results don't depend on whether a processor
  // has them. Their matrix product also damages memory when a profiler's signals interrupt it.
  ONEDNN_MAX_CPU_ISA: 'AVX2',
}

/**
 * TensorFlow's C library on the processor, through tfjs-node's backend. The library and the binding are installed apart
 * (`tmu engine install native`); where they aren't, nothing is loaded.
 */
export async function loadNative(): Promise<Engine> {
  const build = process.env[nativeBuildVariable] ?? activeBuild()
  const files = Object.values(nativeFiles)
  if (build === null || build === '' || !files.every((file) => existsSync(join(build, file)))) {
    throw new AppError('engine-unavailable', 'The native engine is not installed.', {
      hint: 'Install it with: tmu engine install native',
    })
  }
  for (const [name, value] of Object.entries(environment)) process.env[name] ??= value
  tf.env().set('PROD', true)
  const binding = loadBinding(build)
  registerGradients()
  const require = createRequire(packageFile())
  standInForUnion(require)
  const { NodeJSKernelBackend } = require(`${packageName}/dist/nodejs_kernel_backend`) as {
    readonly NodeJSKernelBackend: new (binding: NativeBinding, packageName: string) => NativeBackend
  }
  require(`${packageName}/dist/register_all_kernels`)
  const backend = new NodeJSKernelBackend(binding, 'tmu-workbench')
  if (tf.findBackend(nativeBackendName) === null) tf.registerBackend(nativeBackendName, () => backend)
  await startBackend(nativeBackendName)
  const kernelSet = registerNativeKernels(backend)
  registerComposedKernels(nativeBackendName)
  return {
    id: 'native',
    tf,
    version: binding.TF_Version ?? 'unknown',
    device: processorName(),
    threads: Number(process.env.TF_NUM_INTRAOP_THREADS) || 1,
    kernelSet,
    activate: () => activateBackend(nativeBackendName),
    memory() {
      const { numTensors, numBytes } = tf.memory()
      return { tensors: numTensors, bytes: numBytes }
    },
  }
}

function packageFile(): string {
  try {
    return createRequire(import.meta.url).resolve(`${packageName}/package.json`)
  } catch (cause) {
    throw new AppError('engine-unavailable', `The package ${packageName} is missing.`, {
      hint: 'Reinstall the dependencies with the optional ones.',
      cause,
    })
  }
}

function loadBinding(build: string): NativeBinding {
  try {
    return createRequire(import.meta.url)(join(build, nativeFiles.binding)) as NativeBinding
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause)
    throw new AppError('engine-unavailable', `The native engine's library does not load: ${reason}.`, {
      hint: 'Install it again with: tmu engine install native',
      cause,
    })
  }
}

/**
 * tfjs-node asks for the union package, which brings layers, a converter and gradients that would replace ours; what it
 * uses of it is the core. It also uses functions of `util` that Node no longer has.
 */
function standInForUnion(require: NodeJS.Require): void {
  const union = require.resolve(unionName)
  if (require.cache[union] === undefined) {
    const core = new Module(union)
    core.exports = require('@tensorflow/tfjs-core')
    core.loaded = true
    require.cache[union] = core
  }
  const util = require('node:util') as Record<string, unknown>
  util.isArray = Array.isArray
  util.isNullOrUndefined = (value: unknown) => value === null || value === undefined
}
