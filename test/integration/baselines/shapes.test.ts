/** Every method on data of every allowed kind, alone and in a study. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PNG } from 'pngjs'
import { describe, expect, it } from 'vitest'
import { methodIds, methods } from '#main/compute/methods.ts'
import { loadEngine } from '#main/compute/worker/engines/engine.ts'
import { Random } from '#shared/random.ts'
import { newBench, runStudy } from '../jobs/tiny-study.ts'
import { type Shape, sequence, tinyRequest, unlearn } from './tiny-request.ts'

const trained = methodIds.filter((id) => methods.get(id)?.run !== null)

const shapes: readonly (readonly [string, Shape])[] = [
  ['one grey image of two classes', { classCount: 2, forget: sequence(3, 4) }],
  ['half of a class of two, in colour', { classCount: 2, channels: 3, forget: Int32Array.of(0, 2, 4, 6, 8, 10) }],
  // Samples 0 and 100 are all that there is of the first of 100 classes.
  ['one colour image of a hundred classes', { classCount: 100, channels: 3, members: 200, forget: sequence(0, 1) }],
  ['images of all of a hundred classes', { classCount: 100, members: 200, forget: sequence(0, 100) }],
  ['one image, by a network with batch norm', { architecture: 'resnet-small', channels: 3, forget: sequence(7, 8) }],
]

describe.each(shapes)('forgetting %s', (_, shape) => {
  it('is what every method does: new finite weights, no tensor left', async () => {
    await using request = await tinyRequest(shape)
    const engine = await loadEngine('wasm')
    for (const method of trained) {
      const before = engine.memory().tensors
      const { params } = methods.get(method) ?? {}
      // One epoch is enough to see it work; batches that don't divide anything.
      const short = {
        epochs: 1,
        batchSize: 17,
        forgetBatchSize: 13,
        corrections: 1,
        samples: 2,
        maxSteps: 1,
        mapSteps: 5,
      }
      const options = Object.fromEntries(Object.entries(short).filter(([key]) => key in (params?.shape ?? {})))
      const { weights, object, cost, report } = await unlearn(request, method, options)
      expect(engine.memory().tensors, method).toBe(before)
      // Where F is half of all, no weight matters ten times more for it: SSD has nothing to do, and says so.
      const idle = method === 'ssd' && (report as { readonly dampened: number }).dampened === 0
      if (idle) expect(request.forget.length).toBe(request.retain.length)
      else expect(object, method).not.toBe(request.spec(method).inputs.original)
      for (const { data } of Object.values(weights)) expect(data.every(Number.isFinite), method).toBe(true)
      const counts = {
        members: request.forget.length + request.retain.length,
        forget: request.forget.length,
        retain: request.retain.length,
        classRetain: classRetain(request),
        twin: request.twin.length,
        classes: request.data.classCount,
      }
      // What TMU drops or repeats depends on labels that nobody knows beforehand.
      if (methods.get(method)?.family === 'baseline') {
        expect(cost, method).toMatchObject(methods.get(method)?.estimate(options, counts) ?? {})
      }
    }
  })
})

function classRetain({ rows, forget, retain }: Awaited<ReturnType<typeof tinyRequest>>): number {
  const classes = new Set(rows(forget).map(({ label }) => label))
  return rows(retain).filter(({ label }) => classes.has(label)).length
}

describe('a study of every method there is', () => {
  it('forgets one colour image, and says which figures cannot be had of one', async () => {
    await using bench = await newBench()
    const images = join(bench.root, 'images')
    await writeColours(images)
    const input = { path: images, name: 'colours', format: 'folder', strict: true, size: 8 } as const
    for await (const _ of bench.api.datasets.import(input));
    await rm(images, { recursive: true })
    await bench.api.forgetSets.create({
      name: 'one',
      dataset: 'colours',
      split: 'default',
      rule: { kind: 'random-count', count: 1 },
      seed: 1,
    })
    const study = await bench.api.studies.create({
      name: 'all',
      dataset: 'colours',
      forgetSet: 'one',
      architecture: 'mlp',
      methods: ['all'],
      seeds: 1,
      golds: 2,
      settings: { epochs: 4, batchSize: 16 },
    })
    const { result } = await runStudy(bench, study.id)
    expect(result.runs.map(({ method, state }) => `${method} ${state}`)).toEqual(
      ['gold', ...methodIds].map((method) => `${method} succeeded`),
    )
    const plan = await bench.api.studies.plan({ study: study.id })
    expect(plan.trains).toMatchObject({ originals: 0, golds: 0, twins: 0 })
    for (const { method, metrics } of result.runs) {
      // One image is no distribution: its accuracy is 0 or 1, and nothing can be said of its spread.
      expect([0, 1], method).toContain((metrics?.['forgetAccuracy'] as { readonly value: number }).value)
      expect(metrics?.['forgetAccuracy'], method).toMatchObject({ n: 1, ci: null })
      for (const [name, figure] of Object.entries(metrics ?? {})) {
        if ('absent' in figure) expect(figure.absent, `${method} ${name}`).toMatch(/\w+ \w+/)
        else expect(Number.isFinite(figure.value), `${method} ${name}`).toBe(true)
      }
    }
    expect(new Set(result.verdicts.map(({ label }) => label))).toEqual(new Set(['cannot tell']))
  }, 240_000)
})

/** Two classes of 8x8 colour images: red and blue ones, with noise. */
async function writeColours(folder: string): Promise<void> {
  for (const [label, name] of ['red', 'blue'].entries()) {
    await mkdir(join(folder, name), { recursive: true })
    for (let index = 0; index < 40; index++) {
      const random = Random.of(3, name, index)
      const png = new PNG({ width: 8, height: 8 })
      for (let i = 0; i < 64; i++) {
        const [strong, weak] = [150 + 40 * random.normal(), 100 + 40 * random.normal()]
        const light = (value: number): number => Math.max(0, Math.min(255, Math.round(value)))
        png.data.set([light(label === 0 ? strong : weak), 100, light(label === 0 ? weak : strong), 255], i * 4)
      }
      await writeFile(join(folder, name, `${index}.png`), PNG.sync.write(png))
    }
  }
}
