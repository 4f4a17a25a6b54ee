import { describe, expect, it } from 'vitest'
import type { FeatureMatrix } from '#main/metrics/cka.ts'
import { featureMatrix, samplesForCka, unbiasedHsic } from '#main/metrics/cka.ts'
import { Random } from '#shared/random.ts'

const count = 14
const all = Int32Array.from({ length: count }, (_, i) => i)

function drawn(width: number, label: string, shift = 0): Float64Array {
  const random = Random.of(5, label)
  return Float64Array.from({ length: count * width }, () => random.normal() + shift)
}

function cka(x: FeatureMatrix, y: FeatureMatrix): number {
  return unbiasedHsic(x, y).value / Math.sqrt(unbiasedHsic(x, x).value * unbiasedHsic(y, y).value)
}

/** The same features with columns of zeros: more columns than samples, so another way of computing. */
function widened(data: Float64Array, width: number, to: number): Float64Array {
  const wide = new Float64Array(count * to)
  for (let i = 0; i < count; i++) wide.set(data.subarray(i * width, (i + 1) * width), i * to)
  return wide
}

describe('debiased linear CKA', () => {
  it('is 1 between features and themselves, turned, scaled and shifted', () => {
    const data = drawn(2, 'x')
    const x = featureMatrix(data, 2, all)
    const [cosine, sine] = [Math.cos(0.7), Math.sin(0.7)]
    const turned = Float64Array.from(data, (value, i) =>
      i % 2 === 0 ? 3 * (cosine * value - sine * data[i + 1]) + 50 : 3 * (sine * data[i - 1] + cosine * value) - 20,
    )
    expect(cka(x, featureMatrix(turned, 2, all))).toBeCloseTo(1, 10)
  })

  it('averages 0 between independent features, where the biased one is well above', () => {
    const random = Random.of(6, 'independent')
    const rounds = 200
    let sum = 0
    for (let round = 0; round < rounds; round++) {
      const independent = () =>
        featureMatrix(
          Float64Array.from({ length: 20 * 10 }, () => random.normal()),
          10,
          Int32Array.from(Array(20).keys()),
        )
      sum += unbiasedHsic(independent(), independent()).value
    }
    // One estimate has a standard deviation of about 0.6 here; HSIC of a set with itself is about 10.
    expect(Math.abs(sum / rounds)).toBeLessThan(0.15)
  })

  it('is the same through Gram matrices and through features', () => {
    const [x, y] = [drawn(3, 'x', 2), drawn(4, 'y')]
    const narrow = unbiasedHsic(featureMatrix(x, 3, all), featureMatrix(y, 4, all))
    const wide = unbiasedHsic(featureMatrix(widened(x, 3, 20), 20, all), featureMatrix(widened(y, 4, 30), 30, all))
    expect(wide.value).toBeCloseTo(narrow.value, 12)
    for (let i = 0; i < count; i++) expect(wide.influence[i]).toBeCloseTo(narrow.influence[i], 10)
  })

  it('knows how leaving out each sample would change it', () => {
    const [x, y] = [drawn(3, 'x', 2), drawn(4, 'y')]
    const { value, influence } = unbiasedHsic(featureMatrix(x, 3, all), featureMatrix(y, 4, all))
    for (let left = 0; left < count; left++) {
      const others = all.filter((i) => i !== left)
      const without = unbiasedHsic(featureMatrix(x, 3, others), featureMatrix(y, 4, others)).value
      expect(value - influence[left] / (count - 1)).toBeCloseTo(without, 10)
    }
    expect(influence.reduce((sum, term) => sum + term, 0)).toBeCloseTo(0, 8)
  })
})

describe('the samples that CKA reads', () => {
  it('are all of them at usual widths', () => {
    expect(samplesForCka(10_000, 64, Random.of(1))).toHaveLength(10_000)
  })

  it('are a seeded few, ascending and distinct, where features are wide', () => {
    const few = samplesForCka(10_000, 2048, Random.of(1))
    expect(few.length).toBeGreaterThan(400)
    expect(few.length).toBeLessThan(600)
    expect(new Set(few).size).toBe(few.length)
    expect([...few]).toEqual([...few].sort((a, b) => a - b))
    expect(few).toEqual(samplesForCka(10_000, 2048, Random.of(1)))
  })
})
