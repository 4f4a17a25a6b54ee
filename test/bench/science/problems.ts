/** The problems of `npm run bench:science`: which images are to be forgotten, from which network. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { methodIds } from '#main/compute/methods.ts'
import { gunzipPieces } from '#main/formats/gunzip.ts'
import { openInputFile } from '#main/formats/input-file.ts'
import type { Connection } from '#main/shell/connect.ts'
import { ByteReader } from '#main/workbench/datasets/sources/byte-reader.ts'
import { tarEntries } from '#main/workbench/datasets/sources/tar-entries.ts'
import type { ForgetSet } from '#shared/domain/forget-set.ts'

export interface Problem {
  /** What `--only` takes. */
  readonly id: string
  readonly title: string
  /** What is forgotten, for the page. */
  readonly about: string
  readonly data: 'fashion' | 'cifar'
  readonly forget: {
    readonly name: string
    readonly className?: string
    readonly fraction?: number
    readonly random?: number
  }
  readonly architecture: string
  readonly epochs: number
  readonly methods: readonly string[]
  /** Methods that keep their published settings: those of the guided study take this network apart. */
  readonly published?: readonly string[]
  /** Too long for the table that everybody makes. */
  readonly onlyIfNamed?: boolean
}

/** At the guided study's rates of .1 and .2 these leave 15 to 70 % of R right here, or diverge. */
const publishedOnCifar: readonly string[] = ['fine-tune', 'l1-sparse', 'random-labels', 'salun', 'cf-k', 'eu-k']

/** Where the question is how TMU's forms stand, not every baseline's. */
const fewMethods: readonly string[] = [
  'gold',
  'none',
  'tmu',
  'tmu-soft',
  'tmu-soft-retrained',
  'tmu-map',
  'rewind',
  'fine-tune',
  'scrub',
  'count-matched-random',
  'oracle',
]

export const problems: readonly Problem[] = [
  {
    id: 'fashion',
    title: 'Fashion-MNIST, 300 shirts',
    about: '300 of the 1,000 shirts among 4,600 members: the guided study’s problem',
    data: 'fashion',
    forget: { name: 'shirts-300', className: 'Shirt', fraction: 0.3 },
    architecture: 'tiny-cnn',
    epochs: 30,
    methods: methodIds,
  },
  {
    id: 'cifar',
    title: 'CIFAR-10 subset, 300 ships',
    about: '300 of the 1,200 ships among 6,600 members',
    data: 'cifar',
    forget: { name: 'ships', className: 'ship', fraction: 0.25 },
    architecture: 'small-cnn',
    epochs: 25,
    published: publishedOnCifar,
    methods: methodIds,
  },
  {
    id: 'several-classes',
    title: 'CIFAR-10 subset, 5 % of all classes',
    about: '330 members drawn at random, whatever their class',
    data: 'cifar',
    forget: { name: 'random-5-percent', random: 0.05 },
    architecture: 'small-cnn',
    epochs: 25,
    published: publishedOnCifar,
    methods: fewMethods,
  },
  {
    id: 'batch-norm',
    onlyIfNamed: true,
    title: 'Fashion-MNIST, 300 shirts, a network with batch norm',
    about: 'the first problem with residual blocks and batch norm',
    data: 'fashion',
    forget: { name: 'shirts-300', className: 'Shirt', fraction: 0.3 },
    architecture: 'resnet-small',
    epochs: 12,
    methods: fewMethods,
  },
]

/** Images of each class in the CIFAR-10 subset: of these, 70 % become members. */
const cifarImages = { usual: 857, ship: 1715 }
const cifarClasses = 10
/** In all, seen and unseen. */
export const cifarCount = (cifarClasses - 1) * cifarImages.usual + cifarImages.ship
const cifarName = 'cifar10-subset'

/** The problem's forget set, made at the first call together with its data set. */
export async function forgetSetOf(
  { forget, data }: Problem,
  { client }: Connection,
  cifar: { readonly archive: string; readonly scratch: string },
): Promise<ForgetSet> {
  const dataset =
    data === 'fashion' ? (await client.demo.prepare({ fast: false })).config.datasetId : await cifarSubset()
  const known = (await client.forgetSets.list()).find((set) => set.name === forget.name && set.datasetId === dataset)
  return known ?? (await client.forgetSets.create({ dataset, ...forget }))

  async function cifarSubset(): Promise<string> {
    const found = (await client.datasets.list()).find((candidate) => candidate.name === cifarName)
    if (found !== undefined) return found.id
    const folder = join(cifar.scratch, 'cifar-source')
    await unpackSubset(cifar.archive, folder)
    for await (const event of await client.datasets.import({ path: folder, name: cifarName })) void event
    await rm(folder, { recursive: true, force: true })
    return (await client.datasets.get({ dataset: cifarName })).id
  }
}

/** The first images of each class, in the archive's own order: the same subset for everybody. */
async function unpackSubset(archive: string, folder: string): Promise<void> {
  const counts = new Map<string, number>()
  await using file = await openInputFile(archive)
  const reader = new ByteReader(gunzipPieces(file))
  for await (const { name, size, kind } of tarEntries(reader)) {
    const [, split, label, image] = name.split('/')
    const taken = counts.get(label ?? '') ?? 0
    const wanted = label === 'ship' ? cifarImages.ship : cifarImages.usual
    if (kind !== 'file' || split !== 'train' || label === undefined || image === undefined || taken >= wanted) {
      await reader.skip(size)
      continue
    }
    counts.set(label, taken + 1)
    await mkdir(join(folder, label), { recursive: true })
    await writeFile(join(folder, label, image), await reader.take(size))
  }
}
