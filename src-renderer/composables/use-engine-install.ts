import { onScopeDispose, ref, shallowRef } from 'vue'
import { toAppError } from '#shared/contract/errors.ts'
import type { EngineStatus, InstallableEngineId } from '#shared/domain/engine.ts'
import type { AppError } from '#shared/errors.ts'
import type { EngineInstallEvent } from '#shared/progress.ts'
import { client } from '../rpc/workbench.ts'

type InstallProgress = Extract<EngineInstallEvent, { kind: 'progress' }>

/** One installation with its progress. Leaving the screen or Cancel ends it; what was installed before stays. */
export function useEngineInstall() {
  const installing = ref<InstallableEngineId | null>(null)
  const progress = shallowRef<InstallProgress | null>(null)
  const failed = shallowRef<{ readonly engine: InstallableEngineId; readonly error: AppError } | null>(null)
  const cancelled = ref(false)
  let controller: AbortController | null = null

  /** Null when it was cancelled or failed. */
  async function run(engine: InstallableEngineId, file?: string): Promise<EngineStatus | null> {
    if (installing.value !== null) return null
    installing.value = engine
    failed.value = null
    cancelled.value = false
    const own = new AbortController()
    controller = own
    try {
      const request = { engine, ...(file === undefined ? {} : { file }) }
      for await (const event of await client.engines.install(request, { signal: own.signal })) {
        if (event.kind === 'finished') return event.status
        progress.value = event
      }
      cancelled.value = own.signal.aborted
    } catch (cause) {
      if (own.signal.aborted) cancelled.value = true
      else failed.value = { engine, error: toAppError(cause) }
    } finally {
      installing.value = null
      progress.value = null
      controller = null
    }
    return null
  }

  function cancel(): void {
    controller?.abort()
  }
  onScopeDispose(cancel)
  return { installing, progress, failed, cancelled, run, cancel }
}
