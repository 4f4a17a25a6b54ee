import { describe, expect, it } from 'vitest'
import { architectureOf, architectures } from '#main/compute/worker/models/architectures.ts'
import { learningLayers } from '#main/compute/worker/models/learning-layers.ts'
import {
  forwardOperations,
  parameterCount,
  penultimateWidth,
  shapedLayers,
  weightCount,
} from '#main/compute/worker/models/shapes.ts'

const grey28 = { height: 28, width: 28, channels: 1, classCount: 10 }
const colour32 = { height: 32, width: 32, channels: 3, classCount: 10 }

describe('architectures', () => {
  it('give the demo network its 105,866 parameters on 28x28 grey images of ten classes', () => {
    expect(parameterCount('tiny-cnn', grey28)).toBe(105_866)
  })

  it('give the small network 89,834 parameters on 32x32 colour images of ten classes', () => {
    const conv = 27 * 16 + 16 + (144 * 32 + 32) + (288 * 64 + 64)
    const dense = 4 * 4 * 64 * 64 + 64 + (64 * 10 + 10)
    expect(parameterCount('small-cnn', colour32)).toBe(conv + dense)
    expect(conv + dense).toBe(89_834)
  })

  it('halve odd sizes upwards', () => {
    const [conv1, conv2] = shapedLayers('tiny-cnn', { ...grey28, height: 9, width: 10 })
    expect(conv1.output).toEqual([5, 5, 16])
    expect(conv2.output).toEqual([3, 3, 32])
  })

  it('give the pooled networks 115,114 and 319,178 parameters', () => {
    // 28 -> 14 -> 7 and 32 -> 16 -> 8: two poolings.
    const thin = 9 * 16 + 16 + (9 * 16 * 32 + 32) + (9 * 32 * 32 + 32) + (7 * 7 * 32 * 64 + 64) + 650
    expect(thin).toBe(115_114)
    expect(parameterCount('pooled-cnn-thin', grey28)).toBe(thin)
    const full = 27 * 32 + 32 + (9 * 32 * 64 + 64) + (9 * 64 * 64 + 64) + (8 * 8 * 64 * 64 + 64) + 650
    expect(full).toBe(319_178)
    expect(parameterCount('pooled-cnn', colour32)).toBe(full)
  })

  it('give the wide network 1,422,218 parameters', () => {
    const convolutions = 27 * 64 + 64 + (9 * 64 * 128 + 128) + (9 * 128 * 256 + 256)
    const count = convolutions + (4 * 4 * 256 * 256 + 256) + (256 * 10 + 10)
    expect(count).toBe(1_422_218)
    expect(parameterCount('wide-cnn', colour32)).toBe(count)
  })

  it('give ResNet-18 and VGG-11 the published counts for CIFAR-10', () => {
    expect(parameterCount('resnet-18', colour32)).toBe(11_173_962)
    // VGG-11's convolutions have 9,220,480 parameters; without batch norm that leaves the dense layer.
    expect(parameterCount('vgg-11', colour32)).toBe(9_220_480 + 512 * 10 + 10)
  })

  it('give ResNet-8 78,042 parameters', () => {
    const stem = 27 * 16 + 2 * 16
    const first = 2 * 9 * 16 * 16 + 4 * 16
    const second = 9 * 16 * 32 + 9 * 32 * 32 + 4 * 32 + (16 * 32 + 2 * 32)
    const third = 9 * 32 * 64 + 9 * 64 * 64 + 4 * 64 + (32 * 64 + 2 * 64)
    expect(stem + first + second + third + 650).toBe(78_042)
    expect(parameterCount('resnet-small', colour32)).toBe(78_042)
    // Two moving averages for each of the 9 batch norms' channels.
    expect(weightCount('resnet-small', colour32)).toBe(78_042 + 2 * (3 * 16 + 3 * 32 + 3 * 64))
  })

  it('cost what their products add up to', () => {
    // Kuang Liu's CIFAR ResNet-18: 0.56 G multiply-adds a sample in convolutions and the dense layer.
    const products = shapedLayers('resnet-18', colour32)
      .filter(({ spec }) => spec.kind === 'conv' || spec.kind === 'dense')
      .reduce((sum, { operations }) => sum + operations / 2, 0)
    expect(products / 1e9).toBeCloseTo(0.555, 2)
    expect(forwardOperations('tiny-cnn', grey28)).toBe(
      2 * (9 * 14 * 14 * 16 + 9 * 16 * 7 * 7 * 32 + 1568 * 64 + 64 * 10),
    )
  })

  it.each(architectures)('$id ends in one logit a class, fed by the layer that it names as penultimate', (arch) => {
    const layers = shapedLayers(arch.id, { ...colour32, classCount: 7 })
    const last = layers.at(-1)
    expect(last?.output).toEqual([7])
    expect(last?.spec).toMatchObject({ kind: 'dense', relu: false })
    expect(last?.inputs).toEqual([arch.penultimate])
    expect(last?.input).toEqual([penultimateWidth(arch.id, colour32)])
  })

  it.each(architectures)('$id names no layer and no variable twice', ({ id }) => {
    const layers = shapedLayers(id, colour32)
    for (const names of [
      layers.map(({ spec }) => spec.name),
      layers.flatMap(({ variables }) => variables.map(({ name }) => name)),
    ]) {
      expect(new Set(names).size).toBe(names.length)
    }
  })

  it('count a convolution with its batch norm as one layer that learns', () => {
    const layers = learningLayers(shapedLayers('resnet-small', colour32))
    expect(layers.map(({ name }) => name).slice(-4)).toEqual([
      'stage3.block1.conv1',
      'stage3.block1.conv2',
      'stage3.block1.shortcut',
      'dense',
    ])
    expect(layers[0]).toEqual({
      name: 'stem',
      variables: ['stem/kernel', 'stem.norm/gamma', 'stem.norm/beta'],
      statistics: ['stem.norm/moving_mean', 'stem.norm/moving_variance'],
    })
    expect(learningLayers(shapedLayers('tiny-cnn', grey28)).at(-1)).toEqual({
      name: 'dense2',
      variables: ['dense2/kernel', 'dense2/bias'],
      statistics: [],
    })
  })

  it('refuse images that nothing would be left of, saying where', () => {
    const tiny = { ...colour32, height: 16, width: 16 }
    expect(() => shapedLayers('vgg-11', tiny)).toThrow(
      'Images of 16x16 are too small for VGG-11 without batch norm: only 1x1 is left of them where "pool5" halves them once more.',
    )
    expect(() => shapedLayers('vgg-11', tiny)).toThrow(expect.objectContaining({ code: 'bad-input' }))
    expect(() => shapedLayers('resnet-18', { ...tiny, height: 1, width: 3 })).not.toThrow()
  })

  it('refuse an unknown name with the known ones', () => {
    expect(() => architectureOf('resnet-900')).toThrow(/no architecture "resnet-900"/)
    expect(() => architectureOf('resnet-900')).toThrow(
      expect.objectContaining({ code: 'bad-input', hint: expect.stringContaining('tiny-cnn') }),
    )
  })
})
