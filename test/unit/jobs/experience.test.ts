import { describe, expect, it } from 'vitest'
import { usualWorkerMemory } from '#main/compute/pool/machine.ts'
import { cautiousSeconds } from '#main/workbench/jobs/estimate.ts'
import { Experience } from '#main/workbench/jobs/experience.ts'
import type { StageCost } from '#shared/domain/stage.ts'

const stage = (kind: 'train-gold' | 'predict', architecture: string, side = 28) => ({
  kind,
  engine: 'wasm' as const,
  params: {
    architecture,
    data: { height: side, width: side, channels: 1, classCount: 10, normalisation: { mean: [0], std: [1] } },
    recipe: {
      epochs: 1,
      batchSize: 64,
      optimizer: 'adam' as const,
      lr: 1e-3,
      schedule: 'cosine' as const,
      momentum: 0.9,
      weightDecay: 0,
    },
  },
})
const visits = { visitsForward: 10_000, visitsBackward: 10_000 }
const cost = (seconds: number, peakMemory: number): StageCost => ({ ...visits, seconds, engine: 'wasm', peakMemory })

describe('what finished stages teach', () => {
  it('are seconds a visit: twice the visits take twice what was measured', () => {
    const experience = new Experience()
    const gold = stage('train-gold', 'tiny-cnn')
    const cautious = cautiousSeconds(gold, visits)
    expect(experience.seconds(gold, visits)).toBe(cautious)
    experience.learn(gold, cost(cautious * 3, 1))
    expect(experience.seconds(gold, visits)).toBeCloseTo(cautious * 3)
    const twice = { visitsForward: 20_000, visitsBackward: 20_000 }
    expect(experience.seconds(gold, twice)).toBeCloseTo(cautiousSeconds(gold, twice) * 3)
  })

  it('are kept by size, and what was never measured goes by the closest that was', () => {
    const experience = new Experience()
    const [tiny, small] = [stage('train-gold', 'tiny-cnn'), stage('train-gold', 'small-cnn')]
    experience.learn(tiny, cost(cautiousSeconds(tiny, visits) * 2, 1))
    expect(experience.seconds(small, visits)).toBeCloseTo(cautiousSeconds(small, visits) * 2)
    experience.learn(small, cost(cautiousSeconds(small, visits) * 5, 1))
    expect(experience.seconds(small, visits)).toBeCloseTo(cautiousSeconds(small, visits) * 5)
    expect(experience.seconds(tiny, visits)).toBeCloseTo(cautiousSeconds(tiny, visits) * 2)
  })

  it('are the memory that a worker took, with some room; unmeasured, no less than is usual', () => {
    const experience = new Experience()
    const [tiny, large] = [stage('train-gold', 'tiny-cnn'), stage('train-gold', 'tiny-cnn', 64)]
    expect(experience.memory(tiny)).toBe(usualWorkerMemory('wasm'))
    const peak = 100 * 2 ** 20
    experience.learn(tiny, cost(1, peak))
    experience.learn(tiny, cost(1, peak / 2))
    expect(experience.memory(tiny)).toBeCloseTo(peak * 1.15)
    expect(experience.memory(large)).toBe(usualWorkerMemory('wasm'))
    experience.learn(large, cost(1, 20 * peak))
    expect(experience.memory(large)).toBeCloseTo(20 * peak * 1.15)
    expect(experience.memory(stage('predict', 'tiny-cnn'))).toBeCloseTo(20 * peak * 1.15)
  })

  it('of webgpu are no less than is usual, however little of it its page could measure', () => {
    const experience = new Experience()
    const tiny = { ...stage('train-gold', 'tiny-cnn'), engine: 'webgpu' as const }
    experience.learn(tiny, { ...cost(1, 20 * 2 ** 20), engine: 'webgpu' })
    expect(experience.memory(tiny)).toBe(usualWorkerMemory('webgpu'))
    experience.learn(tiny, { ...cost(1, 2 ** 32), engine: 'webgpu' })
    expect(experience.memory(tiny)).toBeCloseTo(1.15 * 2 ** 32)
  })
})
