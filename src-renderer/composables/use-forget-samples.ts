import { type ComputedRef, ref, shallowReactive, shallowRef, watch } from 'vue'
import { toAppError } from '#shared/contract/errors.ts'
import type { ForgetSample } from '#shared/domain/tmu.ts'
import type { AppError } from '#shared/errors.ts'
import { client } from '../rpc/workbench.ts'

export interface SampleQuery {
  readonly run: string
  readonly sort: 'disagreement' | 'index'
  readonly descending: boolean
}

const pageSize = 100

/** The images of F under a run, page by page as they are scrolled to. */
export function useForgetSamples(query: ComputedRef<SampleQuery | null>) {
  const total = ref<number | null>(null)
  const samples = shallowReactive(new Map<number, ForgetSample>())
  const error = shallowRef<AppError | null>(null)
  const pages = new Set<number>()
  let controller = new AbortController()

  async function loadPage(page: number): Promise<void> {
    const wanted = query.value
    if (wanted === null || pages.has(page)) return
    pages.add(page)
    const { signal } = controller
    try {
      const answer = await client.runs.forgetSamples(
        { ...wanted, offset: page * pageSize, limit: pageSize },
        { signal },
      )
      if (signal.aborted) return
      total.value = answer.total
      for (const [at, sample] of answer.samples.entries()) samples.set(page * pageSize + at, sample)
      error.value = null
    } catch (cause) {
      if (signal.aborted) return
      pages.delete(page)
      error.value = toAppError(cause)
    }
  }

  /** Positions in the sorted order, first to last. */
  function request(first: number, last: number): void {
    for (let page = Math.floor(first / pageSize); page <= Math.floor(last / pageSize); page++) void loadPage(page)
  }

  function reload(): void {
    controller.abort()
    controller = new AbortController()
    pages.clear()
    samples.clear()
    total.value = null
    error.value = null
    void loadPage(0)
  }
  watch(query, reload, { immediate: true })
  return { total, samples, error, request, reload }
}
