import { type ComputedRef, onScopeDispose, shallowReactive, watch } from 'vue'
import { decodeThumbnails, type Thumbnail } from '../lib/thumbnails.ts'
import { client } from '../rpc/workbench.ts'

const batchSize = 200
const kept = 4000

/** Pictures of a data set's samples, fetched in batches as they come into sight. */
export function useThumbnails(dataset: ComputedRef<string | null>) {
  const pictures = shallowReactive(new Map<number, Thumbnail>())
  const asked = new Set<number>()
  let wanted: number[] = []
  let timer: ReturnType<typeof setTimeout> | null = null
  let controller = new AbortController()

  watch(dataset, () => {
    controller.abort()
    controller = new AbortController()
    pictures.clear()
    asked.clear()
    wanted = []
  })
  onScopeDispose(() => {
    controller.abort()
    if (timer !== null) clearTimeout(timer)
  })

  function request(indices: readonly number[]): void {
    for (const index of indices) {
      if (asked.has(index)) continue
      asked.add(index)
      wanted.push(index)
    }
    // One question for everything that a scroll brought into sight.
    if (wanted.length > 0) timer ??= setTimeout(() => void load(), 30)
  }

  async function load(): Promise<void> {
    timer = null
    const id = dataset.value
    const { signal } = controller
    const indices = wanted.splice(0, batchSize)
    if (id === null || indices.length === 0) return
    try {
      const answer = await client.datasets.thumbnails({ dataset: id, indices }, { signal })
      if (signal.aborted) return
      for (const [at, thumbnail] of decodeThumbnails(answer.shape, answer.pixels).entries()) {
        const index = indices[at]
        if (index !== undefined) pictures.set(index, thumbnail)
      }
      for (const old of pictures.keys()) {
        if (pictures.size <= kept) break
        pictures.delete(old)
        asked.delete(old)
      }
    } catch {
      // A picture that didn't come is asked for again when it is next in sight; its place stays empty meanwhile.
      for (const index of indices) asked.delete(index)
    }
    if (wanted.length > 0) timer ??= setTimeout(() => void load(), 0)
  }

  return { pictures, request }
}
