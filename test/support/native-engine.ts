import { activeBuild } from '#main/compute/engine-install/folders.ts'
import type { EngineId } from '#shared/domain/engine.ts'

/** Why tests of the native engine can't run here; null where it is installed. */
export const nativeMissing: string | null =
  activeBuild() === null ? 'the native engine is not installed: tmu engine install native' : null

/** The engine that a study gets by itself on a machine without a GPU. */
export const usualEngine: EngineId = nativeMissing === null ? 'native' : 'wasm'

/** A title that says why its tests are skipped. */
export function nativeTitle(title: string): string {
  return nativeMissing === null ? title : `${title} (skipped: ${nativeMissing})`
}
