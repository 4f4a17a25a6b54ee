/**
 * Real image sets from their archives to a finished study of a group forget set: `npm run bench:real-sets [-- NAME …]`.
 * They are looked for in ../shared/data (else TMU_TEST_DATA names the folder); what isn't there is said and left out.
 * Prints the rate and peak memory of each import and check, what was forgotten, and how the study ended. One
 * epoch and few methods: it shows that all of it works, not how well. Exits with 1 when anything fails.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { unpackInt32 } from '#main/shell/cli/packed.ts'
import { connect } from '#main/shell/connect.ts'
import type { Dataset, GroupRule, Split } from '#shared/domain/dataset.ts'
import { isPresent } from '#shared/domain/metrics.ts'
import { sampleParts } from '#shared/domain/sample.ts'
import { watchingLauncher } from './import/watching-launcher.ts'

interface RealSet {
  readonly name: string
  /** Of the images of the archive, and of the values of its group column. */
  readonly images: number
  readonly groups: number
  readonly column: string
  /** How the group column is found, where the archive was unpacked to. */
  readonly rule: (folder: string) => Promise<GroupRule>
  /** Whether whole groups go to one side, so that all of the group is in D. */
  readonly apart: boolean
}

const sets: readonly RealSet[] = [
  {
    name: 'lfw-faces',
    images: 2363,
    groups: 34,
    column: 'person',
    rule: async () => ({ kind: 'level', level: 1, name: 'person' }),
    apart: false,
  },
  {
    name: 'malaria-cells',
    images: 27_558,
    groups: 200,
    column: 'slide',
    rule: async (folder) => ({ kind: 'csv', path: join(folder, 'slides.tsv'), key: 'slide', columns: ['slide'] }),
    apart: true,
  },
  {
    // The archive says nothing of where its photographs came from: a hundred numbers of each class stand for a delivery.
    name: 'cifar10-jpeg',
    images: 60_000,
    groups: 50,
    column: 'delivery',
    rule: async () => ({ kind: 'pattern', pattern: '(?<delivery>\\d\\d)\\d\\d\\.jpg$' }),
    apart: false,
  },
  {
    // Nor does this one: its numbers are dealt out to wards by a table, as a hospital might send one along.
    name: 'pneumoniamnist',
    images: 5827,
    groups: 40,
    column: 'ward',
    rule: async (folder) => ({ kind: 'csv', path: await writeWards(folder), key: 'file', columns: ['ward'] }),
    apart: false,
  },
]

/** By name of the group column as well: that both ways find the same patients is part of what is shown. */
const slidePattern = '(?<slide>C\\d+(?:P\\d+)?(?:N\\d+)?)'

async function writeWards(folder: string): Promise<string> {
  const rows: string[] = []
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.png')) continue
    const path = join(entry.parentPath, entry.name).slice(folder.length + 1)
    rows.push(`${path},W${Number(entry.name.replace('.png', '')) % 40}`)
  }
  const table = join(folder, '..', 'wards.csv')
  await writeFile(table, `file,ward\n${rows.join('\n')}\n`)
  return table
}

const data = process.env['TMU_TEST_DATA'] ?? resolve(import.meta.dirname, '..', '..', '..', 'shared', 'data')
const asked = process.argv.slice(2)
const root = await mkdtemp(join(tmpdir(), 'tmu-bench-real-'))
const watch = watchingLauncher('dataset-worker')
const connection = await connect({
  workspace: join(root, 'workspace'),
  mode: 'write',
  shell: 'cli',
  launcher: watch.launcher,
  note: () => {},
})
const { client } = connection
let failed = false
const require = (holds: boolean, what: string): void => {
  if (holds) return
  failed = true
  console.log(`  FAILED: ${what}`)
}

async function timed(what: string, count: number, work: () => Promise<unknown>): Promise<void> {
  const start = performance.now()
  await work()
  const seconds = (performance.now() - start) / 1000
  const { mebibytes, cpu } = watch.used()
  console.log(
    `  ${what}: ${seconds.toFixed(1)} s, ${Math.round(count / seconds)} images/s (${Math.round(count / Math.max(cpu, 0.01))} a CPU second), peak ${Math.round(mebibytes)} MiB`,
  )
  require(mebibytes <= 500, `${what} took more than 500 MiB`)
}

async function finish(events: Promise<AsyncIterable<unknown>>): Promise<void> {
  for await (const _ of await events);
}

async function show(set: RealSet): Promise<void> {
  const { name, column } = set
  const archive = join(data, `${name}.tar.gz`)
  if (!existsSync(archive)) return console.log(`${name}: left out, there is no ${archive}`)
  if (asked.length > 0 && !asked.includes(name)) return
  console.log(name)
  const folder = join(root, 'source')
  await rm(folder, { recursive: true, force: true })
  const unpacked = spawnSync('sh', [
    '-c',
    'mkdir "$2" && tar xzf "$1" -C "$2" --strip-components 1',
    'sh',
    archive,
    folder,
  ])
  if (unpacked.status !== 0) throw new Error(`tar: ${String(unpacked.stderr)}`)

  const rule = await set.rule(folder)
  await timed('import of the archive', set.images, () =>
    finish(client.datasets.import({ path: archive, name, strict: true, groups: [rule] })),
  )
  const dataset = await client.datasets.get({ dataset: name })
  const [given] = await client.splits.list({ dataset: name })
  require(dataset.sampleCount === set.images, `it has ${dataset.sampleCount} images`)
  require(dataset.problems.length === 0, `${dataset.problems.length} files were left out`)
  const found = dataset.groups.find((each) => each.name === column)
  require(found?.values.length === set.groups, `it has ${found?.values.length ?? 'no'} ${column} values`)
  console.log(`  ${describe(dataset)}; E by ${given === undefined ? 'nothing' : evaluationOf(given)}`)
  await timed('quality check', set.images, () => finish(client.datasets.check({ dataset: name })))
  if (name === 'malaria-cells') {
    const [byName] = await client.datasets.previewGroups({
      dataset: name,
      rules: [{ kind: 'pattern', pattern: slidePattern }],
    })
    require(byName?.valueCount === set.groups && byName.unmatched === 0, 'the file names give other slides')
    console.log(`  by file name: ${byName?.valueCount ?? 0} slides, ${byName?.unmatched ?? 0} images without`)
  }

  if (set.apart) await client.splits.create({ dataset: name, name: 'apart', groupKey: column })
  const split = set.apart ? 'apart' : 'default'
  const group = await middleGroup(dataset, column, split)
  const forgetSet = await client.forgetSets.create({
    name: `${name} ${group}`,
    dataset: name,
    split,
    group: { column, value: group },
  })
  const report = await client.datasets.quality({ dataset: name, split, forgetSet: forgetSet.id })
  const leaks = (report?.leakage ?? []).filter(({ kind }) => kind === 'group')
  console.log(
    `  forget ${column} ${group}: ${forgetSet.count} images; of the same ${column} on two sides: ${leaks.length === 0 ? 'none' : leaks.map(({ pair, crossings }) => `${crossings.total} between ${pair}`).join(', ')}`,
  )
  if (set.apart) require(leaks.length === 0, `a ${column} is on two sides`)

  const study = await client.studies.create({
    name,
    dataset: name,
    forgetSet: forgetSet.id,
    methods: ['gold', 'none', 'fine-tune'],
    golds: 1,
    settings: { epochs: 1 },
  })
  const start = performance.now()
  await client.studies.run({ study: study.id })
  for await (const event of await client.studies.watch({ study: study.id })) if (event.kind === 'finished') break
  const { state } = await client.studies.get({ study: study.id })
  const runs = await client.runs.list({ study: study.id })
  const [accuracy] = runs.flatMap(({ method, metrics }) =>
    method === 'fine-tune' && metrics?.['forgetAccuracy'] !== undefined ? [metrics['forgetAccuracy']] : [],
  )
  console.log(
    `  study (one epoch): ${state} in ${((performance.now() - start) / 1000).toFixed(0)} s, ${runs.length} runs; fine-tune knows ${accuracy !== undefined && isPresent(accuracy) ? `${(100 * accuracy.value).toFixed(1)} %` : 'none'} of F`,
  )
  require(state === 'succeeded', 'the study did not end well')
}

/** Neither the largest nor a tiny one of the groups that have members. */
async function middleGroup({ id, groups }: Dataset, column: string, split: string): Promise<string> {
  const [{ groups: packed }, { parts }] = await Promise.all([
    client.samples.columns({ dataset: id }),
    client.samples.parts({ dataset: id, split }),
  ])
  const codes = unpackInt32(packed.find(({ name }) => name === column)?.codes ?? '')
  const members = sampleParts.indexOf('members')
  const sizes = new Map<number, number>()
  Buffer.from(parts, 'base64').forEach((part, sample) => {
    if (part === members) sizes.set(codes[sample], (sizes.get(codes[sample]) ?? 0) + 1)
  })
  const bySize = [...sizes].sort(([a, sizeA], [b, sizeB]) => sizeB - sizeA || a - b)
  const [code] = bySize[Math.floor(bySize.length / 4)] ?? [-1]
  return groups.find(({ name }) => name === column)?.values[code] ?? ''
}

function describe({ sampleCount, classes, shape, groups }: Dataset): string {
  const columns = groups.map((each) => `${each.values.length} ${each.name}s`).join(', ')
  return `${sampleCount} images of ${shape.join('x')}, ${classes.length} classes, ${columns}`
}

function evaluationOf({ rule, counts }: Split): string {
  const total = counts.evaluation.reduce((sum, count) => sum + count, 0)
  return 'evaluationFolder' in rule ? `the given folder ${rule.evaluationFolder} (${total})` : `shares (${total})`
}

try {
  for (const set of sets) await show(set)
} finally {
  await connection.close()
  await rm(root, { recursive: true, force: true })
}
process.exitCode = failed ? 1 : 0
