import { setImmediate as yieldToOthers } from 'node:timers/promises'
import type { DuplicateGroup, QualityThresholds } from '#shared/domain/quality.ts'
import { differingBits } from './perceptual-hash.ts'
import { thumbSize } from './thumbnail.ts'

/** A bucket of more hashes than this has no meaning (drawings on white); its members are compared with these many. */
const maxBucket = 4000

export interface Fingerprints {
  /** 16x16 grey of each sample. */
  readonly thumbs: Uint8Array
  /** Low and high word of each sample's hash. */
  readonly hashes: Int32Array
}

/**
 * Finds samples that look alike. Candidates share one of `hashBits + 1` bands of their 64-bit hashes exactly, which no
 * pair within `hashBits` differing bits can fail to do; of them, those whose 16x16 thumbnails differ little and
 * correlate are near duplicates. Each group is one sample and those near it: groups don't chain.
 * @param samples the samples to compare: of exact copies one.
 */
export async function findNearDuplicates(
  { thumbs, hashes }: Fingerprints,
  samples: readonly number[],
  thresholds: QualityThresholds,
  onProgress: (done: number) => void = () => {},
): Promise<readonly DuplicateGroup[]> {
  const bands = bandsOf(thresholds.hashBits + 1)
  const neighbours = new Map<number, Map<number, number>>()
  const link = (a: number, b: number, difference: number): void => {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ]) {
      const known = neighbours.get(from)
      if (known === undefined) neighbours.set(from, new Map([[to, difference]]))
      else known.set(to, difference)
    }
  }
  let steps = 0
  for (const [number, band] of bands.entries()) {
    const buckets = new Map<number, number[]>()
    for (const sample of samples) {
      const key = bitsAt(hashes[2 * sample], hashes[2 * sample + 1], band.from, band.length)
      const bucket = buckets.get(key)
      if (bucket === undefined) buckets.set(key, [sample])
      else bucket.push(sample)
    }
    for (const bucket of buckets.values()) {
      for (let i = 0; i < bucket.length; i++) {
        const a = bucket[i]
        const [low, high] = [hashes[2 * a], hashes[2 * a + 1]]
        const end = Math.min(bucket.length, i + maxBucket)
        for (let j = i + 1; j < end; j++) {
          const b = bucket[j]
          if (differingBits(low, hashes[2 * b]) + differingBits(high, hashes[2 * b + 1]) > thresholds.hashBits) continue
          if (neighbours.get(a)?.has(b) === true) continue
          const difference = alike(thumbs, a, b, thresholds)
          if (difference !== null) link(a, b, difference)
        }
        if (++steps % 2000 === 0) {
          onProgress((number + steps / samples.length / bands.length) / bands.length)
          await yieldToOthers()
        }
      }
    }
    onProgress((number + 1) / bands.length)
  }
  return starsOf(neighbours)
}

/** Mean absolute difference of two thumbnails, or null when they aren't alike. */
function alike(thumbs: Uint8Array, a: number, b: number, thresholds: QualityThresholds): number | null {
  const [startA, startB] = [a * thumbSize, b * thumbSize]
  let [difference, sumA, sumB, squaresA, squaresB, product] = [0, 0, 0, 0, 0, 0]
  for (let i = 0; i < thumbSize; i++) {
    const [x, y] = [thumbs[startA + i], thumbs[startB + i]]
    difference += x > y ? x - y : y - x
    sumA += x
    sumB += y
    squaresA += x * x
    squaresB += y * y
    product += x * y
  }
  if (difference > thresholds.pixelDifference * thumbSize) return null
  const varianceA = squaresA - (sumA * sumA) / thumbSize
  const varianceB = squaresB - (sumB * sumB) / thumbSize
  const covariance = product - (sumA * sumB) / thumbSize
  // Images of one single value correlate with nothing; only exact copies of them are copies.
  if (varianceA <= 0 || varianceB <= 0) return null
  return covariance / Math.sqrt(varianceA * varianceB) >= thresholds.correlation ? difference / thumbSize : null
}

/** Those with the most neighbours first, each sample in one group. */
function starsOf(neighbours: ReadonlyMap<number, ReadonlyMap<number, number>>): readonly DuplicateGroup[] {
  const centres = [...neighbours.keys()].sort(
    (a, b) => (neighbours.get(b)?.size ?? 0) - (neighbours.get(a)?.size ?? 0) || a - b,
  )
  const taken = new Set<number>()
  const groups: DuplicateGroup[] = []
  for (const centre of centres) {
    if (taken.has(centre)) continue
    const near = [...(neighbours.get(centre) ?? [])].filter(([other]) => !taken.has(other))
    if (near.length === 0) continue
    const samples = [centre, ...near.map(([other]) => other)].sort((a, b) => a - b)
    for (const sample of samples) taken.add(sample)
    groups.push({ samples, difference: Math.max(...near.map(([, difference]) => difference)) })
  }
  return groups.sort((a, b) => a.samples[0] - b.samples[0])
}

function bandsOf(count: number): readonly { readonly from: number; readonly length: number }[] {
  return Array.from({ length: count }, (_, i) => {
    const from = Math.floor((i * 64) / count)
    return { from, length: Math.floor(((i + 1) * 64) / count) - from }
  })
}

/** Bits `from` .. `from + length - 1` of a 64-bit word; length at most 31. */
function bitsAt(low: number, high: number, from: number, length: number): number {
  const mask = 2 ** length - 1
  if (from >= 32) return (high >>> (from - 32)) & mask
  if (from + length <= 32) return (low >>> from) & mask
  return ((low >>> from) | (high << (32 - from))) & mask
}
