import { describe, expect, it } from 'vitest'
import { methodOf } from '#main/compute/methods.ts'
import type { UnlearningParams } from '#main/compute/worker/tmu/parameters.ts'
import { labelItems } from '#main/compute/worker/tmu/unlearn-by-labels.ts'

const classCount = 5
/** Ten samples; 0 to 5 are kept, 6 (class 1) and 8 (class 3) are easy, 7 (class 2) and 9 (class 4) are hard. */
const request = {
  seed: 1,
  retain: Int32Array.of(0, 1, 2, 3, 4, 5),
  forget: Int32Array.of(6, 7, 8, 9),
  easy: Uint8Array.of(1, 0, 1, 0),
  feed: { labels: Int32Array.of(0, 1, 2, 3, 4, 0, 1, 2, 3, 4) },
  classCount,
}

function itemsWith(options: Partial<UnlearningParams>, seed = 1) {
  const params = methodOf('tmu').params.parse(options) as UnlearningParams
  return labelItems({ ...request, seed }, params)
}

function labelsOf(items: ReturnType<typeof itemsWith>): Int32Array {
  if (!('labels' in items.targets)) throw new Error('expected classes')
  return items.targets.labels
}

function rowsOf(items: ReturnType<typeof itemsWith>, sample: number): number[][] {
  const { targets } = items
  if (!('probabilities' in targets)) throw new Error('expected probabilities')
  return [...items.samples].flatMap((other, i) =>
    other === sample ? [Array.from(targets.probabilities.subarray(i * classCount, (i + 1) * classCount))] : [],
  )
}

describe('what unlearning by labels trains on', () => {
  it('is R with its labels, then each forget sample four times', () => {
    const items = itemsWith({})
    expect([...items.samples.slice(0, 6)]).toEqual([0, 1, 2, 3, 4, 5])
    expect([...labelsOf(items).slice(0, 6)]).toEqual([0, 1, 2, 3, 4, 0])
    expect([...items.samples.slice(6)]).toEqual([6, 6, 6, 6, 7, 7, 7, 7, 8, 8, 8, 8, 9, 9, 9, 9])
  })

  it('gives a hard sample one other class for good, and an easy one its own on noisy input', () => {
    const items = itemsWith({})
    const labels = labelsOf(items)
    for (let i = 6; i < items.samples.length; i++) {
      const sample = items.samples[i]
      const isEasy = sample === 6 || sample === 8
      expect(labels[i] === request.feed.labels[sample]).toBe(isEasy)
      expect(items.noise?.[i]).toBe(isEasy ? 0.5 : 0)
      expect(labels[i]).toBe(labels[items.samples.indexOf(sample)])
    }
    expect(items.noise?.subarray(0, 6).every((sigma) => sigma === 0)).toBe(true)
  })

  it('draws other classes over all of them, and by the seed alone', () => {
    const drawn = new Set<number>()
    for (let seed = 0; seed < 40; seed++) drawn.add(labelsOf(itemsWith({ forgetRepeats: 1 }, seed))[7])
    expect([...drawn].sort()).toEqual([0, 1, 3, 4])
    expect(itemsWith({}, 7)).toEqual(itemsWith({}, 7))
    const flipped = labelItems(
      { ...request, easy: Uint8Array.of(0, 0, 1, 0) },
      methodOf('tmu').params.parse({}) as UnlearningParams,
    )
    expect(labelsOf(flipped).slice(10)).toEqual(labelsOf(itemsWith({})).slice(10))
  })

  it('can drop easy samples, or keep them clean', () => {
    expect([...itemsWith({ easyTreatment: 'dropped', forgetRepeats: 1 }).samples]).toEqual([0, 1, 2, 3, 4, 5, 7, 9])
    expect(itemsWith({ easyTreatment: 'true-label' }).noise).toBeUndefined()
  })

  it('can smooth easy labels and flatten hard ones', () => {
    const smooth = itemsWith({ easyTreatment: 'label-smoothing', smoothing: 0.5, forgetRepeats: 2 })
    for (const row of rowsOf(smooth, 6)) row.forEach((p, k) => expect(p).toBeCloseTo(k === 1 ? 0.6 : 0.1, 6))
    const flat = itemsWith({ hardTreatment: 'uniform-soft' })
    for (const row of rowsOf(flat, 9)) row.forEach((p) => expect(p).toBeCloseTo(0.2, 6))
    expect(rowsOf(flat, 2)).toEqual([[0, 0, 1, 0, 0]])
  })

  it('can push hard samples off their label without a new one', () => {
    const items = itemsWith({ hardTreatment: 'maximise', forgetRepeats: 1 })
    expect(rowsOf(items, 9)).toEqual([[0, 0, 0, 0, -1]])
    expect(rowsOf(items, 6)).toEqual([[0, 1, 0, 0, 0]])
  })

  it('can take a seeded share of R', () => {
    const items = itemsWith({ retainShare: 0.5 })
    expect(items.samples.length).toBe(3 + 16)
    expect(itemsWith({ retainShare: 0.5 })).toEqual(items)
  })
})
