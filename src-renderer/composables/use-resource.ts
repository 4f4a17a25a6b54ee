import { onScopeDispose, type Ref, ref, shallowRef, type WatchSource, watch } from 'vue'
import { toAppError } from '#shared/contract/errors.ts'
import type { AppError } from '#shared/errors.ts'
import { connectionEpoch } from '../rpc/workbench.ts'

export interface Resource<T> {
  /** What was loaded last; kept while it is loaded anew. */
  readonly data: Readonly<Ref<T | null>>
  readonly error: Readonly<Ref<AppError | null>>
  /** True until the first answer. */
  readonly loading: Readonly<Ref<boolean>>
  readonly reload: () => Promise<void>
}

/**
 * Loads something now, whenever `source` changes and after each reconnect. An answer that was overtaken
 * by a newer question is dropped. With `source` the old data goes at once: it belongs to something else.
 */
export function useResource<T>(load: (signal: AbortSignal) => Promise<T>, source?: WatchSource<unknown>): Resource<T> {
  const data: Ref<T | null> = shallowRef(null)
  const error = shallowRef<AppError | null>(null)
  const loading = ref(true)
  let controller = new AbortController()

  async function reload(): Promise<void> {
    controller.abort()
    controller = new AbortController()
    const { signal } = controller
    try {
      const value = await load(signal)
      if (signal.aborted) return
      data.value = value
      error.value = null
    } catch (cause) {
      if (signal.aborted) return
      error.value = toAppError(cause)
    }
    loading.value = false
  }

  if (source !== undefined)
    watch(source, () => {
      data.value = null
      error.value = null
      loading.value = true
      void reload()
    })
  watch(connectionEpoch, (_now, before) => {
    if (before > 0) void reload()
  })
  onScopeDispose(() => controller.abort())
  void reload()
  return { data, error, loading, reload }
}
