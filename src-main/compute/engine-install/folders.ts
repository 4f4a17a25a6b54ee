/** Where installed engines are: outside every workspace, since all of them share one. */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import envPaths from 'env-paths'
import type { InstallableEngineId } from '#shared/domain/engine.ts'

export const libraryFiles = {
  library: 'libtensorflow_cc.so.2',
  framework: 'libtensorflow_framework.so.2',
  binding: 'tfjs_binding.node',
} as const

/** Changes with the patch and with our kernels in C++: a binding compiled before lacks some of them. */
export const bindingVersion = 3

/** Names a build that isn't active yet, for its own test. */
export const buildVariables: Readonly<Record<InstallableEngineId, string>> = {
  native: 'TMU_NATIVE_BUILD',
  cuda: 'TMU_CUDA_BUILD',
}

/** Folder of all engines: `TMU_ENGINES`, else in the data folder of this platform. */
export function enginesFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const chosen = env.TMU_ENGINES
  return resolve(chosen ? chosen : join(envPaths('tmu-workbench', { suffix: '' }).data, 'engines'))
}

/** Named after the library's version, so that another version never takes this one's place half-way. */
export function engineFolder(engine: InstallableEngineId, engines: string = enginesFolder()): string {
  return join(engines, `${engine}-2.21`)
}

/**
 * The file that says which build is the active one. Replacing it is the one step in which an installation takes effect:
 * a file can be replaced at once, a folder can't.
 */
export function activeBuildFile(folder: string): string {
  return join(folder, 'active.json')
}

/** Folder of the active build in an engine's folder; null when none is installed. */
export function activeBuild(folder: string = engineFolder('native')): string | null {
  const { build } = readActive(folder)
  return typeof build === 'string' && /^build-[\w-]+$/.test(build) ? join(folder, build) : null
}

/** Whether the active build's binding has all that this program uses of it. */
export function hasCurrentBinding(folder: string = engineFolder('native')): boolean {
  return readActive(folder).binding === bindingVersion
}

function readActive(folder: string): { readonly build?: unknown; readonly binding?: unknown } {
  try {
    return (JSON.parse(readFileSync(activeBuildFile(folder), 'utf8')) as object | null) ?? {}
  } catch {
    return {}
  }
}

/**
 * Where TensorFlow's libraries and the binding are in a build. The GPU library looks for NVIDIA's in `../nvidia/…`, as
 * in the Python packages that both come from.
 */
export function librariesFolder(engine: InstallableEngineId, build: string): string {
  return engine === 'cuda' ? join(build, 'tensorflow') : build
}

/** C headers of TensorFlow and Node. The resources folder is beside the sources and the built output, whose depth differs. */
export function headersFolder(): string {
  const above = ['../..', '../../..'].map((way) => join(import.meta.dirname, way, 'resources', 'engine-headers'))
  return above.find((candidate) => existsSync(candidate)) ?? above[1]
}
