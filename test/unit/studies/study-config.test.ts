import { describe, expect, it } from 'vitest'
import { defaultMethods } from '#main/compute/methods.ts'
import { isClassRemoval } from '#main/workbench/studies/choose-methods.ts'
import { parseSettings, type SettingValue } from '#main/workbench/studies/settings.ts'
import { studyConfig } from '#main/workbench/studies/study-config.ts'
import type { ForgetSet } from '#shared/domain/forget-set.ts'
import type { StudyConfig } from '#shared/domain/study.ts'
import type { DatasetId, ForgetSetId, ObjectHash, SplitId } from '#shared/ids.ts'
import { exampleMaterial } from '../jobs/example-study.ts'

const forgetSet: ForgetSet = {
  id: 'f' as ForgetSetId,
  name: 'some cats',
  datasetId: 'd' as DatasetId,
  splitId: 's' as SplitId,
  rule: { kind: 'class', className: 'cat', fraction: 0.6 },
  seed: 1,
  ids: 'f' as ObjectHash,
  count: 30,
  classCounts: [30, 0],
  version: 1,
  previous: null,
  memberCounts: [50, 50],
  createdAt: '2026-01-01T00:00:00.000Z',
}

const config = (
  settings: Record<string, SettingValue> = {},
  methods: readonly string[] = defaultMethods,
): StudyConfig =>
  studyConfig({
    dataset: exampleMaterial().dataset,
    forgetSet,
    methods,
    seeds: 3,
    golds: 2,
    settings: parseSettings(settings, methods),
  })

describe('study configuration', () => {
  it('gives golds seeds of their own', () => {
    const { seeds, goldSeeds } = config()
    expect(seeds).toEqual([1, 2, 3])
    expect(goldSeeds).toEqual([1001, 1002])
  })

  it('takes the small network for small images, and trains the twin a third as long at a third of the rate', () => {
    const { architecture, recipe, twinRecipe } = config()
    expect(architecture).toBe('tiny-cnn')
    expect(recipe).toMatchObject({ epochs: 30, lr: 3e-3, batchSize: 64, optimizer: 'adam', schedule: 'cosine' })
    expect(twinRecipe).toMatchObject({ epochs: 10, lr: 1e-3 })
  })

  it('takes another optimizer at its own rate, for the golds and the twin alike', () => {
    const { recipe, twinRecipe } = config({ optimizer: 'sgd', weightDecay: 5e-4, augment: 'flip' })
    const shared = { optimizer: 'sgd', momentum: 0.9, weightDecay: 5e-4, augment: 'flip' }
    expect(recipe).toMatchObject({ ...shared, lr: 0.05 })
    expect(twinRecipe).toMatchObject(shared)
  })

  it('holds the parameters of every method, complete', () => {
    const { methodParams } = config({ 'rewind.epochs': 7 })
    expect(Object.keys(methodParams)).toEqual(defaultMethods)
    expect(methodParams['rewind']).toMatchObject({ epoch: 4, epochs: 7 })
  })

  it('lets the default checkpoints of a short training be its last one', () => {
    const { earlyEpoch, methodParams } = config({ epochs: 1 })
    expect(earlyEpoch).toBe(1)
    expect(methodParams['rewind']).toMatchObject({ epoch: 1, epochs: 3 })
    expect(methodParams['tmu-soft']).toMatchObject({ firstEpoch: 1, secondEpoch: 1, epochs: 3 })
  })

  it('refuses a checkpoint that was asked for and that training does not reach', () => {
    expect(() => config({ epochs: 3, 'rewind.epoch': 4 })).toThrow('rewind.epoch = 4 is not possible')
    expect(() => config({ epochs: 3, earlyEpoch: 4 })).toThrow('from 1 to 3')
  })
})

describe('class removal', () => {
  it('is when all members of a class are to be forgotten', () => {
    expect(isClassRemoval(forgetSet)).toBe(false)
    expect(isClassRemoval({ ...forgetSet, classCounts: [50, 0] })).toBe(true)
    expect(isClassRemoval({ ...forgetSet, classCounts: [10, 50] })).toBe(true)
    expect(isClassRemoval({ ...forgetSet, classCounts: [10, 0], memberCounts: [50, 0] })).toBe(false)
  })
})
