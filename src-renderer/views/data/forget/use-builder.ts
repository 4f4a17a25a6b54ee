import { computed, type InjectionKey, inject, onScopeDispose, provide, type Ref, reactive, ref, watch } from 'vue'
import { forgetRuleInput } from '#shared/contract/inputs.ts'
import type { Dataset, Split } from '#shared/domain/dataset.ts'
import type { ForgetRule, ForgetSet } from '#shared/domain/forget-set.ts'
import { evaluateRule, type RuleContext } from '#shared/forget-rule.ts'
import { countMask, idsOfMask } from '#shared/id-ranges.ts'
import { useHistory } from '../../../composables/use-history.ts'
import { useUndoTarget } from '../../../composables/use-undo-target.ts'
import type { GroupCodes, SampleColumns } from '../../../lib/explorer/columns.ts'
import { copiesLeftBehind, groupIntegrity } from '../../../lib/forget-integrity.ts'
import { useDraftRuleStore } from '../../../stores/draft-rule.ts'

import { useClusterings } from './use-clusterings.ts'

export interface BuilderParts {
  readonly dataset: Dataset
  readonly columns: SampleColumns
  readonly split: Ref<Split | null>
  /** uint8 [samples], an index into `sampleParts`; null until it is known. */
  readonly parts: Ref<Uint8Array | null>
}

/** What is known of the rule as it stands. */
export interface RulePreview {
  readonly mask: Uint8Array
  readonly count: number
  /** Of the chosen members of D. */
  readonly classCounts: readonly number[]
  /** Chosen samples that aren't members of D. */
  readonly outside: Int32Array
  readonly milliseconds: number
}

/** The rule that is being built, counted by the very code that will make the set. */
export function createBuilder({ dataset, columns, split, parts }: BuilderParts) {
  const storageKey = `tmu.forget-rule.${dataset.id}`
  const first: ForgetRule = { kind: 'class', className: dataset.classes[0]?.name ?? '', fraction: 0.3 }
  const history = useHistory<ForgetRule>(useDraftRuleStore().take() ?? readRule(storageKey) ?? first)
  useUndoTarget(history)
  const rule = history.value
  watch(rule, (now) => writeRule(storageKey, now), { immediate: true })
  const seed = ref('1')
  const versionOf = ref<ForgetSet | null>(null)

  const seedNumber = computed(() => (/^\d{1,9}$/.test(seed.value.trim()) ? Number(seed.value) : 1))
  const clusterings = useClusterings(dataset, rule, seedNumber)

  const context = computed<RuleContext | null>(() => {
    if (parts.value === null) return null
    const members = idsOfMask(parts.value.map((part) => (part === 1 ? 1 : 0)))
    const classNames = dataset.classes.map(({ name }) => name)
    const { labels, groups } = columns
    return { members, labels, classNames, groups, clusterings: clusterings.ready.value }
  })

  function evaluate(part: ForgetRule): Uint8Array | null {
    if (context.value === null) return null
    try {
      return evaluateRule(part, context.value, seedNumber.value)
    } catch {
      // A rule from another data set names what this one hasn't: it then chooses nobody, and can't be made.
      return null
    }
  }
  const preview = computed<RulePreview | null>(() => {
    const started = performance.now()
    const mask = evaluate(rule.value)
    if (mask === null || parts.value === null) return null
    const classCounts = new Array<number>(dataset.classes.length).fill(0)
    const outside: number[] = []
    let count = 0
    for (let id = 0; id < mask.length; id++) {
      if (mask[id] === 0) continue
      count++
      if (parts.value[id] === 1) classCounts[columns.labels[id]]++
      else outside.push(id)
    }
    return { mask, count, classCounts, outside: Int32Array.from(outside), milliseconds: performance.now() - started }
  })
  function countOf(part: ForgetRule): number {
    const mask = part === rule.value ? preview.value?.mask : evaluate(part)
    return mask === undefined || mask === null ? 0 : countMask(mask)
  }
  const integrity = computed(() =>
    preview.value === null || parts.value === null
      ? []
      : groupIntegrity(preview.value.mask, parts.value, columns.groups).filter(
          ({ whole, cut }) => whole > 0 || cut.length > 0,
        ),
  )
  const copies = computed(() =>
    preview.value === null || parts.value === null ? null : copiesLeftBehind(preview.value.mask, parts.value, columns),
  )

  /** Fields that hold what is no number: the rule shown isn't the one that was typed. */
  const wrong = reactive(new Set<symbol>())
  function mark(field: symbol, isWrong: boolean): void {
    if (isWrong) wrong.add(field)
    else wrong.delete(field)
  }

  const leafContext = computed(() => {
    const [group] = columns.groups
    const [value] = group?.values ?? []
    return {
      className: dataset.classes[0]?.name ?? '',
      group: group === undefined || value === undefined ? null : { name: group.name, value },
    }
  })
  /** Of each group, how many images lie in D. */
  function memberCounts(column: GroupCodes): Int32Array {
    const counts = new Int32Array(column.values.length)
    for (const id of context.value?.members ?? []) if (column.codes[id] >= 0) counts[column.codes[id]]++
    return counts
  }

  return {
    dataset,
    columns,
    split,
    parts,
    rule,
    setRule: history.set,
    resetRule: history.reset,
    history,
    seed,
    seedNumber,
    clusterings,
    versionOf,
    preview,
    countOf,
    integrity,
    copies,
    hasWrong: computed(() => wrong.size > 0),
    mark,
    onGone: (field: symbol) => onScopeDispose(() => wrong.delete(field)),
    leafContext,
    memberCounts,
  }
}

export type Builder = ReturnType<typeof createBuilder>

const key: InjectionKey<Builder> = Symbol('forget-builder')

export function provideBuilder(builder: Builder): void {
  provide(key, builder)
}

export function useBuilder(): Builder {
  const builder = inject(key)
  if (builder === undefined) throw new Error('There is no builder around this component.')
  return builder
}

function readRule(name: string): ForgetRule | null {
  try {
    const parsed = forgetRuleInput.safeParse(JSON.parse(sessionStorage.getItem(name) ?? 'null'))
    return parsed.success ? parsed.data : null
  } catch {
    return null
  }
}

function writeRule(name: string, rule: ForgetRule): void {
  try {
    sessionStorage.setItem(name, JSON.stringify(rule))
  } catch {
    // A full storage costs the draft after a reload, nothing else.
  }
}
