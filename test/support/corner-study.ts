/** Studies at the edges of what is allowed, run to the end with everything that is then read of them. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PNG } from 'pngjs'
import { methodIds } from '#main/compute/methods.ts'
import { parseSafetensors } from '#main/formats/safetensors.ts'
import { describeResult } from '#main/shell/cli/result-text.ts'
import { describeStatistics } from '#main/shell/cli/statistics-text.ts'
import { studyTables } from '#main/shell/cli/study-tables.ts'
import { type AttackId, attackIds } from '#shared/domain/attack.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import type { ForgetRule } from '#shared/domain/forget-set.ts'
import type { StudyResult } from '#shared/domain/study.ts'
import { Random } from '#shared/random.ts'
import { newBench, runStudy } from '#test/integration/jobs/tiny-study.ts'

export interface Corner {
  readonly name: string
  readonly classes: number
  readonly perClass: number
  readonly channels: 1 | 3
  readonly forget: ForgetRule
  readonly methods?: readonly string[]
  readonly attacks?: readonly AttackId[]
  readonly shadows?: number
  readonly architecture?: string
}

/** Class 0 of a corner's data set. */
export const firstClass = 'c00'
const side = 8

export const corners: readonly Corner[] = [
  {
    name: 'one colour image of two classes',
    classes: 2,
    perClass: 40,
    channels: 3,
    forget: { kind: 'random-count', count: 1 },
  },
  {
    name: 'half of a class of two, grey',
    classes: 2,
    perClass: 40,
    channels: 1,
    forget: { kind: 'class', className: firstClass, fraction: 0.5 },
  },
  {
    name: 'one grey image of a hundred classes',
    classes: 100,
    perClass: 8,
    channels: 1,
    forget: { kind: 'random-count', count: 1 },
  },
  {
    name: 'half of a class of a hundred, in colour',
    classes: 100,
    perClass: 8,
    channels: 3,
    forget: { kind: 'class', className: firstClass, fraction: 0.5 },
  },
  {
    name: 'a tenth of all of a hundred classes, grey',
    classes: 100,
    perClass: 8,
    channels: 1,
    forget: { kind: 'random', fraction: 0.1 },
  },
  {
    name: 'two clusters of three classes, in colour',
    classes: 3,
    perClass: 40,
    channels: 3,
    forget: { kind: 'cluster', clusters: 6, chosen: [2, 5], within: null },
  },
  {
    name: 'one image by a network with batch norm',
    classes: 2,
    perClass: 30,
    channels: 3,
    forget: { kind: 'random-count', count: 1 },
    architecture: 'resnet-small',
  },
]

export interface CornerOutcome {
  readonly result: StudyResult
  readonly failed: readonly string[]
  /** Every number that isn't one, and every text that shows one, by where it stands. */
  readonly wrong: readonly string[]
  /** Why figures can't be had. */
  readonly reasons: readonly string[]
}

/** Makes the data, runs every method and attack, and reads all results, tables, texts and an exported model. */
export async function runCorner(corner: Corner, engine: EngineId): Promise<CornerOutcome> {
  const {
    classes,
    perClass,
    channels,
    forget,
    methods = ['all'],
    attacks = attackIds,
    shadows = 4,
    architecture = 'mlp',
  } = corner
  await using bench = await newBench()
  const images = join(bench.root, 'images')
  await writeImages(images, classes, perClass, channels)
  const input = { path: images, name: 'data', format: 'folder', strict: true, size: side } as const
  for await (const _ of bench.api.datasets.import(input));
  await rm(images, { recursive: true })
  const data = { dataset: 'data', split: 'default', seed: 1 }
  const settings: Record<string, number> = attacks.includes('relearn') ? { 'relearn.steps': 5 } : {}
  await bench.api.forgetSets.create({ ...data, name: 'F', rule: forget })
  const study = await bench.api.studies.create({
    name: 'corner',
    dataset: 'data',
    forgetSet: 'F',
    architecture,
    methods: [...methods],
    seeds: 1,
    golds: 2,
    engine,
    settings: { epochs: 4, batchSize: 16 },
    attack: { attacks: [...attacks], shadows, models: 2, settings },
  })
  const { result } = await runStudy(bench, study.id)
  const found = await bench.api.studies.attackResults({ study: study.id })
  const statistics = await bench.api.studies.statistics({ study: study.id })
  const { id = '' } = result.runs.find(({ method }) => method === 'fine-tune') ?? {}
  const exported = await bench.api.models.export({
    run: id,
    format: 'safetensors',
    overwrite: false,
    path: join(bench.root, 'model.safetensors'),
  })
  const weights = parseSafetensors(await readFile(exported.files[0]), 'the exported model').tensors
  const texts = {
    result: describeResult(result),
    statistics: describeStatistics(statistics, null),
    tables: JSON.stringify(studyTables(result, found)),
  }
  const wrong = [
    ...wrongNumbers({ result, found, statistics }, ''),
    ...[...weights].flatMap(([name, { data: values }]) =>
      Array.from(values as ArrayLike<number>).every(Number.isFinite) ? [] : [`weights ${name}`],
    ),
    ...Object.entries(texts).flatMap(([name, text]) => {
      const at = /NaN|Infinity|undefined|\[object/.exec(text)
      return at === null ? [] : [`${name}: ${text.slice(Math.max(0, at.index - 60), at.index + 40)}`]
    }),
  ]
  const failed = [
    ...result.runs
      .filter(({ state }) => state !== 'succeeded')
      .map(({ method, error }) => `${method}: ${error?.message}`),
    ...found.rows
      .filter(({ state }) => state !== 'succeeded')
      .map(({ attack, method, error }) => `${attack} on ${method}: ${error}`),
    // Oracle labels take a gold, the controls a twin: none of them is left out here.
    ...(methods[0] === 'all' ? methodIds : []).filter((method) => !result.runs.some((run) => run.method === method)),
  ]
  return { result, failed, wrong, reasons: [...new Set(reasonsIn({ result, found }))].sort() }
}

function* wrongNumbers(value: unknown, path: string): Generator<string> {
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) yield `${path} = ${value}`
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) yield* wrongNumbers(inner, `${path}.${key}`)
  }
}

function* reasonsIn(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null) return
  for (const [key, inner] of Object.entries(value)) {
    if (key === 'absent' && typeof inner === 'string') yield inner
    else yield* reasonsIn(inner)
  }
}

/** Each class has a pattern of its own that noise half hides. */
async function writeImages(folder: string, classes: number, perClass: number, channels: 1 | 3): Promise<void> {
  for (let label = 0; label < classes; label++) {
    const name = `c${String(label).padStart(2, '0')}`
    await mkdir(join(folder, name), { recursive: true })
    const own = Random.of(label, 'pattern')
    const pattern = Array.from({ length: side * side * channels }, () => 128 + 40 * own.normal())
    for (let index = 0; index < perClass; index++) {
      const random = Random.of(3, name, index)
      const png = new PNG({ width: side, height: side })
      for (let i = 0; i < side * side; i++) {
        const light = (channel: number): number => {
          const value = pattern[i * channels + (channels === 1 ? 0 : channel)] + 40 * random.normal()
          return Math.max(0, Math.min(255, Math.round(value)))
        }
        const grey = light(0)
        png.data.set(channels === 1 ? [grey, grey, grey, 255] : [grey, light(1), light(2), 255], i * 4)
      }
      const colours = channels === 1 ? ({ colorType: 0 } as const) : {}
      await writeFile(join(folder, name, `${index}.png`), PNG.sync.write(png, colours))
    }
  }
}
