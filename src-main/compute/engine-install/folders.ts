/** Where installed engines are: outside every workspace, since all of them share one. */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import envPaths from 'env-paths'

export const nativeFiles = {
  library: 'libtensorflow_cc.so.2',
  framework: 'libtensorflow_framework.so.2',
  binding: 'tfjs_binding.node',
} as const

/** Names a build that isn't active yet, for its own test. */
export const nativeBuildVariable = 'TMU_NATIVE_BUILD'

/** Folder of all engines: `TMU_ENGINES`, else in the data folder of this platform. */
export function enginesFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const chosen = env.TMU_ENGINES
  return resolve(chosen ? chosen : join(envPaths('tmu-workbench', { suffix: '' }).data, 'engines'))
}

/** Named after the library's version, so that another version never takes this one's place half-way. */
export function nativeFolder(engines: string = enginesFolder()): string {
  return join(engines, 'native-2.21')
}

/**
 * The file that says which build is the active one. Replacing it is the one step in which an installation takes effect:
 * a file can be replaced at once, a folder can't.
 */
export function activeBuildFile(folder: string): string {
  return join(folder, 'active.json')
}

/** Folder of the active build; null when none is installed. */
export function activeBuild(folder: string = nativeFolder()): string | null {
  try {
    const { build } = JSON.parse(readFileSync(activeBuildFile(folder), 'utf8')) as { readonly build?: unknown }
    return typeof build === 'string' && /^build-[\w-]+$/.test(build) ? join(folder, build) : null
  } catch {
    return null
  }
}

/** C headers of TensorFlow and Node. The resources folder is beside the sources and the built output, whose depth differs. */
export function headersFolder(): string {
  const above = ['../..', '../../..'].map((way) => join(import.meta.dirname, way, 'resources', 'engine-headers'))
  return above.find((candidate) => existsSync(candidate)) ?? above[1]
}
