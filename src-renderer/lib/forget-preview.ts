import type { Split } from '#shared/domain/dataset.ts'

/** What a rule would choose, before it is made; counts are rounded as the real draw rounds them. */
export interface ForgetPreview {
  readonly count: number
  readonly classCounts: readonly number[]
  /** Per class of F: how many twin samples the pool holds for it. */
  readonly twinCount: number
  readonly wholeClass: boolean
}

export type PreviewRule =
  | { readonly kind: 'class'; readonly classIndex: number; readonly fraction: number }
  | { readonly kind: 'random'; readonly fraction: number }

/** A class share is exact; a random share gives each class its expected count, so its mix is about right. */
export function previewForgetSet(split: Split, rule: PreviewRule): ForgetPreview {
  const { members, twinPool } = split.counts
  const total = members.reduce((sum, count) => sum + count, 0)
  const classCounts = members.map((count, index) => {
    if (rule.kind === 'random') return Math.round(count * rule.fraction)
    return index === rule.classIndex ? Math.round(count * rule.fraction) : 0
  })
  const count =
    rule.kind === 'random' ? Math.round(total * rule.fraction) : classCounts.reduce((sum, part) => sum + part, 0)
  return {
    count,
    classCounts,
    twinCount: twinPool.reduce((sum, pool, index) => sum + ((classCounts[index] ?? 0) > 0 ? pool : 0), 0),
    wholeClass: classCounts.some((part, index) => part > 0 && part === members[index]),
  }
}
