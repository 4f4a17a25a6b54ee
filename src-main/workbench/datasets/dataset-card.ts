import type { Dataset, Split } from '#shared/domain/dataset.ts'
import { requireDataset } from './find.ts'
import type { DatasetDependencies } from './ports.ts'

type Json = Readonly<Record<string, unknown>>

/** The context that Croissant prescribes, as its validator (mlcroissant) expects it. */
const context = {
  '@language': 'en',
  '@vocab': 'https://schema.org/',
  citeAs: 'cr:citeAs',
  column: 'cr:column',
  conformsTo: 'dct:conformsTo',
  cr: 'http://mlcommons.org/croissant/',
  data: { '@id': 'cr:data', '@type': '@json' },
  dataType: { '@id': 'cr:dataType', '@type': '@vocab' },
  dct: 'http://purl.org/dc/terms/',
  equivalentProperty: 'cr:equivalentProperty',
  examples: { '@id': 'cr:examples', '@type': '@json' },
  extract: 'cr:extract',
  field: 'cr:field',
  fileObject: 'cr:fileObject',
  fileProperty: 'cr:fileProperty',
  fileSet: 'cr:fileSet',
  format: 'cr:format',
  includes: 'cr:includes',
  isLiveDataset: 'cr:isLiveDataset',
  jsonPath: 'cr:jsonPath',
  key: 'cr:key',
  md5: 'cr:md5',
  parentField: 'cr:parentField',
  path: 'cr:path',
  rai: 'http://mlcommons.org/croissant/RAI/',
  recordSet: 'cr:recordSet',
  references: 'cr:references',
  regex: 'cr:regex',
  repeated: 'cr:repeated',
  replace: 'cr:replace',
  samplingRate: 'cr:samplingRate',
  sc: 'https://schema.org/',
  separator: 'cr:separator',
  source: 'cr:source',
  subField: 'cr:subField',
  transform: 'cr:transform',
} as const

/**
 * A data set's card as Croissant 1.0 (https://docs.mlcommons.org/croissant/docs/croissant-spec.html): what it holds,
 * where it is from, under which licence, the SHA-256 of every object, its classes, group columns and splits.
 * @throws AppError `not-found`.
 */
export async function datasetCard(dependencies: DatasetDependencies, reference: string): Promise<Json> {
  const dataset = requireDataset(dependencies, reference)
  const splits = dependencies.splits.listSplits(dataset.id)
  const files = await Promise.all(
    objectsOf(dataset, splits).map(async (object) => ({
      ...object,
      size: await dependencies.objects.size(object.hash),
    })),
  )
  return {
    '@context': context,
    '@type': 'sc:Dataset',
    conformsTo: 'http://mlcommons.org/croissant/1.0',
    name: dataset.name,
    description: describe(dataset),
    license: dataset.licence ?? 'unknown: the licence was not stated at import',
    url: addressOf(dataset.source),
    version: '1.0.0',
    datePublished: dataset.createdAt,
    citeAs: `${dataset.name}, imported from ${dataset.source} on ${dataset.createdAt.slice(0, 10)}`,
    distribution: files.map(({ name, hash, description, size }) => ({
      '@type': 'cr:FileObject',
      '@id': name,
      name,
      description,
      contentUrl: `objects/${hash.slice(0, 2)}/${hash.slice(2)}`,
      encodingFormat: 'application/octet-stream',
      sha256: hash,
      ...(size === null ? {} : { contentSize: `${size} B` }),
    })),
    recordSet: [
      {
        '@type': 'cr:RecordSet',
        '@id': 'classes',
        name: 'classes',
        dataType: 'sc:Enumeration',
        key: { '@id': 'classes/name' },
        field: [field('classes/name', 'sc:Text', 'The class.'), field('classes/count', 'sc:Integer', 'Its images.')],
        data: dataset.classes.map(({ name, count }) => ({ 'classes/name': name, 'classes/count': count })),
      },
      {
        '@type': 'cr:RecordSet',
        '@id': 'splits',
        name: 'splits',
        key: { '@id': 'splits/name' },
        field: [
          field(
            'splits/name',
            'sc:Text',
            'Members are trained on, the twin pool trains the twin, evaluation measures.',
          ),
          field('splits/members', 'sc:Integer', 'Number of members D.'),
          field('splits/twin_pool', 'sc:Integer', 'Number of samples of the twin pool H.'),
          field('splits/evaluation', 'sc:Integer', 'Number of evaluation samples E.'),
          field('splits/seed', 'sc:Integer', 'Seed of the dealing.'),
          field('splits/rule', 'sc:Text', 'Rule of the dealing, as JSON.'),
        ],
        data: splits.map((split) => ({
          'splits/name': split.name,
          'splits/members': sum(split.counts.members),
          'splits/twin_pool': sum(split.counts.twinPool),
          'splits/evaluation': sum(split.counts.evaluation),
          'splits/seed': split.seed,
          'splits/rule': JSON.stringify(split.rule),
        })),
      },
      ...(dataset.groups.length === 0
        ? []
        : [
            {
              '@type': 'cr:RecordSet',
              '@id': 'groups',
              name: 'groups',
              key: { '@id': 'groups/name' },
              field: [
                field('groups/name', 'sc:Text', 'A group column: what samples belong to beside their class.'),
                field('groups/values', 'sc:Integer', 'Number of its values.'),
              ],
              data: dataset.groups.map(({ name, values }) => ({ 'groups/name': name, 'groups/values': values.length })),
            },
          ]),
    ],
  }
}

function field(id: string, dataType: string, description: string): Json {
  return { '@type': 'cr:Field', '@id': id, name: id, description, dataType }
}

function describe(dataset: Dataset): string {
  const [height, width, channels] = dataset.shape
  const copies = dataset.duplicateCount > 0 ? ` ${dataset.duplicateCount} are exact copies of others.` : ''
  const left = dataset.problems.length > 0 ? ` ${dataset.problems.length} files were left out at import.` : ''
  return `${dataset.sampleCount} images of ${height}x${width} pixels in ${channels === 1 ? 'one channel' : `${channels} channels`}, ${dataset.classes.length} classes, uint8.${copies}${left}`
}

/** An address where the source is one; a path is nobody else's business, and no address. */
function addressOf(source: string): string {
  return /^https?:\/\//.test(source) ? source : `file:///${encodeURIComponent(source.split(/[\\/]/).at(-1) ?? '')}`
}

interface NamedObject {
  readonly name: string
  readonly hash: string & Dataset['images']
  readonly description: string
}

function objectsOf(dataset: Dataset, splits: readonly Split[]): readonly NamedObject[] {
  const [height, width, channels] = dataset.shape
  const named: NamedObject[] = [
    {
      name: 'images.bin',
      hash: dataset.images,
      description: `uint8 [${dataset.sampleCount}, ${height}, ${width}, ${channels}], row-major, nothing else`,
    },
    { name: 'labels.safetensors', hash: dataset.labels, description: 'labels int32 [n], indices of the classes' },
    { name: 'samples.json', hash: dataset.samples, description: 'names, given splits and exact copies of the samples' },
  ]
  for (const { name, codes } of dataset.groups) {
    named.push({
      name: `group-${name}.safetensors`,
      hash: codes,
      description: `codes int32 [n] of the group column ${name}, -1 unknown`,
    })
  }
  for (const { name, members, twinPool, evaluation } of splits) {
    for (const [side, hash] of [
      ['members', members],
      ['twin-pool', twinPool],
      ['evaluation', evaluation],
    ] as const) {
      named.push({
        name: `split-${name}-${side}.safetensors`,
        hash,
        description: `ids int32 [n] of the ${side} of the split ${name}`,
      })
    }
  }
  return named
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}
