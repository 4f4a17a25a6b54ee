import { computed, onScopeDispose, type Ref, shallowRef, watch } from 'vue'
import { isAborted } from '#shared/abort.ts'
import { toAppError } from '#shared/contract/errors.ts'
import type { EmbeddingEvent } from '#shared/domain/sample.ts'
import type { AppError } from '#shared/errors.ts'
import type { PointMap } from '../../../lib/explorer/points.ts'
import { unpackFloat32, unpackInt32 } from '../../../lib/unpack.ts'
import { client } from '../../../rpc/workbench.ts'
import { useExplorer } from './use-explorer.ts'

type Points = Extract<EmbeddingEvent, { kind: 'points' }>

/** Where the images lie on the map, computed anew as one asks for another map; what was there stays until then. */
export function usePoints({
  method,
  space,
  limit,
}: {
  readonly method: Ref<string>
  readonly space: Readonly<Ref<string>>
  readonly limit: Readonly<Ref<number>>
}) {
  const { dataset, study } = useExplorer()
  const answer = shallowRef<Points | null>(null)
  const progress = shallowRef<Extract<EmbeddingEvent, { kind: 'progress' }> | null>(null)
  const error = shallowRef<AppError | null>(null)
  let controller = new AbortController()

  const wanted = computed(() => ({
    dataset: dataset.id,
    method: method.value === 'umap' ? ('umap' as const) : ('pca' as const),
    limit: limit.value,
    ...(space.value === 'study' && study.value !== undefined ? { study: study.value.id } : {}),
  }))

  async function load(): Promise<void> {
    controller.abort()
    controller = new AbortController()
    const { signal } = controller
    error.value = null
    progress.value = null
    try {
      for await (const event of await client.embedding.compute(wanted.value, { signal })) {
        if (isAborted(signal)) return
        if (event.kind === 'points') answer.value = event
        else progress.value = event
      }
      progress.value = null
    } catch (cause) {
      if (isAborted(signal)) return
      error.value = toAppError(cause)
      progress.value = null
    }
  }
  watch(wanted, () => void load(), { immediate: true })
  onScopeDispose(() => controller.abort())

  function cancel(): void {
    controller.abort()
    progress.value = null
    method.value = 'pca'
  }

  const map = computed<PointMap | null>(() =>
    answer.value === null ? null : { ids: unpackInt32(answer.value.ids), points: unpackFloat32(answer.value.points) },
  )

  return { map, answer, progress, error, load, cancel }
}
