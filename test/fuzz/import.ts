/**
 * Spoils honest sources at random and imports them: `npm run test:fuzz [-- COUNT [FIRST-SEED]]`, 20,000 by default. Each
 * must be refused, imported or imported with problems listed, within two seconds of processor time and without a file
 * outside its staging folder. Prints the seed of each that isn't; `-- 1 SEED` runs it alone.
 */

import { gzipSync } from 'node:zlib'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { Random } from '#shared/random.ts'
import {
  cifarBatch,
  good,
  goodArrays,
  goodTar,
  goodZip,
  idxImages,
  idxLabels,
  jpeg,
  npz,
  png,
} from '#test/fixtures/hostile/bytes.ts'
import type { Files } from '#test/fixtures/hostile/case.ts'
import { runHostile } from '#test/support/run-hostile.ts'

interface Honest {
  readonly name: string
  readonly files: Readonly<Record<string, Uint8Array>>
  /** The file that is spoilt. */
  readonly target: string
  readonly path?: string
}

const bytes = (value: string): Uint8Array => Buffer.from(value)
const single = (name: string, content: Uint8Array): Honest => ({
  name,
  files: { [name]: content },
  target: name,
  path: name,
})
const pixelRow = (label: number): string =>
  [label, ...Array.from({ length: 16 }, (_, i) => (i * 13 + label) % 256)].join(',')

const sources: readonly Honest[] = [
  { name: 'png', files: { ...good(), 'a/x.png': png(5) }, target: 'a/x.png' },
  { name: 'jpeg', files: { ...good(), 'a/x.jpg': jpeg(5, 16) }, target: 'a/x.jpg' },
  single('set.zip', goodZip()),
  single('set.tar', goodTar()),
  single('set.tgz', gzipSync(goodTar())),
  { name: 'cifar', files: { 'data_batch_1.bin': cifarBatch([0, 1]) }, target: 'data_batch_1.bin' },
  {
    name: 'idx images',
    files: { 'x-images-idx3-ubyte': idxImages(), 'x-labels-idx1-ubyte': idxLabels(0, 1, 0, 1) },
    target: 'x-images-idx3-ubyte',
  },
  {
    name: 'idx labels',
    files: { 'x-images-idx3-ubyte': idxImages(), 'x-labels-idx1-ubyte': idxLabels(0, 1, 0, 1) },
    target: 'x-labels-idx1-ubyte',
  },
  {
    name: 'idx packed',
    files: {
      'x-images-idx3-ubyte.gz': gzipSync(idxImages()),
      'x-labels-idx1-ubyte.gz': gzipSync(idxLabels(0, 1, 0, 1)),
    },
    target: 'x-images-idx3-ubyte.gz',
  },
  single('set.npz', npz(goodArrays())),
  {
    name: 'csv of paths',
    files: { ...good(), 'labels.csv': bytes('path,label,group_p\na/1.png,x,p1\n"b/1.png",y,p2\na/2.png,"x",\n') },
    target: 'labels.csv',
    path: 'labels.csv',
  },
  single('pixels.csv', bytes([0, 1, 0].map(pixelRow).join('\n'))),
  single(
    'train.parquet',
    Buffer.from(
      parquetWriteBuffer({
        columnData: [
          { name: 'image', data: [png(1), png(60), png(120)], type: 'BYTE_ARRAY' },
          { name: 'label', data: [0, 1, 0], type: 'INT32' },
        ],
      }),
    ),
  ),
  {
    name: 'json',
    files: {
      '0.json': bytes(JSON.stringify({ data: [Array(16).fill(3)] })),
      '1.json': bytes(JSON.stringify({ data: [Array(16).fill(9)] })),
    },
    target: '0.json',
  },
]

/** Values that lengths and counts go wrong at. */
const edges = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0xffffffff]

function spoil(honest: Uint8Array, random: Random): Buffer {
  let spoilt = Buffer.from(honest)
  for (let left = 1 + random.below(4); left > 0 && spoilt.length > 0; left--) {
    const at = random.below(spoilt.length)
    switch (random.below(8)) {
      case 0:
        spoilt[at] ^= 1 << random.below(8)
        break
      case 1:
        spoilt[at] = random.below(256)
        break
      case 2:
        spoilt = spoilt.subarray(0, at)
        break
      case 3: {
        const end = Math.min(spoilt.length, at + 1 + random.below(64))
        spoilt = Buffer.concat([spoilt.subarray(0, at), spoilt.subarray(end)])
        break
      }
      case 4: {
        const from = random.below(spoilt.length)
        spoilt = Buffer.concat([
          spoilt.subarray(0, at),
          spoilt.subarray(from, from + random.below(256)),
          spoilt.subarray(at),
        ])
        break
      }
      case 5:
        if (at + 4 <= spoilt.length) spoilt.writeUInt32LE(edges[random.below(edges.length)], at)
        break
      case 6:
        if (at + 4 <= spoilt.length) spoilt.writeUInt32BE(edges[random.below(edges.length)], at)
        break
      default:
        spoilt.fill(random.below(2) === 0 ? 0 : 0xff, at, Math.min(spoilt.length, at + random.below(32)))
    }
  }
  return spoilt
}

const count = Number(process.argv[2] ?? 20_000)
const first = Number(process.argv[3] ?? 1)
const outcomes = { refused: 0, skipped: 0, imported: 0, crashed: 0 }
let wrong = 0
let slowest = 0
for (let seed = first; seed < first + count; seed++) {
  const random = Random.of(seed, 'fuzz')
  const source = sources[random.below(sources.length)]
  const files: Files = { ...source.files, [source.target]: spoil(source.files[source.target], random) }
  const result = await runHostile({ files: () => files, ...(source.path === undefined ? {} : { path: source.path }) })
  outcomes[result.outcome]++
  slowest = Math.max(slowest, result.seconds)
  if (result.outcome === 'crashed' || result.seconds > 2 || result.strays.length > 0) {
    wrong++
    console.log(
      `seed ${seed} (${source.name}): ${result.outcome}, ${result.seconds.toFixed(2)} s, ${result.strays.join(', ')} ${result.texts.join('; ').slice(0, 600)}`,
    )
  }
  if ((seed - first + 1) % 1000 === 0) console.log(`${seed - first + 1} of ${count}: ${JSON.stringify(outcomes)}`)
}
console.log(
  `${count} sources from seed ${first}: ${outcomes.refused} refused, ${outcomes.skipped} imported in part, ${outcomes.imported} imported, ${outcomes.crashed} crashed; slowest ${slowest.toFixed(2)} s; ${wrong} wrong`,
)
process.exitCode = wrong > 0 ? 1 : 0
