/**
 * Import rates and memory, each of a source made here: `npm run bench:import`. CIFAR binary of 60,000 images, a folder of
 * 32x32 PNG files and one of JPEG files, and a check of the 60,000. Memory is the peak of the child process's resident
 * set, read from the system every 20 ms. Exits with 1 when a limit is missed.
 */
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encode as encodeJpeg } from 'jpeg-js'
import { PNG } from 'pngjs'
import { ObjectStore } from '#main/artifacts/object-store.ts'
import { openStore } from '#main/store/open-store.ts'
import { createDatasetUseCases } from '#main/workbench/datasets/use-cases.ts'
import { Random } from '#shared/random.ts'
import { type Used, watchingLauncher } from './import/watching-launcher.ts'

const cifarImages = 60_000
const folderImages = Number(process.argv[2] ?? 6000)
const imageBytes = 3072
const limits = { cifar: 20_000, folder: 1500, mebibytes: 500 }

/** Smooth coloured patches with noise, so that files have the size of real ones. */
function picture(random: Random): Uint8Array {
  const pixels = new Uint8Array(imageBytes)
  const [fx, fy, phase] = [random.uniform() * 0.5, random.uniform() * 0.5, random.uniform() * 6]
  for (let y = 0; y < 32; y++) {
    for (let x = 0; x < 32; x++) {
      for (let channel = 0; channel < 3; channel++) {
        pixels[(y * 32 + x) * 3 + channel] = 128 + 90 * Math.sin(fx * x + fy * y + phase + channel) + random.below(24)
      }
    }
  }
  return pixels
}

async function writeCifar(folder: string): Promise<void> {
  await mkdir(folder)
  const random = Random.of(1, 'cifar')
  const base = Array.from({ length: 64 }, () => picture(random))
  for (let batch = 0; batch < 6; batch++) {
    const handle = await open(join(folder, batch === 5 ? 'test_batch.bin' : `data_batch_${batch + 1}.bin`), 'w')
    for (let part = 0; part < 10; part++) {
      const bytes = new Uint8Array(1000 * (1 + imageBytes))
      for (let i = 0; i < 1000; i++) {
        const at = i * (1 + imageBytes)
        bytes[at] = i % 10
        bytes.set(base[random.below(64)], at + 1)
        for (let j = 0; j < 40; j++) bytes[at + 1 + random.below(imageBytes)] = random.below(256)
      }
      await handle.write(bytes)
    }
    await handle.close()
  }
}

async function writeFolder(folder: string, kind: 'png' | 'jpg'): Promise<void> {
  const random = Random.of(2, kind)
  for (let i = 0; i < folderImages; i++) {
    const path = join(folder, `class ${i % 10}`)
    if (i < 10) await mkdir(path, { recursive: true })
    const rgb = picture(random)
    const rgba = new Uint8Array(32 * 32 * 4).fill(255)
    for (let p = 0; p < 1024; p++) rgba.set(rgb.subarray(p * 3, p * 3 + 3), p * 4)
    const png = new PNG({ width: 32, height: 32 })
    png.data.set(rgba)
    const bytes = kind === 'png' ? PNG.sync.write(png) : encodeJpeg({ width: 32, height: 32, data: rgba }, 90).data
    await writeFile(join(path, `${i}.${kind}`), bytes)
  }
}

const root = await mkdtemp(join(tmpdir(), 'tmu-bench-import-'))
let missed = false
try {
  const store = await openStore(join(root, 'workspace'), { minimumFreeBytes: 0 })
  const watch = watchingLauncher()
  const objects = new ObjectStore(store.paths.objects)
  const { datasets } = createDatasetUseCases({
    ...store.repositories,
    isReferenced: (object) => store.repositories.references.isReferenced(object),
    countReferences: () => store.repositories.references.countReferences(),
    launcher: watch.launcher,
    objects,
    cache: store.paths.cache,
  })
  const say = (what: string, count: number, seconds: number, limit: number | null, { mebibytes, cpu }: Used): void => {
    const rate = count / seconds
    const wrong = (limit !== null && rate < limit) || mebibytes > limits.mebibytes
    missed ||= wrong
    const asked = limit === null ? '' : ` (at least ${limit})`
    console.log(
      `${what.padEnd(34)} ${Math.round(rate).toLocaleString('en-GB').padStart(8)} images/s${asked}, ${cpu === 0 ? '' : `${Math.round(count / cpu).toLocaleString('en-GB')} a CPU second, `}peak ${Math.round(mebibytes)} MiB (at most ${limits.mebibytes})${wrong ? '  MISSED' : ''}`,
    )
  }
  const measure = async (what: string, path: string, name: string, limit: number): Promise<void> => {
    const start = performance.now()
    for await (const _ of datasets.import({ path, name, strict: true, format: 'auto' }));
    const seconds = (performance.now() - start) / 1000
    const { sampleCount } = await datasets.get({ dataset: name })
    say(what, sampleCount, seconds, limit, watch.used())
  }
  await writeCifar(join(root, 'cifar'))
  await measure('CIFAR binary, 60,000 of 32x32', join(root, 'cifar'), 'cifar', limits.cifar)
  for (const kind of ['png', 'jpg'] as const) {
    await writeFolder(join(root, kind), kind)
    await measure(`${kind.toUpperCase()} folder, ${folderImages} of 32x32`, join(root, kind), kind, limits.folder)
  }
  const start = performance.now()
  for await (const _ of datasets.check({ dataset: 'cifar', again: true }));
  const seconds = (performance.now() - start) / 1000
  say(`quality check (${seconds.toFixed(1)} s)`, cifarImages, seconds, null, watch.used())
  await store.close()
} finally {
  await rm(root, { recursive: true, force: true })
}
process.exitCode = missed ? 1 : 0
