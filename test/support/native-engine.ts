import { activeBuild, hasCurrentBinding } from '#main/compute/engine-install/folders.ts'
import type { EngineId } from '#shared/domain/engine.ts'

/** Why tests of the native engine can't run here; null where it is installed. */
export const nativeMissing: string | null = whyMissing()

/** The engine that a study gets by itself on a machine without a GPU. */
export const usualEngine: EngineId = activeBuild() === null ? 'wasm' : 'native'

function whyMissing(): string | null {
  if (activeBuild() === null) return 'the native engine is not installed: tmu engine install native'
  if (hasCurrentBinding()) return null
  return 'the native engine was compiled for an earlier version of this program: tmu engine install native'
}

/** A title that says why its tests are skipped. */
export function nativeTitle(title: string): string {
  return nativeMissing === null ? title : `${title} (skipped: ${nativeMissing})`
}
