import { describe, expect, it } from 'vitest'
import { initialWeights } from '#main/compute/worker/models/initial-weights.ts'

const data = { height: 28, width: 28, channels: 1, classCount: 10, normalisation: { mean: [0.3], std: [0.3] } }

describe('initial weights', () => {
  it('are the same for the same seed and others for another one', () => {
    const [first, again, other] = [1, 1, 2].map((seed) => initialWeights('tiny-cnn', data, seed))
    expect(again).toEqual(first)
    for (const name of Object.keys(first)) expect(other[name].data, name).not.toEqual(first[name].data)
  })

  it('are uniform within one over the root of the fan-in, kernel and bias alike', () => {
    // dense1: 7 * 7 * 32 inputs; a uniform variable on [-b, b] has the standard deviation b / sqrt(3).
    const bound = 1 / Math.sqrt(1568)
    const weights = initialWeights('tiny-cnn', data, 3)
    for (const name of ['dense1/kernel', 'dense1/bias']) {
      expect(Math.max(...weights[name].data.map(Math.abs)), name).toBeLessThanOrEqual(bound)
    }
    const { data: kernel } = weights['dense1/kernel']
    const mean = kernel.reduce((sum, value) => sum + value, 0) / kernel.length
    const deviation = Math.sqrt(kernel.reduce((sum, value) => sum + (value - mean) ** 2, 0) / kernel.length)
    expect(Math.abs(mean)).toBeLessThan(bound / 100)
    expect(deviation).toBeCloseTo(bound / Math.sqrt(3), 4)
  })

  it('of a layer do not depend on what the other layers look like', () => {
    const wider = initialWeights('tiny-cnn', { ...data, classCount: 20 }, 1)
    const narrow = initialWeights('tiny-cnn', data, 1)
    expect(wider['conv1/kernel']).toEqual(narrow['conv1/kernel'])
    expect(wider['dense2/kernel'].shape).toEqual([64, 20])
  })

  it('of a residual network are normal with variance two over the fan-out, batch norms at rest', () => {
    const weights = initialWeights('resnet-small', { ...data, channels: 3 }, 1)
    // 3x3 to 64 filters.
    const kernel = weights['stage3.block1.conv2/kernel'].data
    const square = kernel.reduce((sum, value) => sum + value * value, 0) / kernel.length
    expect(square / (2 / (9 * 64))).toBeCloseTo(1, 1)
    expect(Math.max(...kernel)).toBeGreaterThan(3 * Math.sqrt(2 / 576))
    for (const [role, start] of [
      ['gamma', 1],
      ['beta', 0],
      ['moving_mean', 0],
      ['moving_variance', 1],
    ] as const) {
      expect(new Set(weights[`stem.norm/${role}`].data), role).toEqual(new Set([start]))
    }
    expect(Math.max(...weights['dense/bias'].data.map(Math.abs))).toBeGreaterThan(0)
    expect(Math.max(...weights['dense/bias'].data.map(Math.abs))).toBeLessThan(1 / 8)
  })

  it('of VGG have no biases in the convolutions', () => {
    const weights = initialWeights('vgg-11', { ...data, height: 32, width: 32, channels: 3 }, 1)
    expect(new Set(weights['conv8/bias'].data)).toEqual(new Set([0]))
    expect(new Set(weights['dense/bias'].data).size).toBe(10)
  })
})
