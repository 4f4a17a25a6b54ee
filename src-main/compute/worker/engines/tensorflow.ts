/**
 * TensorFlow's C library through tfjs-node's backend. The library and the binding are installed apart (`tmu engine
 * install`); where they aren't, nothing is loaded.
 */
import { existsSync } from 'node:fs'
import Module, { createRequire } from 'node:module'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import {
  activeBuild,
  buildVariables,
  engineFolder,
  hasCurrentBinding,
  librariesFolder,
  libraryFiles,
} from '#main/compute/engine-install/folders.ts'
import type { InstallableEngineId } from '#shared/domain/engine.ts'
import { AppError } from '#shared/errors.ts'
import { startBackend } from './backend.ts'
import { registerComposedKernels } from './kernels/composed.ts'
import { registerGradients } from './kernels/gradients.ts'
import type { NativeBackend, NativeBinding } from './kernels/native/backend.ts'
import { nativeBackendName, registerNativeKernels } from './kernels/native/register.ts'

const packageName = '@tensorflow/tfjs-node-gpu'
/** A dependency of that package, not of this program. */
const unionName = '@tensorflow/tfjs'

export interface LoadedLibrary {
  readonly backend: NativeBackend
  readonly version: string
  readonly kernelSet: string
  readonly advice: string | undefined
}

/** A process takes one of the two libraries: they have the same names. */
let taken: InstallableEngineId | null = null

/** The folder with the installed libraries; null when something of it is missing. */
export function installedLibraries(engine: InstallableEngineId): string | null {
  const build = process.env[buildVariables[engine]] || activeBuild(engineFolder(engine))
  if (build === null) return null
  const libraries = librariesFolder(engine, build)
  return Object.values(libraryFiles).every((file) => existsSync(join(libraries, file))) ? libraries : null
}

/**
 * Loads the library in this folder, with our kernels, as the active backend. `environment` is read by TensorFlow when it
 * is loaded; what a worker was started with goes before. `accept` refuses the device that was found, by throwing.
 */
export async function loadTensorFlow(
  engine: InstallableEngineId,
  libraries: string,
  environment: Readonly<Record<string, string>>,
  accept: (backend: NativeBackend) => Promise<void> = async () => {},
): Promise<LoadedLibrary> {
  if (taken !== null && taken !== engine) {
    throw new AppError(
      'engine-unavailable',
      `This process has loaded the ${taken} engine, beside which ${engine} can't be.`,
    )
  }
  taken = engine
  for (const [name, value] of Object.entries(environment)) process.env[name] ??= value
  tf.env().set('PROD', true)
  const binding = loadBinding(engine, libraries)
  registerGradients()
  const require = createRequire(packageFile())
  standInForUnion(require)
  const { NodeJSKernelBackend } = require(`${packageName}/dist/nodejs_kernel_backend`) as {
    readonly NodeJSKernelBackend: new (binding: NativeBinding, packageName: string) => NativeBackend
  }
  require(`${packageName}/dist/register_all_kernels`)
  const backend = new NodeJSKernelBackend(binding, 'tmu-workbench')
  await accept(backend)
  if (tf.findBackend(nativeBackendName) === null) tf.registerBackend(nativeBackendName, () => backend)
  await startBackend(nativeBackendName)
  const kernelSet = registerNativeKernels(backend)
  registerComposedKernels(nativeBackendName)
  return { backend, version: binding.TF_Version ?? 'unknown', kernelSet, advice: adviceOf(engine) }
}

function adviceOf(engine: InstallableEngineId): string | undefined {
  // A build that isn't active yet was made just now.
  if (process.env[buildVariables[engine]] || hasCurrentBinding(engineFolder(engine))) return undefined
  return `It was compiled for an earlier version of this program and is slower than it could be. Compile it anew with: tmu engine install ${engine}; what is there isn't downloaded again.`
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

function loadBinding(engine: InstallableEngineId, libraries: string): NativeBinding {
  try {
    return createRequire(import.meta.url)(join(libraries, libraryFiles.binding)) as NativeBinding
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause)
    throw new AppError('engine-unavailable', `The library of the ${engine} engine does not load: ${reason}.`, {
      hint: `Install it again with: tmu engine install ${engine}`,
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
