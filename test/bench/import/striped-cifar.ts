import { mkdir, open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Random } from '#shared/random.ts'

const classes = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck']

/** CIFAR-10's binary form: every class another tint and stripes of another width, with noise and a seed. */
export async function writeStripedCifar(folder: string, count: number): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'batches.meta.txt'), `${classes.join('\n')}\n`)
  const random = Random.of(6, 'bench')
  const noise = Uint8Array.from({ length: 1 << 16 }, () => random.below(60))
  const record = new Uint8Array(3073)
  for (let first = 0, file = 1; first < count; first += 10_000, file++) {
    const handle = await open(join(folder, `data_batch_${file}.bin`), 'w')
    const records = Math.min(10_000, count - first)
    const bytes = new Uint8Array(records * record.length)
    for (let i = 0; i < records; i++) {
      const label = random.below(classes.length)
      const shift = random.below(noise.length - 3072)
      const phase = random.below(32)
      record[0] = label
      for (let at = 0; at < 3072; at++) {
        const [plane, x] = [at >> 10, at & 31]
        const stripe = ((x + phase) >> (1 + (label % 3))) & 1 ? 60 : 0
        record[1 + at] = ((label * 37 + plane * 61) % 130) + stripe + noise[shift + at]
      }
      bytes.set(record, i * record.length)
    }
    await handle.writeFile(bytes)
    await handle.close()
  }
}
