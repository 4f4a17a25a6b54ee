import { type ComputedRef, computed, type InjectionKey, inject, provide, watch } from 'vue'
import type { Dataset } from '#shared/domain/dataset.ts'
import type { ForgetSet } from '#shared/domain/forget-set.ts'
import type { JobState } from '#shared/domain/stage.ts'
import type { Study } from '#shared/domain/study.ts'
import { isActive, type LiveStudy } from '../lib/live-study.ts'
import { client } from '../rpc/workbench.ts'
import { type FollowedStudy, useJobsStore } from '../stores/jobs.ts'
import { useAction } from './use-action.ts'
import { type Resource, useResource } from './use-resource.ts'

/** The study of the address, with its data set, its forget set and its job. */
export interface StudyContext {
  readonly study: Resource<Study>
  readonly dataset: ComputedRef<Dataset | null>
  readonly forgetSet: ComputedRef<ForgetSet | null>
  readonly followed: ComputedRef<FollowedStudy | null>
  readonly live: ComputedRef<LiveStudy | null>
  readonly state: ComputedRef<JobState | 'new'>
  readonly active: ComputedRef<boolean>
  readonly run: () => Promise<boolean>
  readonly cancel: () => Promise<boolean>
  /** Pauses it, or goes on where it is paused. */
  readonly pause: () => Promise<boolean>
  readonly paused: ComputedRef<boolean>
  readonly busy: ComputedRef<boolean>
}

const key: InjectionKey<StudyContext> = Symbol('study')

export function provideStudy(reference: ComputedRef<string>): StudyContext {
  const jobs = useJobsStore()
  const study = useResource((signal) => client.studies.get({ study: reference.value }, { signal }), reference)
  const details = useResource(
    async (signal) => {
      const found = study.data.value
      if (found === null) return null
      const [dataset, forgetSet] = await Promise.all([
        client.datasets.get({ dataset: found.config.datasetId }, { signal }),
        client.forgetSets.get({ forgetSet: found.config.forgetSetId }, { signal }),
      ])
      return { dataset, forgetSet }
    },
    () => study.data.value?.id,
  )
  watch(
    () => study.data.value?.id,
    (id) => {
      if (id !== undefined) jobs.follow(id)
    },
    { immediate: true },
  )
  const followed = computed(() => (study.data.value === null ? null : (jobs.followed.get(study.data.value.id) ?? null)))
  const live = computed(() => (followed.value?.ready === true ? followed.value.live : null))
  const state = computed(() => live.value?.state ?? study.data.value?.state ?? 'new')
  watch(state, () => void study.reload())

  const runAction = useAction(async (id: string) => {
    await jobs.run(id)
    return true
  })
  const cancelAction = useAction(async (id: string) => {
    await jobs.cancel(id)
    return true
  })
  const pauseAction = useAction(async (id: string) => {
    await jobs.pause(id, live.value?.schedule.paused !== true)
    return true
  })
  const act = async (action: typeof runAction): Promise<boolean> => {
    const id = study.data.value?.id
    return id !== undefined && (await action.run(id)) === true
  }

  const context: StudyContext = {
    study,
    dataset: computed(() => details.data.value?.dataset ?? null),
    forgetSet: computed(() => details.data.value?.forgetSet ?? null),
    followed,
    live,
    state,
    active: computed(() => isActive(state.value)),
    run: () => act(runAction),
    cancel: () => act(cancelAction),
    pause: () => act(pauseAction),
    paused: computed(() => isActive(state.value) && live.value?.schedule.paused === true),
    busy: computed(() => runAction.busy.value || cancelAction.busy.value || pauseAction.busy.value),
  }
  provide(key, context)
  return context
}

export function useStudy(): StudyContext {
  const context = inject(key)
  if (context === undefined) throw new Error('This part belongs below the study view.')
  return context
}
