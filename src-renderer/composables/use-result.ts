import { type ComputedRef, computed, type InjectionKey, inject, provide, type WritableComputedRef, watch } from 'vue'
import type { Verdict } from '#shared/domain/metrics.ts'
import type { Run, StudyResult } from '#shared/domain/study.ts'
import { type MethodRow, methodRows } from '../lib/method-rows.ts'
import { allPages } from '../lib/pages.ts'
import { client } from '../rpc/workbench.ts'
import { useSystemStore } from '../stores/system.ts'
import { useQuery } from './use-query.ts'
import { type Resource, useResource } from './use-resource.ts'
import { useStudy } from './use-study.ts'

/** One study's result and what is chosen in it; the choice stands in the address. */
export interface ResultContext {
  readonly result: Resource<StudyResult | null>
  readonly runs: ComputedRef<readonly Run[]>
  readonly rows: ComputedRef<readonly MethodRow[]>
  readonly method: WritableComputedRef<string>
  readonly seed: ComputedRef<number | null>
  readonly setSeed: (seed: number) => void
  readonly run: ComputedRef<Run | null>
  /** What the inspector shows: `run:ID`, `image:INDEX` or nothing. */
  readonly pick: WritableComputedRef<string>
}

const key: InjectionKey<ResultContext> = Symbol('result')

export function provideResult(): ResultContext {
  const { study, live, state } = useStudy()
  const system = useSystemStore()
  // A running study shows what is there: loaded anew after each run's evaluation.
  const evaluated = computed(
    () => live.value?.stages.filter((stage) => stage.kind === 'evaluate' && stage.state === 'succeeded').length ?? 0,
  )
  const result = useResource(
    async (signal): Promise<StudyResult | null> => {
      if (study.data.value === null) return null
      const about = { study: study.data.value.id }
      const verdicts: Verdict[] = []
      const runs = await allPages(async (offset) => {
        const page = await client.studies.resultPage({ ...about, offset }, { signal })
        verdicts.push(...page.verdicts)
        return { total: page.total, items: page.runs }
      })
      // Last: what it sums up is no older than the runs.
      const rest = await client.studies.result({ ...about, runs: false }, { signal })
      return { ...rest, runs, verdicts }
    },
    () => study.data.value?.id,
  )
  // A study of thousands of runs isn't loaded anew for each of them, nor is a loading cut off by the next one.
  let loading = false
  let isStale = false
  watch([evaluated, state], async () => {
    isStale = true
    if (loading) return
    loading = true
    while (isStale) {
      isStale = false
      const began = performance.now()
      await result.reload()
      const pause = performance.now() - began
      if (isStale && pause > 200) await new Promise((resolve) => setTimeout(resolve, 3 * pause))
    }
    loading = false
  })

  const runs = computed(() => result.data.value?.runs ?? [])
  const rows = computed(() => methodRows(runs.value, system.methodRank))
  const chosen = useQuery('method', '')
  const chosenSeed = useQuery('seed', '')
  const method = computed({
    get: () => {
      const ids = rows.value.map((row) => row.method)
      if (ids.includes(chosen.value)) return chosen.value
      return (
        ids.find((id) => id === 'tmu') ??
        ids.find((id) => system.method(id)?.family === 'tmu') ??
        ids.find((id) => id !== 'gold') ??
        ids[0] ??
        ''
      )
    },
    set: (value) => {
      chosen.value = value
    },
  })
  const members = computed(() => rows.value.find((row) => row.method === method.value)?.runs ?? [])
  const run = computed(
    () => members.value.find((candidate) => String(candidate.seed) === chosenSeed.value) ?? members.value[0] ?? null,
  )
  const context: ResultContext = {
    result,
    runs,
    rows,
    method,
    seed: computed(() => run.value?.seed ?? null),
    setSeed: (seed) => {
      chosenSeed.value = String(seed)
    },
    run,
    pick: useQuery('pick', ''),
  }
  provide(key, context)
  return context
}

export function useResult(): ResultContext {
  const context = inject(key)
  if (context === undefined) throw new Error('This part belongs below the result tab.')
  return context
}
