import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defaultMethods, methodIds, methodOf } from '#main/compute/methods.ts'
import { usualEngine } from '#test/support/native-engine.ts'
import { writeStripedImages } from '#test/support/striped-images.ts'
import { temporaryFolder } from '#test/support/tmu-process.ts'
import { type Bench, createStudy, datasetName, forgetSetName, newBench, withDataset } from '../jobs/tiny-study.ts'

let bench: Bench
beforeAll(async () => {
  bench = await withDataset(await newBench())
  await bench.api.forgetSets.create({
    name: 'all down',
    dataset: datasetName,
    split: 'default',
    className: 'down',
    fraction: 1,
    seed: 1,
  })
})
afterAll(async () => {
  await bench[Symbol.asyncDispose]()
})

const countOf = async () => ({
  studies: (await bench.api.studies.list(undefined)).length,
  forgetSets: (await bench.api.forgetSets.list(undefined)).length,
  splits: (await bench.api.splits.list({ dataset: datasetName })).length,
  runs: (await bench.api.runs.list({})).length,
})

type Changes = Parameters<typeof createStudy>[1]

describe('creating a study', () => {
  it('makes a row for every method and seed, queued, with everything filled in', async () => {
    const id = await createStudy(bench, { name: 'defaults', methods: undefined, seeds: 2, settings: {} })
    const study = await bench.api.studies.get({ study: 'defaults' })
    expect(study).toMatchObject({ id, state: 'new', engine: null })
    expect(study.config).toMatchObject({
      architecture: 'tiny-cnn',
      earlyEpoch: 2,
      methods: defaultMethods,
      seeds: [1, 2],
    })
    const runs = await bench.api.runs.list({ study: id })
    expect(runs).toHaveLength(2 + 2 * (defaultMethods.length - 1))
    expect(runs.every((run) => run.state === 'queued' && run.metrics === null && run.outcomePath === null)).toBe(true)
  })

  it('has every method there is when asked for all, but for those that its forget set rules out', async () => {
    await createStudy(bench, { name: 'everything', methods: ['all'], settings: { epochs: 8 } })
    expect((await bench.api.studies.get({ study: 'everything' })).config.methods).toEqual(methodIds)
    await createStudy(bench, { name: 'all removed', forgetSet: 'all down', methods: ['all'], settings: { epochs: 8 } })
    const { methods } = (await bench.api.studies.get({ study: 'all removed' })).config
    expect(methods).toEqual(methodIds.filter((id) => methodOf(id).refusesClassRemoval === false))
    expect(bench.notes.at(-1)).toContain('tmu, tmu-soft, tmu-soft-retrained, tmu-map, tmu-faithful')
  })

  it.each<[string, Changes, string, string]>([
    ['an unknown data set', { dataset: 'stripe' }, 'not-found', 'stripe'],
    ['an unknown forget set', { forgetSet: 'some acros' }, 'not-found', 'some acros'],
    ['an unknown method', { methods: ['tmu', 'tmuu'] }, 'bad-input', 'tmuu'],
    ['a method named twice', { methods: ['gold', 'gold'] }, 'bad-input', 'gold'],
    ['an unknown architecture', { architecture: 'resnet' }, 'bad-input', 'resnet'],
    ['an unknown setting', { settings: { epoch: 1 } }, 'bad-input', 'epoch'],
    ['a value out of range', { settings: { lr: 0 } }, 'bad-input', 'lr'],
    ['a checkpoint that is never reached', { settings: { epochs: 2, 'rewind.epoch': 3 } }, 'bad-input', 'rewind.epoch'],
    ['an engine that is not there', { engine: 'cuda' }, 'engine-unavailable', 'cuda'],
    ['TMU for a whole class', { forgetSet: 'all down', methods: ['gold', 'tmu'] }, 'unsupported', 'tmu'],
  ])('refuses %s with a sentence that names it, and leaves nothing behind', async (_, changes, code, culprit) => {
    const before = await countOf()
    const refused = createStudy(bench, { name: 'refused', settings: { splitSeed: 99 }, ...changes })
    await expect(refused).rejects.toMatchObject({ code, message: expect.stringContaining(culprit) })
    expect(await countOf()).toEqual(before)
  })

  it('says what was meant where the name is nearly right', async () => {
    await expect(createStudy(bench, { name: 'refused', forgetSet: 'some acros' })).rejects.toMatchObject({
      hint: expect.stringContaining(forgetSetName),
    })
  })

  it('refuses a name that is taken', async () => {
    await createStudy(bench, { name: 'taken' })
    await expect(createStudy(bench, { name: 'taken' })).rejects.toMatchObject({ code: 'already-exists' })
  })

  it('leaves out of the default methods what a whole class rules out, and says why', async () => {
    const id = await createStudy(bench, {
      name: 'class removal',
      forgetSet: 'all down',
      methods: undefined,
      settings: {},
    })
    const { methods } = (await bench.api.studies.get({ study: id })).config
    expect(methods).toEqual(expect.arrayContaining(['gold', 'none', 'rewind', 'fine-tune']))
    expect(methods.filter((method) => method.startsWith('tmu'))).toEqual([])
    expect(bench.notes.join('\n')).toMatch(/tmu.* left out: it is all of the class "down"/)
  })

  it('uses the same rule in a split of another seed, made once', async () => {
    const first = await bench.api.studies.get({
      study: await createStudy(bench, { name: 'seed 7', settings: { splitSeed: 7 } }),
    })
    const second = await bench.api.studies.get({
      study: await createStudy(bench, { name: 'seed 7 again', settings: { splitSeed: 7 } }),
    })
    const base = await bench.api.forgetSets.get({ forgetSet: forgetSetName })
    const splits = await bench.api.splits.list({ dataset: datasetName })
    const split = splits.find((candidate) => candidate.id === first.config.splitId)
    expect(split).toMatchObject({ seed: 7, rule: splits[0].rule })
    expect(first.config.forgetSetId).not.toBe(base.id)
    expect(second.config).toMatchObject({ splitId: first.config.splitId, forgetSetId: first.config.forgetSetId })
    const forgetSet = await bench.api.forgetSets.get({ forgetSet: first.config.forgetSetId })
    expect(forgetSet).toMatchObject({ rule: base.rule, seed: base.seed, count: base.count })
  })
})

describe('a study that has not run', () => {
  it('says before it is run which classes its twin problem lacks, and that its twin set is small', async () => {
    await using folder = await temporaryFolder()
    await writeStripedImages(folder.path, 40)
    const rare = (await readdir(join(folder.path, 'down'))).slice(4)
    await Promise.all(rare.map((name) => rm(join(folder.path, 'down', name))))
    const input = { path: folder.path, name: 'rare', format: 'folder', strict: true, size: 28 } as const
    for await (const _ of bench.api.datasets.import(input));
    await bench.api.splits.create({ dataset: 'rare', name: 'small pool', fractions: [0.75, 0.1, 0.15], seed: 1 })
    const [, split] = await bench.api.splits.list({ dataset: 'rare' })
    expect(split.counts.twinPool).toEqual([4, 0, 4])
    await bench.api.forgetSets.create({ name: 'of all', dataset: 'rare', split: 'small pool', random: 30, seed: 1 })
    const { classCounts } = await bench.api.forgetSets.get({ forgetSet: 'of all' })
    const { classes } = await bench.api.datasets.get({ dataset: 'rare' })
    const about = { dataset: 'rare', forgetSet: 'of all' }
    const methods = ['none', 'tmu']
    const study = await createStudy(bench, { ...about, name: 'lacking', methods, settings: {} })
    const { twin } = await bench.api.studies.plan({ study })
    expect(twin?.lacking).toEqual([{ className: classes[1].name, forget: classCounts[1] }])
    // As many of the other two classes as F's mix allows, of 4 each.
    const [most, least] = [classCounts[0], classCounts[2]].toSorted((a, b) => b - a)
    expect(twin?.samples).toBe(4 + Math.floor((4 * least) / most))

    const without = await createStudy(bench, { ...about, name: 'no twin problem', methods: ['none'] })
    expect((await bench.api.studies.plan({ study: without })).twin).toBeNull()
  })

  it('has a plan with an estimate, and a result that says nothing was measured', async () => {
    const study = await createStudy(bench, { name: 'not run' })
    const plan = await bench.api.studies.plan({ study })
    expect(plan).toMatchObject({ study: 'not run', engine: usualEngine, toReuse: 0 })
    expect(plan.seconds).toBeGreaterThan(0)
    expect(plan.stages.every((stage) => stage.state === 'planned')).toBe(true)
    const { members } = (await bench.api.splits.list({ dataset: datasetName }))[0].counts
    const count = members.reduce((sum, value) => sum + value, 0)
    expect(plan.stages.find((stage) => stage.kind === 'train-original')?.estimate).toMatchObject({
      visitsForward: 3 * count,
      visitsBackward: 3 * count,
    })
    const result = await bench.api.studies.result({ study })
    expect(result.gate.passed).toBe(false)
    expect(result.verdicts).toEqual([])
    expect(result.stages).toEqual({ computed: 0, reused: 0, failed: 0 })
    await expect(bench.api.studies.twin({ study })).rejects.toMatchObject({ code: 'not-found' })
  })

  it('can be named by a run, and a run by the beginning of its id', async () => {
    const [run] = await bench.api.runs.list({ study: 'not run' })
    expect((await bench.api.runs.get({ run: run.id })).studyName).toBe('not run')
    await expect(bench.api.runs.get({ run: 'zzz' })).rejects.toMatchObject({ code: 'not-found' })
    const query = { run: run.id, sort: 'disagreement', descending: true, offset: 0, limit: 1 } as const
    await expect(bench.api.runs.forgetSamples(query)).rejects.toMatchObject({ code: 'not-found' })
  })
})

describe('what the workbench says of itself', () => {
  it('lists methods with complete defaults and a schema, and architectures', async () => {
    const methods = await bench.api.system.methods(undefined)
    expect(methods.map((method) => method.id)).toEqual(methodIds)
    expect(methods.filter(({ usual }) => usual).map(({ id }) => id)).toEqual(defaultMethods)
    for (const { defaults, schema } of methods) {
      expect(Object.keys(defaults)).toEqual(Object.keys((schema['properties'] ?? {}) as object))
    }
    expect((await bench.api.system.architectures(undefined)).map(({ id }) => id)).toContain('tiny-cnn')
  })

  it('knows this machine, its engines and its workspace', async () => {
    const info = await bench.api.system.info(undefined)
    expect(info).toMatchObject({ workspace: bench.root, shell: 'cli', workers: 2, readOnly: false })
    expect(info.engines.find((engine) => engine.id === info.engine)?.available).toBe(true)
    expect(info.freeDiskBytes).toBeGreaterThan(0)
  })
})
