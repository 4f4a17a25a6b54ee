import { thumbSide } from './thumbnail.ts'

const kept = 8
const cosines = Float64Array.from({ length: kept * thumbSide }, (_, i) =>
  Math.cos(((2 * (i % thumbSide) + 1) * Math.floor(i / thumbSide) * Math.PI) / (2 * thumbSide)),
)

/**
 * The DCT hash (Zauner 2010, "Implementation and benchmarking of perceptual image hash functions", 3.2.1): one bit for
 * each of the 8x8 lowest frequencies, whether it lies above their median; the mean brightness doesn't count.
 * @param thumb 16x16 grey.
 * @returns the low and the high 32 bits.
 */
export function perceptualHash(thumb: Uint8Array): readonly [low: number, high: number] {
  const rows = new Float64Array(thumbSide * kept)
  for (let y = 0; y < thumbSide; y++) {
    for (let u = 0; u < kept; u++) {
      let sum = 0
      for (let x = 0; x < thumbSide; x++) sum += thumb[y * thumbSide + x] * cosines[u * thumbSide + x]
      rows[y * kept + u] = sum
    }
  }
  const frequencies = new Float64Array(kept * kept)
  for (let v = 0; v < kept; v++) {
    for (let u = 0; u < kept; u++) {
      let sum = 0
      for (let y = 0; y < thumbSide; y++) sum += rows[y * kept + u] * cosines[v * thumbSide + y]
      frequencies[v * kept + u] = sum
    }
  }
  const sorted = frequencies.slice(1).sort()
  const median = sorted[sorted.length >> 1]
  let [low, high] = [0, 0]
  for (let i = 1; i < 64; i++) {
    if (frequencies[i] <= median) continue
    if (i < 32) low |= 1 << i
    else high |= 1 << (i - 32)
  }
  return [low, high]
}

/** Number of differing bits of two 32-bit words. */
export function differingBits(a: number, b: number): number {
  let x = a ^ b
  x -= (x >>> 1) & 0x55555555
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333)
  return Math.imul((x + (x >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
