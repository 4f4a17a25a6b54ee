/** A small image set that a small network learns in a few epochs: stripes whose direction is the class, with noise. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PNG } from 'pngjs'
import { Random } from '#shared/random.ts'

export const stripedClasses = ['across', 'down', 'slant'] as const

/**
 * Writes `folder/CLASS/N.png`: 28x28 grey, `perClass` images of each of the three classes. Without contrast there is
 * nothing but noise, which a network can only learn by heart.
 */
export async function writeStripedImages(folder: string, perClass: number, seed = 1, contrast = 45): Promise<void> {
  for (const [label, name] of stripedClasses.entries()) {
    await mkdir(join(folder, name), { recursive: true })
    for (let index = 0; index < perClass; index++) {
      const random = Random.of(seed, name, index)
      await writeFile(join(folder, name, `${String(index).padStart(4, '0')}.png`), stripes(label, random, contrast))
    }
  }
}

function stripes(label: number, random: Random, contrast: number): Buffer {
  const side = 28
  const phase = random.below(6)
  const png = new PNG({ width: side, height: side, colorType: 0 })
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const along = label === 0 ? y : label === 1 ? x : x + y
      const light = 125 + ((along + phase) % 6 < 3 ? contrast : -contrast)
      const value = Math.max(0, Math.min(255, Math.round(light + 45 * random.normal())))
      png.data.set([value, value, value, 255], (y * side + x) * 4)
    }
  }
  return PNG.sync.write(png, { colorType: 0 })
}
