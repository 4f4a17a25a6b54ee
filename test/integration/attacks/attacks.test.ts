import { describe, expect, it } from 'vitest'
import { ObjectStore } from '#main/artifacts/object-store.ts'
import { readArrays } from '#main/compute/worker/array-objects.ts'
import { openStoreForReading } from '#main/store/open-store.ts'
import type { AttackResults, AttackRow } from '#shared/domain/attack.ts'
import { isPresent, type Metric } from '#shared/domain/metrics.ts'
import { type Bench, createStudy, newBench, runStudy, withDataset } from '../jobs/tiny-study.ts'

function valueOf(metric: Metric | undefined): number {
  if (!isPresent(metric)) throw new Error(`absent: ${JSON.stringify(metric)}`)
  return metric.value
}

function rowOf({ rows }: AttackResults, attack: string, method: string, seed?: number): AttackRow {
  const found = rows.find((row) => row.attack === attack && row.method === method && (seed ?? row.seed) === row.seed)
  if (found === undefined) throw new Error(`no row of ${attack} on ${method}`)
  return found
}

const settings = { epochs: 4, 'rewind.epoch': 2, 'rewind.epochs': 1, 'fine-tune.epochs': 1 }
/** Long enough to know noise by heart, so that what was learned and what was not are far apart. */
const byHeart = { ...settings, epochs: 16 }
const noiseBench = async (): Promise<Bench> => await withDataset(await newBench(), 60, 0)
const relearnShort = { 'relearn.steps': 12, 'relearn.batchSize': 8 }

async function attacked(bench: Bench): Promise<AttackResults> {
  const study = await createStudy(bench, { settings: byHeart, methods: ['gold', 'none', 'fine-tune'] })
  await runStudy(bench, study)
  await bench.api.studies.attack({
    study,
    attacks: ['lira', 'rmia', 'relearn', 'weights', 'population', 'streisand', 'cka'],
    shadows: 4,
    settings: relearnShort,
  })
  const { state } = await runStudy(bench, study)
  expect(state).toBe('succeeded')
  return await bench.api.studies.attackResults({ study })
}

describe('attacks on a finished study', () => {
  it('compute what they need and nothing again, and find the same to the bit a second time', async () => {
    await using bench = await noiseBench()
    const study = await createStudy(bench, { settings: byHeart, methods: ['gold', 'none', 'fine-tune'] })
    const first = await runStudy(bench, study)
    expect(first.result.attacks).toEqual([])

    const request = {
      study,
      attacks: ['lira', 'rmia', 'relearn', 'weights', 'population', 'streisand', 'cka'],
      shadows: 4,
      settings: relearnShort,
    }
    const planned = await bench.api.studies.planAttack(request)
    expect(planned.trains).toEqual({ originals: 0, golds: 0, twins: 0, shadows: 4 })
    expect(planned.toReuse).toBe(first.result.stages.computed)
    await bench.api.studies.attack(request)
    const second = await runStudy(bench, study)
    expect(second.state).toBe('succeeded')
    expect(second.result.stages).toMatchObject({ computed: planned.toCompute, failed: 0 })
    // The runs themselves are what they were.
    expect(second.result.runs).toEqual(first.result.runs)

    const results = await bench.api.studies.attackResults({ study })
    expect(results.rows.every((row) => row.state === 'succeeded')).toBe(true)
    expect(results.cost.visitsBackward).toBeGreaterThan(0)
    // An attack is evidence: it makes no request dearer, though all that was computed is more.
    const { total, ...ledger } = second.result.ledger
    expect({ ...ledger, total: first.result.ledger.total }).toEqual(first.result.ledger)
    expect(total.stages).toBeGreaterThan(first.result.ledger.total.stages)

    for (const attack of ['lira', 'rmia', 'population', 'streisand'] as const) {
      const { report } = rowOf(results, attack, 'fine-tune')
      const name = attack === 'lira' ? 'online.auc' : 'auc'
      // The original knows all of F by heart; a gold has seen none of it.
      const original = valueOf(rowOf(results, attack, 'none').report?.figures[name])
      expect(original, attack).toBeGreaterThan(0.75)
      expect(original - valueOf(results.floors[attack]?.[name]), attack).toBeGreaterThan(0.3)
      expect(Object.values(report?.roc ?? {})[0]?.at(-1)).toEqual({ fpr: 1, tpr: 1 })
      expect(report?.subsets).toHaveProperty('trueHard')
      expect(report?.notes.join(' ')).toContain('cannot be resolved')
    }
    // One definition, by two routes: at the 99th percentile the excess is the outcome's own metric.
    const outcome = second.result.runs.find(({ method }) => method === 'fine-tune')?.metrics
    expect(valueOf(rowOf(results, 'streisand', 'fine-tune').report?.figures['aboveExcess'])).toBeCloseTo(
      valueOf(outcome?.['streisand']),
      12,
    )
    expect(valueOf(rowOf(results, 'weights', 'none').report?.figures['toOriginal'])).toBe(0)
    expect(valueOf(rowOf(results, 'weights', 'gold', 1001).report?.figures['toGold'])).toBeCloseTo(
      valueOf(rowOf(results, 'weights', 'gold', 1002).report?.figures['toGold']),
      12,
    )
    const relearning = rowOf(results, 'relearn', 'fine-tune').report?.relearning
    expect(relearning?.curves.map(({ model, accuracy }) => [model, accuracy.length])).toEqual([
      ['unlearned', 13],
      ['gold0', 13],
      ['gold1', 13],
    ])
    const { layers } = rowOf(results, 'cka', 'fine-tune').report ?? { layers: [] }
    expect([...new Set(layers.map(({ layer }) => layer))]).toEqual(['conv1', 'conv2', 'dense1', 'dense2'])
    expect(layers.every(({ value }) => !isPresent(value) || value.value <= 1 + 1e-9)).toBe(true)
    // Every layer on all of F, on what the golds get right and wrong of it, and on E; predicted parts need a predictor.
    const ofPenultimate = new Map(layers.flatMap(({ layer, set, value }) => (layer === 'dense1' ? [[set, value]] : [])))
    expect([...ofPenultimate.keys()]).toEqual(['forget', 'trueEasy', 'trueHard', 'evaluation'])
    const cka = rowOf(results, 'cka', 'fine-tune').report
    expect(cka?.figures['forget']).toEqual(ofPenultimate.get('forget'))
    expect(cka?.subsets).toEqual({
      trueEasy: { forget: ofPenultimate.get('trueEasy') },
      trueHard: { forget: ofPenultimate.get('trueHard') },
    })
    expect(rowOf(results, 'weights', 'none').report?.notes.join(' ')).toContain('no part for easy or for hard')

    const exposed = await bench.api.studies.exposedSamples({ study, attack: 'lira', method: 'none', limit: 5 })
    expect(exposed.length).toBe(5)
    expect(exposed.map(({ score }) => score)).toEqual(exposed.map(({ score }) => score).toSorted((a, b) => b - a))

    await using other = await noiseBench()
    const again = await attacked(other)
    expect(again.rows.map(({ key, report }) => [key, report])).toEqual(
      results.rows.map(({ key, report }) => [key, report]),
    )
  })
})

describe('shadow models', () => {
  it('are shared with a study of another forget set, and hold each sample in half of them', async () => {
    await using bench = await withDataset(await newBench())
    const first = await createStudy(bench, { settings, methods: ['gold', 'none'] })
    await bench.api.studies.attack({ study: first, attacks: ['rmia'] })
    await runStudy(bench, first)
    await bench.api.forgetSets.create({
      name: 'others',
      dataset: 'stripes',
      split: 'default',
      className: 'down',
      fraction: 0.3,
      seed: 1,
    })
    const second = await createStudy(bench, {
      name: 'second',
      forgetSet: 'others',
      settings,
      methods: ['gold', 'none'],
      attack: { attacks: ['rmia', 'lira'], shadows: 4 },
    })
    const plan = await bench.api.studies.plan({ study: second })
    expect(plan.stages.filter(({ kind }) => kind === 'train-shadow').length).toBe(4)
    // Of the four, the first two are there.
    expect(plan.trains.shadows).toBe(2)

    await bench.close()
    const store = await openStoreForReading(bench.root)
    try {
      const objects = new ObjectStore(store.paths.objects)
      const rows = store.repositories.stages.listStudyStages(
        (await store.repositories.studies.findStudy('study'))?.id ?? ('' as never),
      )
      const members: Int32Array[] = []
      for (const row of rows.filter(({ kind }) => kind === 'train-shadow')) {
        const { inputs } = JSON.parse(store.repositories.stages.getStage(row.key)?.spec ?? '') as {
          inputs: { members: { object: never } }
        }
        members.push((await readArrays(objects, inputs.members.object))['ids'].data as Int32Array)
      }
      const [a, b] = members
      expect(new Set([...a, ...b]).size).toBe(a.length + b.length)
      const split = store.repositories.splits.listSplits(
        (store.repositories.datasets.listDatasets()[0] ?? { id: '' as never }).id,
      )[0]
      const ids = (await readArrays(objects, split.members))['ids'].data
      expect([...ids].every((id) => a.includes(id) !== b.includes(id))).toBe(true)
    } finally {
      await store.close()
    }
  })
})

describe('attacks on a method', () => {
  it('unlearn from shadow models, and from the same original again', async () => {
    await using bench = await noiseBench()
    const study = await createStudy(bench, {
      settings: byHeart,
      methods: ['gold', 'none', 'fine-tune'],
      attack: { attacks: ['ulira', 'klom', 'forgetting-quality'], shadows: 4, models: 4 },
    })
    const plan = await bench.api.studies.plan({ study })
    expect(plan.trains).toEqual({ originals: 1, golds: 4, twins: 0, shadows: 4 })
    const { state, result } = await runStudy(bench, study)
    expect(state).toBe('succeeded')
    const results = await bench.api.studies.attackResults({ study })
    expect(results.rows.map(({ attack, method, seed }) => [attack, method, seed])).toEqual([
      ['ulira', 'none', null],
      ['ulira', 'fine-tune', null],
      ['klom', 'fine-tune', null],
      ['forgetting-quality', 'fine-tune', null],
    ])
    // Nothing was forgotten of what was learned by heart: an epoch of fine-tuning leaves F far from the golds.
    expect(valueOf(rowOf(results, 'ulira', 'none').report?.figures['auc'])).toBeGreaterThan(0.8)
    expect(valueOf(rowOf(results, 'ulira', 'fine-tune').report?.figures['auc'])).toBeGreaterThan(0.8)
    const klom = rowOf(results, 'klom', 'fine-tune').report?.figures ?? {}
    expect(valueOf(klom['forget'])).toBeGreaterThan(valueOf(klom['forgetFloor']))
    const quality = rowOf(results, 'forgetting-quality', 'fine-tune').report?.figures ?? {}
    expect(valueOf(quality['quality'])).toBeLessThan(0.3)
    expect(valueOf(quality['final'])).toBeCloseTo(
      valueOf(quality['quality']) * valueOf(quality['retainRatio']) * valueOf(quality['evaluationRatio']),
      12,
    )
    expect(quality['qualityFloor']).toHaveProperty('absent')
    // Shadow models and repeats are nobody's request and no class's twin.
    expect(result.ledger.perRequest['fine-tune']?.visitsBackward).toBe(
      plan.stages.find(({ kind, label }) => kind === 'unlearn' && label === 'fine-tune')?.estimate.visitsBackward,
    )
  })

  it('is refused while the study runs, and for what is none', async () => {
    await using bench = await withDataset(await newBench(), 30)
    const study = await createStudy(bench, { settings, methods: ['gold', 'none'] })
    await expect(bench.api.studies.attack({ study, attacks: ['lyra'] })).rejects.toThrow('There is no attack "lyra"')
    await expect(bench.api.studies.attack({ study, attacks: ['lira'], shadows: 5 })).rejects.toThrow('in pairs')
    await expect(bench.api.studies.attack({ study, attacks: ['ulira'], shadows: 2 })).rejects.toThrow('too few')
    await expect(bench.api.studies.attack({ study, attacks: ['rmia'], settings: { 'rmia.gamma': 0 } })).rejects.toThrow(
      'rmia.gamma = 0 is not possible',
    )
    await bench.api.studies.run({ study })
    await expect(bench.api.studies.attack({ study })).rejects.toThrow('is at work')
    await bench.api.studies.cancel({ study })
  })
})
