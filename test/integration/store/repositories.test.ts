import { describe, expect, it } from 'vitest'
import type { NewRun } from '#main/store/repositories/studies.ts'
import { AppError } from '#shared/errors.ts'
import type { DatasetId, RunId, StudyId } from '#shared/ids.ts'
import { anyHash, insertGround, temporaryRepositories, thrownBy } from './support.ts'

const runs: readonly NewRun[] = [
  { method: 'gold', seed: 0 },
  { method: 'gold', seed: 1 },
  { method: 'tmu', seed: 0 },
]
const result = {
  metrics: { gap: { value: -1.5, ci: [-3, 0] as const, n: 35 }, cka: { absent: 'no features' } },
  cost: { seconds: 1.5, visitsForward: 10, visitsBackward: 5 },
  outcome: anyHash('outcome'),
}

describe('data sets, splits and forget sets', () => {
  it('come back as they went in, by name and by id', async () => {
    const { repositories } = await temporaryRepositories({ now: () => '2026-11-23T10:00:00.000Z' })
    const { dataset, split, forgetSet } = insertGround(repositories)
    expect(dataset).toMatchObject({ createdAt: '2026-11-23T10:00:00.000Z', shape: [28, 32, 3], duplicateCount: 4 })
    for (const reference of [dataset.name, dataset.id]) {
      expect(repositories.datasets.findDataset(reference)).toEqual(dataset)
    }
    for (const reference of [split.name, split.id]) {
      expect(repositories.splits.findSplit(dataset.id, reference)).toEqual(split)
    }
    for (const reference of [forgetSet.name, forgetSet.id]) {
      expect(repositories.forgetSets.findForgetSet(reference)).toEqual(forgetSet)
    }
    expect(repositories.datasets.listDatasets()).toEqual([dataset])
    expect(repositories.splits.listSplits(dataset.id)).toEqual([split])
    expect(repositories.forgetSets.listForgetSets()).toEqual([forgetSet])
  })

  it('are null when nothing has that name', async () => {
    const { repositories } = await temporaryRepositories()
    const { dataset } = insertGround(repositories)
    expect(repositories.datasets.findDataset('letters')).toBeNull()
    expect(repositories.datasets.findDataset('')).toBeNull()
    expect(repositories.splits.findSplit(dataset.id, 'other')).toBeNull()
    expect(repositories.forgetSets.findForgetSet('other')).toBeNull()
  })

  it('are listed oldest first', async () => {
    const { repositories } = await temporaryRepositories()
    for (const name of ['c', 'a', 'b']) insertGround(repositories, name)
    expect(repositories.datasets.listDatasets().map(({ name }) => name)).toEqual(['c', 'a', 'b'])
  })

  it('refuse a name that is taken, naming it, and keep what was there', async () => {
    const { repositories } = await temporaryRepositories()
    const { dataset, split, forgetSet } = insertGround(repositories)
    const attempts: readonly [() => unknown, string][] = [
      [() => repositories.datasets.insertDataset({ ...dataset, sampleCount: 1 }), '"digits"'],
      [() => repositories.splits.insertSplit({ ...split, seed: 99 }), '"default"'],
      [() => repositories.forgetSets.insertForgetSet({ ...forgetSet, count: 1 }), '"half of digits"'],
    ]
    for (const [attempt, name] of attempts) {
      expect(thrownBy(attempt)).toMatchObject({ code: 'already-exists', message: expect.stringContaining(name) })
    }
    expect(repositories.datasets.listDatasets()).toEqual([dataset])
    expect(repositories.splits.listSplits(dataset.id)).toEqual([split])
  })

  it('let each data set have a split of the same name, found for its own data set only', async () => {
    const { repositories } = await temporaryRepositories()
    const [digits, letters] = [insertGround(repositories, 'digits'), insertGround(repositories, 'letters')]
    expect(repositories.splits.findSplit(digits.dataset.id, 'default')?.id).toBe(digits.split.id)
    expect(repositories.splits.findSplit(digits.dataset.id, letters.split.id)).toBeNull()
  })

  it("prefer an id to a name that looks like it, so that no name can take another one's place", async () => {
    const { repositories } = await temporaryRepositories()
    const { dataset } = insertGround(repositories, 'digits')
    insertGround(repositories, dataset.id)
    expect(repositories.datasets.findDataset(dataset.id)?.name).toBe('digits')
  })

  it('refuse a forget set whose split is of another data set', async () => {
    const { repositories } = await temporaryRepositories()
    const [digits, letters] = [insertGround(repositories, 'digits'), insertGround(repositories, 'letters')]
    const mixed = { ...digits.forgetSet, name: 'mixed', splitId: letters.split.id }
    expect(thrownBy(() => repositories.forgetSets.insertForgetSet(mixed))).toMatchObject({ code: 'not-found' })
    const orphan = { ...digits.split, name: 'orphan', datasetId: 'none' as DatasetId }
    expect(thrownBy(() => repositories.splits.insertSplit(orphan))).toMatchObject({ code: 'not-found' })
  })

  it('are inserted together or not at all within a transaction', async () => {
    const { repositories } = await temporaryRepositories()
    const attempt = (): unknown =>
      repositories.transaction(() => {
        insertGround(repositories, 'digits')
        insertGround(repositories, 'letters')
        throw new AppError('cancelled', 'Cancelled.')
      })
    expect(thrownBy(attempt)).toMatchObject({ code: 'cancelled' })
    expect(repositories.datasets.listDatasets()).toEqual([])
  })

  it('say which row is unreadable when a column was changed from outside', async () => {
    const { db, repositories } = await temporaryRepositories()
    insertGround(repositories)
    db.exec(`UPDATE datasets SET classes = '[{"name":"one"}]'`)
    expect(thrownBy(() => repositories.datasets.findDataset('digits'))).toMatchObject({
      code: 'corrupt',
      message: expect.stringMatching(/classes of data set "digits"/),
    })
  })
})

describe('a study', () => {
  it('begins new and without an engine, with its runs queued in the order given', async () => {
    const { repositories } = await temporaryRepositories()
    const { config } = insertGround(repositories)
    const study = repositories.studies.insertStudy({ name: 'first', config }, runs)
    expect(study).toMatchObject({ name: 'first', engine: null, state: 'new', config })
    expect(repositories.studies.findStudy('first')).toEqual(study)
    expect(repositories.studies.findStudy(study.id)).toEqual(study)
    expect(repositories.studies.listStudies()).toEqual([study])
    const stored = repositories.runs.listRuns({ studyId: study.id })
    expect(stored.map(({ method, seed, state, studyName }) => ({ method, seed, state, studyName }))).toEqual(
      runs.map((run) => ({ ...run, state: 'queued', studyName: 'first' })),
    )
  })

  it('is inserted with all its runs or not at all', async () => {
    const { repositories } = await temporaryRepositories()
    const { config } = insertGround(repositories)
    const twice = [...runs, { method: 'tmu', seed: 0 }]
    expect(thrownBy(() => repositories.studies.insertStudy({ name: 'first', config }, twice))).toMatchObject({
      code: 'already-exists',
      message: expect.stringMatching(/tmu with seed 0/),
    })
    expect(repositories.studies.listStudies()).toEqual([])
    expect(repositories.runs.listRuns()).toEqual([])
  })

  it('refuses a name that is taken, and a forget set that is not of its split', async () => {
    const { repositories } = await temporaryRepositories()
    const digits = insertGround(repositories, 'digits')
    const letters = insertGround(repositories, 'letters')
    repositories.studies.insertStudy({ name: 'first', config: digits.config }, [])
    expect(
      thrownBy(() => repositories.studies.insertStudy({ name: 'first', config: digits.config }, [])),
    ).toMatchObject({
      code: 'already-exists',
      message: expect.stringContaining('"first"'),
    })
    const mixed = { ...digits.config, forgetSetId: letters.forgetSet.id }
    expect(thrownBy(() => repositories.studies.insertStudy({ name: 'mixed', config: mixed }, []))).toMatchObject({
      code: 'not-found',
    })
  })

  it('has its engine fixed once: the same again is no change, another one is refused', async () => {
    const { repositories } = await temporaryRepositories()
    const { config } = insertGround(repositories)
    const { id } = repositories.studies.insertStudy({ name: 'first', config }, [])
    repositories.studies.pinEngine(id, 'wasm')
    repositories.studies.pinEngine(id, 'wasm')
    expect(thrownBy(() => repositories.studies.pinEngine(id, 'native'))).toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(/"first".*wasm.*native/),
    })
    expect(repositories.studies.findStudy(id)?.engine).toBe('wasm')
    const chosen = repositories.studies.insertStudy({ name: 'second', config, engine: 'cpu' }, [])
    expect(repositories.studies.findStudy(chosen.id)?.engine).toBe('cpu')
    expect(thrownBy(() => repositories.studies.pinEngine('none' as StudyId, 'wasm'))).toMatchObject({
      code: 'not-found',
    })
  })
})

describe('a run', () => {
  it('carries its results once it has succeeded', async () => {
    const { repositories } = await temporaryRepositories({ now: () => '2026-11-23T10:00:00.000Z' })
    const { config } = insertGround(repositories)
    const study = repositories.studies.insertStudy({ name: 'first', config }, runs)
    const id = idOf(repositories.runs.listRuns()[0])
    repositories.runs.startRun(id)
    expect(repositories.runs.findRun(id)).toMatchObject({ state: 'running', metrics: null, finishedAt: null })
    repositories.runs.finishRun(id, result)
    expect(repositories.runs.findRun(id)).toEqual({
      id,
      studyId: study.id,
      studyName: 'first',
      method: 'gold',
      seed: 0,
      state: 'succeeded',
      ...result,
      error: null,
      createdAt: '2026-11-23T10:00:00.000Z',
      startedAt: '2026-11-23T10:00:00.000Z',
      finishedAt: '2026-11-23T10:00:00.000Z',
    })
  })

  it('keeps its error, loses it when it is queued again, and its results when they are given up', async () => {
    const { repositories } = await temporaryRepositories()
    const { config } = insertGround(repositories)
    repositories.studies.insertStudy({ name: 'first', config }, runs)
    const id = idOf(repositories.runs.listRuns()[0])
    repositories.runs.startRun(id)
    repositories.runs.failRun(id, new AppError('diverged', 'The loss became NaN.', { hint: 'Lower lr.' }))
    expect(repositories.runs.findRun(id)).toMatchObject({
      state: 'failed',
      error: { code: 'diverged', message: 'The loss became NaN.', hint: 'Lower lr.' },
    })
    repositories.runs.requeueRun(id)
    expect(repositories.runs.findRun(id)).toMatchObject({ state: 'queued', error: null, finishedAt: null })
    repositories.runs.startRun(id)
    repositories.runs.finishRun(id, result)
    expect(thrownBy(() => repositories.runs.requeueRun(id))).toMatchObject({ code: 'conflict' })
    repositories.runs.invalidateRun(id)
    expect(repositories.runs.findRun(id)).toMatchObject({ state: 'queued', metrics: null, cost: null, outcome: null })
  })

  it('is not finished with a figure that is not a number', async () => {
    const { repositories } = await temporaryRepositories()
    const { config } = insertGround(repositories)
    repositories.studies.insertStudy({ name: 'first', config }, runs)
    const id = idOf(repositories.runs.listRuns()[0])
    repositories.runs.startRun(id)
    const broken = { ...result, metrics: { gap: { value: Number.NaN, ci: null, n: 35 } } }
    expect(() => repositories.runs.finishRun(id, broken)).toThrow(/gap/)
    expect(repositories.runs.findRun(id)?.state).toBe('running')
  })

  it('is found by the beginning of its id where that says which', async () => {
    const { repositories } = await temporaryRepositories()
    const { config } = insertGround(repositories)
    repositories.studies.insertStudy({ name: 'first', config }, runs)
    const ids = repositories.runs.listRuns().map(({ id }) => id)
    for (const id of ids) {
      for (let length = 1; length <= id.length; length++) {
        const prefix = id.slice(0, length)
        const matches = ids.filter((other) => other.startsWith(prefix)).length
        if (matches === 1) expect(repositories.runs.findRun(prefix)?.id).toBe(id)
        else {
          expect(thrownBy(() => repositories.runs.findRun(prefix))).toMatchObject({
            code: 'bad-input',
            message: expect.stringContaining(prefix),
          })
        }
      }
    }
    for (const none of ['', 'zzzz', '%', '_', `${ids[0]}0`]) expect(repositories.runs.findRun(none)).toBeNull()
  })

  it('is listed by study and by state', async () => {
    const { repositories } = await temporaryRepositories()
    const { config } = insertGround(repositories)
    repositories.studies.insertStudy({ name: 'first', config }, runs)
    const second = repositories.studies.insertStudy({ name: 'second', config }, runs.slice(0, 1))
    const of = (filter?: Parameters<typeof repositories.runs.listRuns>[0]): readonly string[] =>
      repositories.runs.listRuns(filter).map(({ studyName, method, seed }) => `${studyName} ${method} ${seed}`)
    repositories.runs.startRun(idOf(repositories.runs.listRuns()[1]))
    expect(of()).toEqual(['first gold 0', 'first gold 1', 'first tmu 0', 'second gold 0'])
    expect(of({ studyId: second.id })).toEqual(['second gold 0'])
    expect(of({ state: 'running' })).toEqual(['first gold 1'])
    expect(of({ studyId: second.id, state: 'running' })).toEqual([])
    expect(of({ studyId: second.id, state: 'queued' })).toEqual(['second gold 0'])
  })

  it('is listed in pages that leave none out', async () => {
    const { repositories } = await temporaryRepositories()
    const { config } = insertGround(repositories)
    for (const name of ['first', 'second']) repositories.studies.insertStudy({ name, config }, runs)
    const all = repositories.runs.listRuns()
    const first = repositories.runs.listRuns({ limit: 4 })
    expect(first).toEqual(all.slice(0, 4))
    expect(repositories.runs.listRuns({ limit: 4, after: idOf(first.at(-1)) })).toEqual(all.slice(4))
    expect(repositories.runs.listRuns({ limit: 4, after: idOf(all.at(-1)) })).toEqual([])
  })
})

function idOf(run: { readonly id: RunId | undefined } | undefined): RunId {
  if (run?.id === undefined) throw new Error('There is no such run.')
  return run.id
}
