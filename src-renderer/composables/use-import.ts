import { onScopeDispose, ref, shallowRef } from 'vue'
import { toAppError } from '#shared/contract/errors.ts'
import type { GroupRule } from '#shared/domain/dataset.ts'
import type { AppError } from '#shared/errors.ts'
import type { ImportEvent } from '#shared/progress.ts'
import { client } from '../rpc/workbench.ts'

export interface ImportRequest {
  readonly path: string
  readonly name?: string
  readonly size?: number
  readonly licence?: string
  readonly groups?: GroupRule[]
  readonly strict: boolean
}

/** One import with its progress. Leaving the screen or Cancel ends it, and it leaves nothing behind. */
export function useImport() {
  const busy = ref(false)
  const progress = shallowRef<Extract<ImportEvent, { kind: 'progress' }> | null>(null)
  const error = shallowRef<AppError | null>(null)
  const cancelled = ref(false)
  let controller: AbortController | null = null

  async function run(request: ImportRequest): Promise<string | null> {
    busy.value = true
    error.value = null
    cancelled.value = false
    const own = new AbortController()
    controller = own
    try {
      for await (const event of await client.datasets.import(request, { signal: own.signal })) {
        if (event.kind === 'finished') return event.datasetId
        progress.value = event
      }
      cancelled.value = own.signal.aborted
      return null
    } catch (cause) {
      if (own.signal.aborted) cancelled.value = true
      else error.value = toAppError(cause)
      return null
    } finally {
      busy.value = false
      progress.value = null
      controller = null
    }
  }

  function cancel(): void {
    controller?.abort()
  }
  onScopeDispose(cancel)
  return { busy, progress, error, cancelled, run, cancel }
}
