import { describe, expect, it } from 'vitest'
import { corruptedImage } from '#main/compute/worker/data/corruption.ts'

const grey = (height: number, width: number) => ({ height, width, channels: 1 })

describe('a corrupted image', () => {
  it('of less contrast keeps its mean and loses a known share of its spread, channel by channel', () => {
    const pixels = Uint8Array.of(0, 100, 200, 100, 100, 100, 200, 100)
    const shape = { height: 2, width: 2, channels: 2 }
    // Channel 0: 0 200 100 200, mean 125; severity 3 leaves 0.45.
    const found = corruptedImage(pixels, shape, { kind: 'contrast', severity: 3 }, 7)
    expect([...found]).toEqual([0, 200, 100, 200].flatMap((v) => [Math.round(125 + 0.45 * (v - 125)), 100]))
  })

  it('blurred keeps a constant image, its sum away from the edge, and its symmetry', () => {
    const flat = new Uint8Array(25).fill(90)
    expect([...corruptedImage(flat, grey(5, 5), { kind: 'blur', severity: 5 }, 1)]).toEqual([...flat])
    const point = new Uint8Array(11 * 11)
    point[60] = 255
    const blurred = corruptedImage(point, grey(11, 11), { kind: 'blur', severity: 2 }, 1)
    expect(blurred[60]).toBeLessThan(255)
    expect(blurred[59]).toBe(blurred[61])
    expect(blurred[49]).toBe(blurred[71])
    // Gauss with standard deviation 0.8: the centre weighs 1 / (sum of exp(-k^2 / 1.28))^2.
    let total = 0
    for (let k = -3; k <= 3; k++) total += Math.exp(-(k * k) / 1.28)
    expect(blurred[60]).toBe(Math.round(255 / total ** 2))
  })

  it('with noise has about the spread that was asked for, the same one whenever it is asked for', () => {
    const flat = new Uint8Array(10_000).fill(128)
    const noise = { kind: 'noise', severity: 2 } as const
    const found = corruptedImage(flat, grey(100, 100), noise, 5)
    const variance = found.reduce((sum, value) => sum + (value - 128) ** 2, 0) / found.length
    expect(Math.sqrt(variance) / 255).toBeCloseTo(0.1, 2)
    expect(corruptedImage(flat, grey(100, 100), noise, 5)).toEqual(found)
    expect(corruptedImage(flat, grey(100, 100), noise, 6)).not.toEqual(found)
  })
})
