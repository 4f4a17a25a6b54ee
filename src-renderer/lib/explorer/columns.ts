import type { PackedSamples, RunFigures, SampleFigure, Tag } from '#shared/domain/sample.ts'
import { sampleFigures } from '#shared/domain/sample.ts'
import { decodeIdRanges, maskOfIds } from '#shared/id-ranges.ts'
import { unpackFloat32, unpackInt32 } from '../unpack.ts'
import type { Facet } from './facets.ts'

export interface GroupCodes {
  readonly name: string
  readonly values: readonly string[]
  readonly codes: Int32Array
}

/** A data set's samples as the window holds them. */
export interface SampleColumns {
  readonly count: number
  readonly labels: Int32Array
  readonly duplicateOf: Int32Array
  /** Lowest sample of a group of copies, -1 without; null until the quality was looked at. */
  readonly nearGroup: Int32Array | null
  readonly suspects: Uint8Array | null
  readonly groups: readonly GroupCodes[]
  readonly givenSplit: GroupCodes | null
}

export function unpackSamples(packed: PackedSamples): SampleColumns {
  const { count } = packed
  return {
    count,
    labels: unpackInt32(packed.labels),
    duplicateOf: unpackInt32(packed.duplicateOf),
    nearGroup: packed.nearGroup === null ? null : unpackInt32(packed.nearGroup),
    suspects: packed.suspects === null ? null : maskOfIds(unpackInt32(packed.suspects), count),
    groups: packed.groups.map(({ name, values, codes }) => ({ name, values, codes: unpackInt32(codes) })),
    givenSplit:
      packed.givenSplit === null
        ? null
        : { name: '', values: packed.givenSplit.values, codes: unpackInt32(packed.givenSplit.codes) },
  }
}

/** A run's figures over all samples; NaN for those it wasn't asked about. */
export interface FigureColumns {
  readonly values: ReadonlyMap<SampleFigure, Float32Array>
  readonly absent: ReadonlyMap<SampleFigure, string>
}

export function unpackFigures(figures: RunFigures, count: number): FigureColumns {
  const ids = unpackInt32(figures.ids)
  const values = new Map<SampleFigure, Float32Array>()
  const absent = new Map<SampleFigure, string>()
  for (const name of sampleFigures) {
    const column = figures.figures[name]
    if (typeof column !== 'string') {
      absent.set(name, column.absent)
      continue
    }
    const spread = new Float32Array(count).fill(Number.NaN)
    unpackFloat32(column).forEach((value, i) => {
      spread[ids[i]] = value
    })
    values.set(name, spread)
  }
  return { values, absent }
}

export const partValues = ['forget', 'members', 'twinPool', 'evaluation', 'none'] as const

/** Sides of a split with F taken out of D: an index into `partValues`. */
export function partCodes(parts: Uint8Array, forget: ArrayLike<number>): Uint8Array {
  // `sampleParts` has none first.
  const codes = parts.map((part) => (part === 0 ? 4 : part))
  for (let i = 0; i < forget.length; i++) codes[forget[i]] = 0
  return codes
}

/** 0: the only one, 1: has exact copies, 2: has near copies only. */
export function copyCodes({ duplicateOf, nearGroup, count }: SampleColumns): Uint8Array {
  const codes = new Uint8Array(count)
  if (nearGroup !== null) for (let id = 0; id < count; id++) if (nearGroup[id] >= 0) codes[id] = 2
  for (let id = 0; id < count; id++) {
    if (duplicateOf[id] < 0) continue
    codes[id] = 1
    codes[duplicateOf[id]] = 1
  }
  return codes
}

export function tagFacet(tags: readonly Tag[], count: number): Facet {
  return {
    id: 'tag',
    values: tags.map(({ name }) => name),
    membership: { kind: 'many', masks: tags.map(({ samples }) => maskOfIds(decodeIdRanges(samples, count), count)) },
  }
}
