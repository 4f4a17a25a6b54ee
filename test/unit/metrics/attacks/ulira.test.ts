import { describe, expect, it } from 'vitest'
import type { Shadows } from '#main/metrics/attacks/lira.ts'
import { membershipFigures } from '#main/metrics/attacks/membership.ts'
import { leaveOneOutScores, leaveOneOutTest, meanOverTargets, testedSamples } from '#main/metrics/attacks/ulira.ts'
import { isPresent } from '#shared/domain/metrics.ts'
import { Random } from '#shared/random.ts'

const bootstrap = { seed: 1, draws: 200 }

/** Each image is in one model of each pair. */
function alternating(images: number, models: number): Uint8Array[] {
  return Array.from({ length: models }, (_, j) => Uint8Array.from({ length: images }, (_, i) => (i + j) % 2))
}

function noise(images: number, models: number): Float64Array[] {
  const random = Random.of(5, 'ulira')
  return Array.from({ length: models }, () => Float64Array.from({ length: images }, () => random.normal()))
}

function testOf(images: number, models: number, labels = new Int32Array(images)) {
  const trained = alternating(images, models)
  const positions = Int32Array.from({ length: images }, (_, i) => i)
  return leaveOneOutTest(noise(images, models), trained, positions, labels)
}

describe('U-LiRA', () => {
  it('tests the images that two models learned and two never saw', () => {
    const trained = [
      [1, 1, 1, 0],
      [1, 0, 1, 0],
      [0, 0, 1, 1],
      [0, 0, 1, 1],
    ].map((row) => Uint8Array.from(row))
    expect([...testedSamples(trained)]).toEqual([0, 3])
    expect([...testedSamples(trained.slice(0, 3))]).toEqual([])
    expect([...testedSamples([])]).toEqual([])
  })

  it('finds by hand what the other three say of one image', () => {
    const shadows: Shadows = {
      phi: [4, 6, 0, 2].map((phi) => Float64Array.of(phi)),
      trained: [1, 1, 0, 0].map((kind) => Uint8Array.of(kind)),
    }
    const scores = leaveOneOutScores(shadows, 'auto')
    // Of the first, IN is 6 alone and OUT 0 and 2: mean 1, variance 2, which stands in for IN's: -(4-6)^2/4 + (4-1)^2/4.
    expect(scores[0][0]).toBeCloseTo(1.25, 12)
    // Of the third, IN is 4 and 6: mean 5, variance 2, OUT is 2 alone: -(0-5)^2/4 + (0-2)^2/4.
    expect(scores[2][0]).toBeCloseTo(-5.25, 12)
    // Of the second, IN is 4 alone: -(6-4)^2/4 + (6-1)^2/4.
    expect(scores[1][0]).toBeCloseTo(5.25, 12)
    expect(meanOverTargets(scores, shadows.trained)[0]).toBeCloseTo((1.25 + 5.25) / 2, 12)
  })

  it('counts images, not pairs of an image and a model, in n and in what it can resolve', () => {
    const { figures } = membershipFigures(testOf(300, 8), bootstrap)
    expect(figures['auc']).toMatchObject({ n: 300 })
    expect(figures['tprAtFpr01']).toMatchObject({ n: 300 })
    expect(figures['tprAtFpr001']).toEqual({
      absent: 'With n = 300 a TPR at 0.1 % cannot be resolved: it takes 1,000 non-members.',
    })
    const one = membershipFigures(testOf(1, 8), bootstrap).figures
    expect(one['auc']).toMatchObject({ n: 1, ci: null })
    expect(one['tprAtFpr01']).toHaveProperty('absent')
  })

  it('is no surer of images that it saw under more models with the same verdicts', () => {
    const once = testOf(40, 2)
    const repeat = <T extends Float64Array | Int32Array>(values: T): number[] => {
      const [members, others] = [values.subarray(0, once.memberCount), values.subarray(once.memberCount)]
      return [...members, ...members, ...members, ...others, ...others, ...others]
    }
    const thrice = {
      scores: Float64Array.from(repeat(once.scores)),
      memberCount: 3 * once.memberCount,
      weights: Float64Array.from(repeat(once.weights)),
      units: Int32Array.from(repeat(once.units)),
      strata: once.strata,
    }
    const [few, many] = [once, thrice].map((test) => membershipFigures(test, bootstrap).figures['auc'])
    if (!isPresent(few) || !isPresent(many) || few.ci === null || many.ci === null) throw new Error('no interval')
    expect(many.n).toBe(few.n)
    expect(many.ci[0]).toBeCloseTo(few.ci[0], 12)
    expect(many.ci[1]).toBeCloseTo(few.ci[1], 12)
  })

  it('has an interval where F has one image of each class', () => {
    const each = Int32Array.from({ length: 40 }, (_, i) => i)
    const { auc } = membershipFigures(testOf(40, 4, each), bootstrap).figures
    if (!isPresent(auc) || auc.ci === null) throw new Error('no interval')
    expect(auc.ci[1] - auc.ci[0]).toBeGreaterThan(0.05)
  })
})
