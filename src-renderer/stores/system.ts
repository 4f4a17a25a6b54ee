import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'
import { toAppError } from '#shared/contract/errors.ts'
import { baseMethodOf, variantText } from '#shared/domain/method-variant.ts'
import type { ArchitectureInfo, MethodInfo, SystemInfo } from '#shared/domain/system.ts'
import type { AppError } from '#shared/errors.ts'
import { client, connectionEpoch } from '../rpc/workbench.ts'

/** What this workbench is and can do: asked once, and again after each reconnect. */
export const useSystemStore = defineStore('system', () => {
  const info = shallowRef<SystemInfo | null>(null)
  const methods = shallowRef<readonly MethodInfo[]>([])
  const architectures = shallowRef<readonly ArchitectureInfo[]>([])
  const error = shallowRef<AppError | null>(null)
  const loading = ref(true)

  async function refresh(): Promise<void> {
    try {
      ;[info.value, methods.value, architectures.value] = await Promise.all([
        client.system.info(),
        client.system.methods(),
        client.system.architectures(),
      ])
      error.value = null
    } catch (cause) {
      error.value = toAppError(cause)
    }
    loading.value = false
  }

  const readOnly = computed(() => info.value?.readOnly ?? false)
  const methodOrder = computed(() => new Map(methods.value.map((method, index) => [method.id, index])))
  /** The method, or the one that a variant of it is made of. */
  function method(id: string): MethodInfo | null {
    const base = baseMethodOf(id)
    return methods.value.find((candidate) => candidate.id === base) ?? null
  }
  function methodTitle(id: string): string {
    const title = method(id)?.title
    const variant = variantText(id)
    if (title === undefined) return id
    return variant === null ? title : `${title} [${variant}]`
  }
  /** Where a method stands in lists; its variants stand behind it. */
  function methodRank(id: string): number {
    return methodOrder.value.get(baseMethodOf(id)) ?? Number.MAX_SAFE_INTEGER
  }

  watch(connectionEpoch, (_now, before) => {
    if (before > 0) void refresh()
  })
  void refresh()

  return { info, methods, architectures, error, loading, readOnly, methodRank, method, methodTitle, refresh }
})
