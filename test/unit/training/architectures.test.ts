import { describe, expect, it } from 'vitest'
import { architectureOf, architectures } from '#main/compute/worker/models/architectures.ts'
import { parameterCount, shapedLayers } from '#main/compute/worker/models/shapes.ts'

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

  it('end in one logit a class, fed by the penultimate feature', () => {
    for (const { id } of architectures) {
      const layers = shapedLayers(id, { ...colour32, classCount: 7 })
      expect(layers.at(-1)?.output).toEqual([7])
      expect(layers.at(-1)?.spec).toMatchObject({ kind: 'dense', relu: false })
      expect(layers.at(-1)?.input).toEqual([64])
    }
  })

  it('name no variable twice', () => {
    for (const { id } of architectures) {
      const names = shapedLayers(id, grey28).flatMap(({ variables }) => variables.map(({ name }) => name))
      expect(new Set(names).size).toBe(names.length)
    }
  })

  it('refuse an unknown name with the known ones', () => {
    expect(() => architectureOf('resnet-900')).toThrow(/no architecture "resnet-900"/)
    expect(() => architectureOf('resnet-900')).toThrow(
      expect.objectContaining({ code: 'bad-input', hint: expect.stringContaining('tiny-cnn') }),
    )
  })
})
