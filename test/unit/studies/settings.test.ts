import { describe, expect, it } from 'vitest'
import { parseSettings } from '#main/workbench/studies/settings.ts'
import { AppError } from '#shared/errors.ts'

const refusal = (
  settings: Record<string, number | string | boolean>,
  chosen: readonly string[] = ['tmu'],
): AppError => {
  try {
    parseSettings(settings, chosen)
  } catch (error) {
    if (error instanceof AppError) return error
  }
  throw new Error('It was accepted.')
}

describe('study settings', () => {
  it('are the study’s own keys and the methods’ by METHOD.KEY', () => {
    expect(parseSettings({ epochs: 5, lr: 0.01, splitSeed: 3, 'tmu.lr': 0.1, 'rewind.epoch': 2 }, ['tmu'])).toEqual({
      epochs: 5,
      lr: 0.01,
      splitSeed: 3,
      methods: { tmu: { lr: 0.1 }, rewind: { epoch: 2 } },
    })
  })

  it('turn random views on by name, and off', () => {
    expect(parseSettings({ augment: 'flip-crop' }, [])).toEqual({ augment: 'flip-crop', methods: {} })
    expect(parseSettings({ augment: 'none' }, [])).toEqual({ methods: {} })
    expect(refusal({ augment: 'spin' }).message).toBe(
      'augment = "spin" is not possible: it must be none, flip, flip-crop.',
    )
  })

  it('choose the optimizer, and give it momentum where it has any', () => {
    expect(parseSettings({ optimizer: 'sgd', momentum: 0.8, weightDecay: 5e-4, schedule: 'constant' }, [])).toEqual({
      optimizer: 'sgd',
      momentum: 0.8,
      weightDecay: 5e-4,
      schedule: 'constant',
      methods: {},
    })
    expect(refusal({ momentum: 0.8 }).message).toBe('momentum = 0.8 is not possible: Adam has none.')
    expect(refusal({ optimizer: 'lion' }).message).toBe('optimizer = "lion" is not possible: it must be adam, sgd.')
  })

  it('set the threshold of every method that has one, unless its own is set', () => {
    const { methods } = parseSettings({ threshold: 0.7, 'tmu-faithful.threshold': 0.2 }, [
      'tmu',
      'tmu-faithful',
      'rewind',
    ])
    expect(methods).toEqual({ tmu: { threshold: 0.7 }, 'tmu-faithful': { threshold: 0.2 } })
  })

  it.each([
    [{ epochs: 0 }, 'epochs = 0', 'a whole number from 1 to 10000'],
    [{ epochs: 2.5 }, 'epochs = 2.5', 'a whole number from 1 to 10000'],
    [{ epochs: 'many' }, 'epochs = "many"', 'a whole number'],
    [{ lr: -1 }, 'lr = -1', 'above 0 and at most 10'],
    [{ batchSize: 5000 }, 'batchSize = 5000', 'from 1 to 4096'],
    [{ threshold: 1.5 }, 'threshold = 1.5', 'from 0 to 1'],
    [{ 'tmu.lr': 0 }, 'tmu.lr = 0', 'above 0'],
  ])('refuse %j with the key and its range', (settings, culprit, range) => {
    const { code, message } = refusal(settings)
    expect(code).toBe('bad-input')
    expect(message).toContain(culprit)
    expect(message).toContain(range)
  })

  it('refuse an unknown key, method or parameter, naming those there are', () => {
    const key = refusal({ epoch: 3 })
    expect(key.message).toContain('"epoch"')
    expect(key.hint).toContain(
      'epochs, lr, batchSize, momentum, weightDecay, splitSeed, earlyEpoch, threshold, optimizer',
    )
    const method = refusal({ 'tmuu.lr': 3 })
    expect(method.message).toContain('"tmuu"')
    expect(method.hint).toContain('tmu-faithful')
    const parameter = refusal({ 'rewind.lrr': 3 })
    expect(parameter.message).toContain('lrr')
    expect(parameter.hint).toContain('epoch')
  })

  it('refuse a threshold when no chosen method has a predictor', () => {
    expect(refusal({ threshold: 0.5 }, ['gold', 'rewind']).hint).toContain('tmu')
  })
})
