import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeSafetensors, readSafetensorsFile } from '#main/formats/safetensors.ts'
import type { NumericTensor } from '#main/formats/tensor.ts'
import type { RunId } from '#shared/ids.ts'
import { type Bench, createStudy, datasetName, newBench, runStudy, withDataset } from '../jobs/tiny-study.ts'

describe('a model that leaves one study and enters another', () => {
  let bench: Bench
  let folder: string
  let file: string
  let exported: ReadonlyMap<string, NumericTensor>

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tmu-models-'))
    file = join(folder, 'original.safetensors')
    bench = await withDataset(await newBench())
    const study = await createStudy(bench, {
      name: 'first',
      methods: ['none'],
      golds: 1,
      architecture: 'resnet-small',
      settings: { epochs: 1, batchSize: 32 },
    })
    await runStudy(bench, study)
    await bench.api.models.export({ run: await runOf('first'), path: file, format: 'safetensors', overwrite: false })
    exported = (await readSafetensorsFile(file)).tensors
  })
  afterAll(async () => {
    await bench[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  async function runOf(study: string, method = 'none'): Promise<RunId> {
    const run = (await bench.api.runs.list({ study })).find((candidate) => candidate.method === method)
    if (run === undefined) throw new Error(`${study} has no run of ${method}.`)
    return run.id
  }
  const create = (changes: Parameters<typeof createStudy>[1] = {}): Promise<string> =>
    createStudy(bench, { name: 'refused', settings: { epochs: 1 }, original: file, ...changes })
  const outcomeOf = async (study: string): Promise<ReadonlyMap<string, NumericTensor>> => {
    const { outcomePath } = await bench.api.runs.get({ run: await runOf(study) })
    return (await readSafetensorsFile(outcomePath ?? '')).tensors
  }

  it('gives the same logits to the bit, and is nothing that was trained here', async () => {
    const study = await create({ name: 'second', methods: ['none', 'fine-tune'], golds: 1 })
    const { config } = await bench.api.studies.get({ study })
    expect(config).toMatchObject({ architecture: 'resnet-small', original: { file: 'original.safetensors' } })
    const plan = await bench.api.studies.plan({ study })
    expect(plan.trains).toMatchObject({ originals: 0, golds: 1 })
    expect(plan.stages.map(({ kind, label }) => `${kind}: ${label}`)).toContain(
      'given-original: original from original.safetensors',
    )
    const { result } = await runStudy(bench, study)
    expect(result.stages.failed).toBe(0)
    expect(result.ledger).toMatchObject({ isOriginalGiven: true, perDataset: { visitsBackward: 0 } })
    const [before, after] = [await outcomeOf('first'), await outcomeOf('second')]
    for (const set of ['forget', 'retain', 'evaluation']) {
      const name = `unlearned/${set}/logits`
      expect(after.get(name)?.data, set).toEqual(before.get(name)?.data)
      expect(after.get(name)?.data.length).toBeGreaterThan(0)
    }
    expect((await bench.api.workspace.check(undefined)).ok).toBe(true)
  })

  it('leaves out what needs an early checkpoint, and CF, and says so', async () => {
    const noted = bench.notes.length
    const study = await create({ name: 'all', methods: undefined, settings: { epochs: 2 } })
    const { config } = await bench.api.studies.get({ study })
    expect(config.methods).toContain('tmu')
    expect(config.methods).not.toContain('rewind')
    expect(config.methods).not.toContain('cf-quantile')
    expect(config.methodParams['tmu']).toMatchObject({ features: 'df+af' })
    const notes = bench.notes.slice(noted).join('\n')
    expect(notes).toMatch(/rewind.* left out: early checkpoints of the original are needed, and a given one has none/)
    expect(notes).toMatch(/tmu.*: CF left out, because a given original has no early model/)
    const { stages } = await bench.api.studies.plan({ study })
    expect(stages.filter(({ kind }) => kind === 'given-original')).toHaveLength(1)
    expect(stages.filter(({ kind }) => kind === 'train-twin')).toHaveLength(1)
  })

  it('runs no variant of a sweep twice that only CF tells from another', async () => {
    const noted = bench.notes.length
    const study = await create({
      name: 'swept',
      methods: ['tmu'],
      sweep: { factors: { 'tmu.features': ['df+cf', 'df', 'df+af'] }, grid: false },
    })
    const { config } = await bench.api.studies.get({ study })
    expect(config.methods).toEqual(['tmu', 'tmu[features=df+cf]'])
    expect(bench.notes.slice(noted).join('\n')).toContain('tmu[features=df] is tmu[features=df+cf] again')
  })

  it('refuses such methods and settings by name where they were asked for', async () => {
    await expect(create({ methods: ['gold', 'rewind'] })).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('rewind can\'t work with the given original "original.safetensors"'),
    })
    await expect(create({ methods: ['tmu'], settings: { 'tmu.features': 'cf' } })).rejects.toMatchObject({
      code: 'unsupported',
    })
    await expect(create({ methods: ['none'], settings: { earlyEpoch: 1 } })).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringContaining('has no checkpoints'),
    })
  })

  it('is one for all seeds', async () => {
    const study = await create({ name: 'seeds', methods: ['none', 'fine-tune'], seeds: 3 })
    const { stages } = await bench.api.studies.plan({ study })
    expect(stages.filter(({ kind }) => kind === 'given-original')).toHaveLength(1)
    expect(stages.filter(({ kind }) => kind === 'unlearn')).toHaveLength(3)
  })

  /** The export with some arrays changed, without its metadata. */
  async function changed(name: string, change: (tensors: Map<string, NumericTensor>) => void): Promise<string> {
    const tensors = new Map(exported)
    change(tensors)
    const path = join(folder, name)
    await writeFile(path, encodeSafetensors(tensors))
    return path
  }

  it('is recognised by its arrays where it names no architecture, with a note on its inputs', async () => {
    const noted = bench.notes.length
    const study = await create({
      name: 'bare',
      original: await changed('bare.safetensors', () => {}),
      methods: ['none'],
    })
    expect((await bench.api.studies.get({ study })).config.architecture).toBe('resnet-small')
    expect(bench.notes.slice(noted).join()).toContain("doesn't say how its inputs are normalised")
  })

  it('is refused, with the array at fault, when it is another model', async () => {
    const missing = await changed('missing.safetensors', (tensors) => void tensors.delete('dense/bias'))
    await expect(create({ original: missing, architecture: 'resnet-small' })).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringMatching(
        /"missing\.safetensors" is no resnet-small for 28x28x1 images of 3 classes \("stripes"\): "dense\/bias" is missing/,
      ),
      hint: expect.stringContaining('dense/bias [3]'),
    })
    await expect(create({ original: missing })).rejects.toMatchObject({
      message: expect.stringContaining("doesn't name its architecture, and its arrays fit none"),
    })
    await expect(create({ original: file, architecture: 'tiny-cnn' })).rejects.toMatchObject({
      message: '"original.safetensors" is a model of resnet-small, not of tiny-cnn.',
    })
    const four = await changed('four.safetensors', (tensors) => {
      tensors.set('dense/bias', { dtype: 'F32', shape: [4], data: new Float32Array(4) })
    })
    await expect(create({ original: four, architecture: 'resnet-small' })).rejects.toMatchObject({
      message: expect.stringContaining('"dense/bias" has shape [4] instead of [3]'),
    })
    const infinite = await changed('infinite.safetensors', (tensors) => {
      tensors.set('dense/bias', { dtype: 'F32', shape: [3], data: Float32Array.of(0, Number.NaN, 1) })
    })
    await expect(create({ original: infinite })).rejects.toMatchObject({
      message: expect.stringContaining('"dense/bias" of "infinite.safetensors" holds numbers that are not finite'),
    })
    const double = await changed('double.safetensors', (tensors) => {
      tensors.set('dense/bias', { dtype: 'F64', shape: [3], data: new Float64Array(3) })
    })
    await expect(create({ original: double })).rejects.toMatchObject({
      message: expect.stringContaining('has the type F64, not float32'),
    })
  })

  it('is written as a TensorFlow.js model with its normalisation, and over nothing that is there', async () => {
    const run = await runOf('first')
    const folderOfModel = join(folder, 'tfjs')
    const { files } = await bench.api.models.export({ run, path: folderOfModel, format: 'tfjs', overwrite: false })
    expect(files).toEqual([join(folderOfModel, 'model.json'), join(folderOfModel, 'model.weights.bin')])
    const model = JSON.parse(await readFile(files[0], 'utf8')) as {
      readonly userDefinedMetadata: { readonly classes: readonly string[]; readonly normalisation: object }
    }
    const [split] = await bench.api.splits.list({ dataset: datasetName })
    expect(model.userDefinedMetadata).toMatchObject({
      classes: ['across', 'down', 'slant'],
      normalisation: split.normalisation,
    })
    const count = [...exported.values()].reduce((sum, { data }) => sum + data.length, 0)
    expect((await readFile(files[1])).byteLength).toBe(4 * count)
    await expect(
      bench.api.models.export({ run, path: folderOfModel, format: 'tfjs', overwrite: false }),
    ).rejects.toMatchObject({ code: 'already-exists', hint: expect.stringContaining('--overwrite') })
  })
})
