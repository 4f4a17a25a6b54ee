import { countMask, decodeIdRanges, encodeIdRanges, idsOfMask, maskOfIds } from '#shared/id-ranges.ts'

/** Which samples are selected, and from where Shift goes on. Never changed: every step makes a new one. */
export interface Selection {
  /** uint8 [samples] */
  readonly mask: Uint8Array
  readonly count: number
  /** The sample that Shift extends from. */
  readonly anchor: number | null
}

/** How a set of samples joins those selected before. */
export type SelectMode = 'replace' | 'add' | 'remove' | 'keep'

export function emptySelection(sampleCount: number): Selection {
  return { mask: new Uint8Array(sampleCount), count: 0, anchor: null }
}

/** A plain click: this one and no other. */
export function selectOnly(before: Selection, sample: number): Selection {
  return { mask: maskOfIds([sample], before.mask.length), count: 1, anchor: sample }
}

/** Ctrl and click, or Space: this one in or out. */
export function toggle(before: Selection, sample: number): Selection {
  const mask = before.mask.slice()
  mask[sample] = 1 - mask[sample]
  return { mask, count: before.count + (mask[sample] === 1 ? 1 : -1), anchor: sample }
}

/**
 * Shift and click: everything from the anchor to here in the order shown; with Ctrl beside what is selected already.
 * The anchor stays, so that a second Shift goes on from the same place.
 */
export function extendTo(before: Selection, sample: number, order: Int32Array, beside = false): Selection {
  const to = order.indexOf(sample)
  const anchorAt = before.anchor === null ? -1 : order.indexOf(before.anchor)
  if (to < 0) return before
  if (anchorAt < 0) return selectOnly(before, sample)
  const mask = beside ? before.mask.slice() : new Uint8Array(before.mask.length)
  for (let at = Math.min(anchorAt, to); at <= Math.max(anchorAt, to); at++) mask[order[at]] = 1
  return { mask, count: countMask(mask), anchor: before.anchor }
}

/** A facet, a lasso, a brush, "select all": many at once. */
export function selectMany(before: Selection, samples: ArrayLike<number>, mode: SelectMode): Selection {
  const given = maskOfIds(samples, before.mask.length)
  const mask = mode === 'replace' ? given : before.mask.slice()
  if (mode !== 'replace') {
    for (let id = 0; id < mask.length; id++) {
      if (mode === 'add') mask[id] |= given[id]
      else if (mode === 'remove') mask[id] &= 1 - given[id]
      else mask[id] &= given[id]
    }
  }
  return { mask, count: countMask(mask), anchor: samples.length === 0 ? before.anchor : samples[0] }
}

export function invertWithin(before: Selection, order: Int32Array): Selection {
  const mask = before.mask.slice()
  for (const id of order) mask[id] = 1 - mask[id]
  return { mask, count: countMask(mask), anchor: before.anchor }
}

export function selectedIds(selection: Selection): Int32Array {
  return idsOfMask(selection.mask, selection.count)
}

export function encodeSelection(selection: Selection): string {
  return encodeIdRanges(selectedIds(selection))
}

/** Text of an earlier visit; what isn't a selection of this data set is none. */
export function decodeSelection(text: string, sampleCount: number): Selection {
  try {
    return selectMany(emptySelection(sampleCount), decodeIdRanges(text, sampleCount), 'replace')
  } catch {
    return emptySelection(sampleCount)
  }
}

/** What Shift, Ctrl and Alt held beside a lasso mean. */
export function modeOfKeys(keys: {
  readonly shiftKey: boolean
  readonly ctrlKey: boolean
  readonly metaKey: boolean
  readonly altKey: boolean
}): SelectMode {
  if (keys.altKey) return keys.shiftKey ? 'keep' : 'remove'
  return keys.shiftKey || keys.ctrlKey || keys.metaKey ? 'add' : 'replace'
}
