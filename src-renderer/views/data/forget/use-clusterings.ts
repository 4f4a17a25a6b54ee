import { type ComputedRef, computed, onScopeDispose, type Ref, shallowReactive, watch } from 'vue'
import { toAppError } from '#shared/contract/errors.ts'
import type { Dataset } from '#shared/domain/dataset.ts'
import type { ForgetRule } from '#shared/domain/forget-set.ts'
import type { AppError } from '#shared/errors.ts'
import { partsOfRule } from '#shared/forget-rule.ts'
import { unpackInt32 } from '../../../lib/unpack.ts'
import { client } from '../../../rpc/workbench.ts'

export type ClusterRule = Extract<ForgetRule, { kind: 'cluster' }>
export type Clustering = Pick<ClusterRule, 'clusters' | 'within'> & { readonly seed: number } & (
    | { readonly state: 'waiting' }
    | { readonly state: 'failed'; readonly error: AppError }
    | {
        readonly state: 'ready'
        readonly codes: Int32Array
        readonly counts: readonly number[]
        readonly nearest: readonly (readonly number[])[]
      }
  )

/** Who types a number shouldn't have every digit of it computed. */
const pause = 300

/** The clusterings that the parts of a rule name, fetched as they are wanted and kept. */
export function useClusterings(dataset: Dataset, rule: Ref<ForgetRule>, seed: ComputedRef<number>) {
  const found = shallowReactive(new Map<string, Clustering>())
  const controllers = new Map<string, AbortController>()
  const keyOf = (clusters: number, within: string | null): string => JSON.stringify([clusters, within, seed.value])
  const wanted = computed(() => {
    const parts = [...partsOfRule(rule.value)].filter((part) => part.kind === 'cluster')
    return new Map(
      parts.map(({ clusters, within }) => [keyOf(clusters, within), { clusters, within, seed: seed.value }]),
    )
  })

  let timer: ReturnType<typeof setTimeout> | null = null
  watch(
    wanted,
    (now) => {
      for (const [key, controller] of controllers) if (!now.has(key)) controller.abort()
      for (const [key, about] of now) if (!found.has(key)) found.set(key, { ...about, state: 'waiting' })
      if (timer !== null) clearTimeout(timer)
      timer = setTimeout(() => {
        for (const [key, about] of wanted.value) {
          if (found.get(key)?.state === 'waiting' && !controllers.has(key)) void fetchOne(key, about)
        }
      }, pause)
    },
    { immediate: true },
  )
  onScopeDispose(() => {
    if (timer !== null) clearTimeout(timer)
    for (const controller of controllers.values()) controller.abort()
  })

  async function fetchOne(key: string, about: Pick<Clustering, 'clusters' | 'within' | 'seed'>): Promise<void> {
    const controller = new AbortController()
    controllers.set(key, controller)
    try {
      const { codes, ...rest } = await client.forgetSets.clusters(
        { dataset: dataset.id, ...about },
        { signal: controller.signal },
      )
      found.set(key, { ...about, state: 'ready', codes: unpackInt32(codes), ...rest })
    } catch (error) {
      if (controller.signal.aborted) found.delete(key)
      else found.set(key, { ...about, state: 'failed', error: toAppError(error) })
    } finally {
      controllers.delete(key)
    }
  }

  return {
    /** Those that rules can be counted with. */
    ready: computed(() => [...found.values()].filter((one) => one.state === 'ready')),
    isWaiting: computed(() => [...wanted.value.keys()].some((key) => found.get(key)?.state === 'waiting')),
    /** What failed is tried again. */
    retry({ clusters, within }: ClusterRule): void {
      void fetchOne(keyOf(clusters, within), { clusters, within, seed: seed.value })
    },
    of: ({ clusters, within }: ClusterRule): Clustering | null => found.get(keyOf(clusters, within)) ?? null,
  }
}
