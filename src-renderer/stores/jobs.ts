import { defineStore } from 'pinia'
import { computed, ref, shallowReactive, shallowRef, watch } from 'vue'
import { toAppError } from '#shared/contract/errors.ts'
import type { Priority } from '#shared/domain/queue.ts'
import type { Study } from '#shared/domain/study.ts'
import type { AppError } from '#shared/errors.ts'
import { applyStudyEvent, emptyLiveStudy, isActive, type LiveStudy } from '../lib/live-study.ts'
import { client, connectionEpoch, connectionState } from '../rpc/workbench.ts'

/** Charts and bars move at most four times a second. */
const flushMilliseconds = 250
/** Jobs started elsewhere (a terminal, another tab) are seen within this time. */
const pollMilliseconds = 5000

export interface FollowedStudy {
  readonly id: string
  live: LiveStudy
  /** Whether the first snapshot is there. */
  ready: boolean
  error: AppError | null
}

/** Every study of the workspace and, live, those that run or are looked at. */
export const useJobsStore = defineStore('jobs', () => {
  // Shallow throughout: what the workbench sends is replaced, never changed, and may hold thousands of stages.
  const studies = shallowRef<readonly Study[]>([])
  const loaded = ref(false)
  const error = shallowRef<AppError | null>(null)
  const followed = shallowReactive(new Map<string, FollowedStudy>())

  async function refresh(): Promise<void> {
    try {
      studies.value = await client.studies.list()
      error.value = null
      for (const study of studies.value) if (isActive(study.state)) follow(study.id)
    } catch (cause) {
      error.value = toAppError(cause)
    }
    loaded.value = true
  }

  /** Starts following a study's stream unless that is done already; it ends with the job. */
  function follow(id: string): void {
    if (!followed.has(id))
      followed.set(id, shallowReactive<FollowedStudy>({ id, live: emptyLiveStudy, ready: false, error: null }))
    if (!watching.has(id)) void watchStudy(id)
  }

  const watching = new Map<string, AbortController>()
  async function watchStudy(id: string): Promise<void> {
    const entry = followed.get(id)
    if (entry === undefined) return
    const controller = new AbortController()
    watching.set(id, controller)
    entry.error = null
    let latest = entry.live
    let timer: ReturnType<typeof setTimeout> | null = null
    const flush = (): void => {
      timer = null
      entry.live = latest
      entry.ready = true
    }
    try {
      for await (const event of await client.studies.watch({ study: id }, { signal: controller.signal })) {
        latest = applyStudyEvent(latest, event)
        if (event.kind === 'snapshot' || event.kind === 'finished') flush()
        else timer ??= setTimeout(flush, flushMilliseconds)
      }
    } catch (cause) {
      // Without a wire the next one joins the stream again; only a refusal is worth telling.
      if (connectionState.value === 'open' && !controller.signal.aborted) entry.error = toAppError(cause)
    } finally {
      if (timer !== null) {
        clearTimeout(timer)
        if (!controller.signal.aborted) flush()
      }
      if (watching.get(id) === controller) watching.delete(id)
    }
    if (!controller.signal.aborted && !isActive(entry.live.state)) void refresh()
  }

  async function run(id: string): Promise<void> {
    await client.studies.run({ study: id })
    // A stream opened before may belong to the job that ended; the new job's starts with a snapshot.
    watching.get(id)?.abort()
    watching.delete(id)
    follow(id)
    await refresh()
  }

  async function cancel(id: string): Promise<void> {
    await client.studies.cancel({ study: id })
  }

  /** Of one study, or (null) of everything. */
  async function pause(id: string | null, paused: boolean): Promise<void> {
    const input = id === null ? {} : { study: id }
    await (paused ? client.queue.pause(input) : client.queue.resume(input))
  }

  async function prioritise(id: string, priority: Priority): Promise<void> {
    await client.queue.prioritise({ study: id, priority })
  }

  const running = computed(() =>
    [...followed.values()]
      .filter((entry) => isActive(entry.live.state))
      .map((entry) => ({ ...entry, study: studies.value.find((study) => study.id === entry.id) ?? null })),
  )

  function byReference(reference: string): Study | null {
    return studies.value.find((study) => study.id === reference || study.name === reference) ?? null
  }

  watch(connectionEpoch, (_now, before) => {
    if (before === 0) return
    void refresh()
    for (const [id, entry] of followed) if (isActive(entry.live.state) && !watching.has(id)) void watchStudy(id)
  })
  setInterval(() => {
    if (connectionState.value === 'open' && document.visibilityState === 'visible') void refresh()
  }, pollMilliseconds)
  void refresh()

  return { studies, loaded, error, followed, running, refresh, follow, run, cancel, pause, prioritise, byReference }
})
