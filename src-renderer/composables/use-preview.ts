import { onScopeDispose, ref, shallowRef } from 'vue'
import { toAppError } from '#shared/contract/errors.ts'
import type { DatasetPreview, GroupRule } from '#shared/domain/dataset.ts'
import type { AppError } from '#shared/errors.ts'
import type { DatasetProgress } from '#shared/progress.ts'
import { client } from '../rpc/workbench.ts'

/** A look at a source before it is imported. A newer look ends an older one; leaving the screen ends it too. */
export function usePreview() {
  const busy = ref(false)
  const progress = shallowRef<DatasetProgress | null>(null)
  const error = shallowRef<AppError | null>(null)
  const preview = shallowRef<DatasetPreview | null>(null)
  let controller: AbortController | null = null

  async function look(path: string, groups: readonly GroupRule[]): Promise<void> {
    controller?.abort()
    const own = new AbortController()
    controller = own
    busy.value = true
    error.value = null
    try {
      for await (const event of await client.datasets.preview({ path, groups: [...groups] }, { signal: own.signal })) {
        if (own.signal.aborted) return
        if (event.kind === 'finished') preview.value = event.preview
        else progress.value = event
      }
    } catch (cause) {
      if (own.signal.aborted) return
      error.value = toAppError(cause)
      preview.value = null
    } finally {
      if (controller === own) {
        busy.value = false
        progress.value = null
        controller = null
      }
    }
  }

  function clear(): void {
    controller?.abort()
    busy.value = false
    error.value = null
    preview.value = null
  }
  onScopeDispose(() => controller?.abort())
  return { busy, progress, error, preview, look, clear }
}
