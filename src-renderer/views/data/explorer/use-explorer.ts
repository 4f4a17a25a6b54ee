import { computed, type InjectionKey, inject, provide, ref, type ShallowRef, shallowRef, watch } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import type { Dataset, Split } from '#shared/domain/dataset.ts'
import type { ForgetSet } from '#shared/domain/forget-set.ts'
import { type PackedSamples, type SampleFigure, sampleFigures, type Tag } from '#shared/domain/sample.ts'
import type { Run, Study } from '#shared/domain/study.ts'
import { useHistory } from '../../../composables/use-history.ts'
import { useQuery } from '../../../composables/use-query.ts'
import { useResource } from '../../../composables/use-resource.ts'
import { useUndoTarget } from '../../../composables/use-undo-target.ts'
import {
  copyCodes,
  partCodes,
  partValues,
  tagFacet,
  unpackFigures,
  unpackSamples,
} from '../../../lib/explorer/columns.ts'
import {
  type Facet,
  type FacetChoice,
  filterSamples,
  nameRanks,
  orderSamples,
  type SortKey,
  searchSamples,
} from '../../../lib/explorer/facets.ts'
import {
  decodeSelection,
  encodeSelection,
  type Selection,
  type SelectMode,
  selectMany,
} from '../../../lib/explorer/selection.ts'
import { bytesOfBase64 } from '../../../lib/unpack.ts'
import { client } from '../../../rpc/workbench.ts'

const namesAPage = 50_000

export interface ExplorerParts {
  readonly dataset: Dataset
  readonly packed: PackedSamples
  readonly splits: ShallowRef<readonly Split[]>
  readonly forgetSets: ShallowRef<readonly ForgetSet[]>
  readonly tags: ShallowRef<readonly Tag[]>
  readonly studies: ShallowRef<readonly Study[]>
}

/** Everything that the explorer's panes share: what is shown in which order, and one selection for all of them. */
export function createExplorer({ dataset, packed, splits, forgetSets, tags, studies }: ExplorerParts) {
  const route = useRoute()
  const router = useRouter()
  const columns = unpackSamples(packed)
  const { count } = columns

  const search = useQuery('q', '')
  const sort = useQuery('sort', 'id')
  const descending = useQuery('desc', '')
  const size = useQuery('size', 'm')
  const view = useQuery('view', 'grid')
  const splitName = useQuery('split', '')
  const forgetName = useQuery('forget', '')
  const studyName = useQuery('study', '')
  const runId = useQuery('run', '')
  const pick = useQuery('pick', '')

  // Names are many: they come after the first pictures.
  const names = shallowRef<readonly string[]>([])
  async function loadNames(): Promise<void> {
    const all: string[] = []
    while (all.length < count) {
      const { names: page } = await client.samples.names({ dataset: dataset.id, offset: all.length, limit: namesAPage })
      if (page.length === 0) return
      all.push(...page)
    }
    names.value = all
  }
  const ranks = computed(() => (names.value.length === count ? nameRanks(names.value) : null))

  const study = computed(() => studies.value.find(({ id, name }) => id === studyName.value || name === studyName.value))
  // A study is looked at on its own split and with its own forget set, until others are chosen.
  const split = computed(
    () =>
      splits.value.find((one) => one.name === splitName.value) ??
      splits.value.find(({ id }) => id === study.value?.config.splitId) ??
      splits.value[0] ??
      null,
  )
  const forgetSet = computed(() => {
    const wanted = forgetName.value === '' ? (study.value?.config.forgetSetId ?? '') : forgetName.value
    const found = forgetSets.value.find((one) => one.id === wanted || one.name === wanted)
    return found?.splitId === split.value?.id ? (found ?? null) : null
  })
  const parts = useResource(
    async (signal) =>
      split.value === null
        ? null
        : bytesOfBase64((await client.samples.parts({ dataset: dataset.id, split: split.value.id }, { signal })).parts),
    () => split.value?.id,
  )
  const forgetIds = useResource(
    async (signal) =>
      forgetSet.value === null ? [] : await client.forgetSets.ids({ forgetSet: forgetSet.value.id }, { signal }),
    () => forgetSet.value?.id,
  )

  const runs = useResource<readonly Run[]>(
    async (signal) =>
      study.value === undefined
        ? []
        : (await client.runs.list({ study: study.value.id }, { signal })).filter(({ state }) => state === 'succeeded'),
    () => study.value?.id,
  )
  const run = computed(() => runs.data.value?.find(({ id }) => id === runId.value) ?? runs.data.value?.[0] ?? null)
  const figures = useResource(
    async (signal) =>
      run.value === null ? null : unpackFigures(await client.samples.figures({ run: run.value.id }, { signal }), count),
    () => run.value?.id,
  )

  const classFacet: Facet = {
    id: 'class',
    values: dataset.classes.map(({ name }) => name),
    membership: { kind: 'one', codes: columns.labels },
  }
  const copies: Facet = {
    id: 'copies',
    values: columns.nearGroup === null ? ['single', 'exact'] : ['single', 'exact', 'near'],
    membership: { kind: 'one', codes: copyCodes(columns) },
  }
  const facets = computed<readonly Facet[]>(() => [
    classFacet,
    ...(parts.data.value === null
      ? []
      : [
          {
            id: 'part',
            values: partValues,
            membership: { kind: 'one', codes: partCodes(parts.data.value, forgetIds.data.value ?? []) },
          } as const,
        ]),
    ...columns.groups.map(
      ({ name, values, codes }): Facet => ({ id: `group.${name}`, values, membership: { kind: 'one', codes } }),
    ),
    ...(tags.value.length === 0 ? [] : [tagFacet(tags.value, count)]),
    ...(columns.givenSplit === null
      ? []
      : [
          {
            id: 'folder',
            values: columns.givenSplit.values,
            membership: { kind: 'one', codes: columns.givenSplit.codes },
          } as const,
        ]),
    ...(dataset.duplicateCount > 0 || columns.nearGroup !== null ? [copies] : []),
    ...(columns.suspects === null
      ? []
      : [
          {
            id: 'suspect',
            values: ['plausible', 'suspect'],
            membership: { kind: 'one', codes: columns.suspects },
          } as const,
        ]),
  ])

  /** `class=cat` for each chosen value, in the address. */
  const chosenTexts = computed<readonly string[]>(() => {
    const given = route.query['f']
    return (Array.isArray(given) ? given : [given]).filter((text): text is string => typeof text === 'string')
  })
  const choice = computed<FacetChoice>(() => {
    const chosen = new Map<string, Set<number>>()
    for (const text of chosenTexts.value) {
      const facet = facets.value.find(({ id }) => text.startsWith(`${id}=`))
      const value = facet?.values.indexOf(text.slice(facet.id.length + 1)) ?? -1
      if (facet === undefined || value < 0) continue
      const values = chosen.get(facet.id)
      if (values === undefined) chosen.set(facet.id, new Set([value]))
      else values.add(value)
    }
    return chosen
  })
  function writeChoice(texts: readonly string[]): void {
    void router.replace({ query: { ...route.query, f: texts.length === 0 ? undefined : [...texts] } })
  }
  /** A plain click chooses a value and no other of its facet; with Ctrl it joins or leaves. */
  function chooseValue(facet: Facet, value: number, beside: boolean): void {
    const text = `${facet.id}=${facet.values[value] ?? ''}`
    const has = chosenTexts.value.includes(text)
    const ofFacet = (one: string): boolean => one.startsWith(`${facet.id}=`)
    if (beside) writeChoice(has ? chosenTexts.value.filter((one) => one !== text) : [...chosenTexts.value, text])
    else {
      const others = chosenTexts.value.filter((one) => !ofFacet(one))
      const alone = has && chosenTexts.value.filter(ofFacet).length === 1
      writeChoice(alone ? others : [...others, text])
    }
  }
  function clearFacet(facet: Facet): void {
    writeChoice(chosenTexts.value.filter((text) => !text.startsWith(`${facet.id}=`)))
  }
  function clearFilter(): void {
    void router.replace({ query: { ...route.query, f: undefined, q: undefined } })
  }

  const storageKey = `tmu.selection.${dataset.id}`
  const history = useHistory<Selection>(decodeSelection(readStored(storageKey), count))
  useUndoTarget(history)
  const selection = history.value
  watch(selection, (now) => writeStored(storageKey, now.count === 0 ? '' : encodeSelection(now)))
  function select(next: Selection): void {
    if (next !== selection.value) history.set(next)
  }
  function selectSamples(samples: ArrayLike<number>, mode: SelectMode): void {
    select(selectMany(selection.value, samples, mode))
  }

  const found = computed(() => searchSamples(search.value, names.value, count))
  const filtered = computed(() => filterSamples(count, facets.value, choice.value, found.value, selection.value.mask))
  // The order is by far the costliest part: it must not be made anew for a selection.
  const matching = shallowRef({ mask: filtered.value.matching, count: filtered.value.count })
  watch(
    filtered,
    (now) => {
      const before = matching.value
      if (before.count === now.count && sameMask(before.mask, now.matching)) return
      matching.value = { mask: now.matching, count: now.count }
    },
    { flush: 'sync' },
  )
  const sortKey = computed<SortKey>(() => {
    if (sort.value === 'class') return columns.labels
    if (sort.value === 'name') return ranks.value
    const figure = sampleFigures.find((name) => name === sort.value)
    return figure === undefined ? null : (figures.data.value?.values.get(figure) ?? null)
  })
  const order = computed(() =>
    orderSamples(matching.value.mask, matching.value.count, sortKey.value, descending.value === '1'),
  )

  /** The sample that arrows move from; the inspector shows it while it is open. */
  const active = ref<number | null>(null)
  const figure = computed<SampleFigure | null>(() => sampleFigures.find((name) => name === sort.value) ?? null)
  const filtering = computed(() => choice.value.size > 0 || search.value.trim() !== '')

  async function reloadTags(): Promise<void> {
    tags.value = await client.tags.list({ dataset: dataset.id })
  }

  return {
    dataset,
    columns,
    count,
    names,
    loadNames,
    search,
    sort,
    descending,
    size,
    view,
    split,
    splits,
    splitName,
    forgetSet,
    forgetSets,
    forgetName,
    study,
    studies,
    studyName,
    runs,
    run,
    runId,
    figures,
    figure,
    facets,
    choice,
    chooseValue,
    clearFacet,
    clearFilter,
    filtering,
    filtered,
    matching,
    order,
    selection,
    select,
    selectSamples,
    history,
    active,
    pick,
    tags,
    reloadTags,
  }
}

export type Explorer = ReturnType<typeof createExplorer>

const key: InjectionKey<Explorer> = Symbol('explorer')

export function provideExplorer(explorer: Explorer): void {
  provide(key, explorer)
}

export function useExplorer(): Explorer {
  const explorer = inject(key)
  if (explorer === undefined) throw new Error('There is no explorer around this component.')
  return explorer
}

function sameMask(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

function readStored(name: string): string {
  try {
    return sessionStorage.getItem(name) ?? ''
  } catch {
    return ''
  }
}

function writeStored(name: string, text: string): void {
  try {
    if (text === '') sessionStorage.removeItem(name)
    else sessionStorage.setItem(name, text)
  } catch {
    // A full storage costs the selection after a reload, nothing else.
  }
}
