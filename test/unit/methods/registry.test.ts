import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  completeMethodOptions,
  defaultMethods,
  demoMethodOptions,
  demoMethods,
  methodIds,
  methods,
  parseMethodOptions,
} from '#main/compute/methods.ts'
import { isInEffect } from '#shared/domain/in-effect.ts'
import { AppError } from '#shared/errors.ts'

function refusal(action: () => unknown): AppError {
  try {
    action()
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('expected a refusal')
}

describe('the methods', () => {
  it('have the ids that scripts rely on', () => {
    expect(methodIds).toEqual([
      'gold',
      'none',
      'tmu',
      'tmu-soft',
      'tmu-soft-retrained',
      'tmu-map',
      'tmu-faithful',
      'rewind',
      'fine-tune',
      'l1-sparse',
      'neggrad-plus',
      'gradient-ascent',
      'random-labels',
      'amnesiac',
      'salun',
      'bad-teacher',
      'scrub',
      'scrub-r',
      'boundary-shrink',
      'boundary-expand',
      'cf-k',
      'eu-k',
      'ssd',
      'fisher-noise',
      'influence',
      'count-matched-random',
      'cf-quantile',
      'all-easy',
      'all-hard',
      'oracle',
    ])
  })

  it('are in a study that nobody chose for, the rarer baselines left out', () => {
    const left = methodIds.filter((id) => !defaultMethods.includes(id))
    expect(left).toEqual([
      'gradient-ascent',
      'amnesiac',
      'scrub-r',
      'boundary-shrink',
      'boundary-expand',
      'cf-k',
      'eu-k',
      'ssd',
      'fisher-noise',
      'influence',
    ])
    expect(defaultMethods).toEqual(expect.arrayContaining([...demoMethods]))
  })

  it('can be read without loading a tensor library', async () => {
    const script = `
      import { registerHooks } from 'node:module'
      const loaded = []
      registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context) } })
      const { methods } = await import(${JSON.stringify(import.meta.resolve('#main/compute/methods.ts'))})
      console.log(JSON.stringify({ methods: methods.size, loaded }))`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script])
    const { methods: count, loaded } = JSON.parse(stdout) as { methods: number; loaded: string[] }
    expect(count).toBe(methodIds.length)
    expect(loaded.some((url) => url.endsWith('tmu-soft.ts'))).toBe(true)
    expect(loaded.filter((url) => url.includes('tensorflow') || url.includes('/engines/'))).toEqual([])
  })

  it.each([...methods.values()].map((method) => [method.id, method] as const))(
    'describe every parameter of %s, with a scalar default within its own range',
    (id, method) => {
      const properties = z.toJSONSchema(method.params, { io: 'input' }).properties ?? {}
      const complete = parseMethodOptions(id, {})
      expect(Object.keys(complete)).toEqual(Object.keys(method.params.shape))
      for (const [key, schema] of Object.entries(properties)) {
        expect(['number', 'string', 'boolean'], `${id}.${key}`).toContain(typeof complete[key])
        expect(typeof schema === 'object' ? schema.description : undefined, `${id}.${key}`).toBeTruthy()
      }
      expect(parseMethodOptions(id, complete)).toEqual(complete)
      expect(method.summary).toMatch(/\.$/)
      expect(method.citation).not.toBe('')
    },
  )

  it('say when a parameter is in effect by keys and values that there are', () => {
    for (const { id, params, inEffect = {} } of methods.values()) {
      for (const [key, conditions] of Object.entries(inEffect)) {
        expect(Object.keys(params.shape), `${id}.${key}`).toContain(key)
        for (const [other, values] of conditions.flatMap(Object.entries<readonly unknown[]>)) {
          expect(other).not.toBe(key)
          for (const value of values) expect(() => parseMethodOptions(id, { [other]: value }), id).not.toThrow()
        }
      }
    }
  })

  it('have CF\u2019s early epoch in effect where CF is read, whatever the predictor reads', () => {
    const isRead = (id: string) =>
      isInEffect(methods.get(id)?.inEffect, 'earlyEpoch', { ...parseMethodOptions(id, { features: 'df' }) })
    expect(['tmu', 'cf-quantile'].map(isRead)).toEqual([false, true])
  })

  it('refuse whole-class removal exactly where the twin problem needs the class in R', () => {
    const refusing = [...methods.values()].filter((method) => method.refusesClassRemoval).map(({ id }) => id)
    expect(refusing.sort()).toEqual(
      [
        'tmu',
        'tmu-faithful',
        'tmu-soft',
        'tmu-soft-retrained',
        'tmu-map',
        'all-easy',
        'all-hard',
        'cf-quantile',
        'count-matched-random',
        'oracle',
      ].sort(),
    )
  })

  it('need no more than their definition says: labels, the twin, checkpoints', () => {
    const needs = Object.fromEntries(
      [...methods].flatMap(([id, method]) => {
        const each = method.needs({})
        return Object.keys(each).length === 0 ? [] : [[id, each]]
      }),
    )
    expect(needs).toEqual({
      rewind: { epochs: [4] },
      'scrub-r': { twinSamples: true },
      tmu: { easyHard: 'predicted' },
      'tmu-faithful': { easyHard: 'predicted-faithful', twin: true },
      'tmu-soft': { twin: true, epochs: [2, 4] },
      'tmu-soft-retrained': { twin: true, epochs: [2] },
      'tmu-map': { easyHard: 'predicted', twin: true, epochs: [2, 4] },
      'all-easy': { easyHard: 'all-easy' },
      'all-hard': { easyHard: 'all-hard' },
      'cf-quantile': { easyHard: 'cf-quantile' },
      'count-matched-random': { easyHard: 'count-matched-random' },
      oracle: { easyHard: 'oracle' },
    })
    expect(methods.get('rewind')?.needs({ epoch: 7 })).toEqual({ epochs: [7] })
    expect(methods.get('tmu')?.needs({ start: 'twin' })).toEqual({ easyHard: 'predicted', twin: true })
  })

  it('plan the features of both modes of TMU', () => {
    expect(methods.get('tmu')?.features?.({})).toEqual({
      features: ['df', 'af', 'cf'],
      neighbours: 5,
      epsilon: 4 / 255,
      steps: 5,
      pgdTarget: 'softmax',
      bounds: 'twin',
      referenceUnderTwin: false,
      threshold: 0.5,
      abstain: 0,
      matchesShare: false,
      earlyEpoch: null,
      twinShift: { share: 1, mix: 0, classIndex: null },
      predictor: { hidden: [32, 16], lr: 0.01, epochs: 200, batchSize: 128, folds: 5 },
    })
    const faithful = methods.get('tmu-faithful')?.features?.({})
    expect(faithful).toMatchObject({ features: ['df', 'cf'], bounds: 'per-set', referenceUnderTwin: true })
    // The public code compares the output before the sigmoid with 0.5.
    expect(faithful?.threshold).toBeCloseTo(1 / (1 + Math.exp(-0.5)), 12)
    expect(methods.get('cf-quantile')?.features?.({ features: 'df' }).features).toEqual(['df', 'cf'])
  })

  it('estimate their visits: the demo\u2019s TMU-soft costs about 16,000', () => {
    const counts = { members: 4600, forget: 300, retain: 4300, classRetain: 700, twin: 400, classes: 10 }
    expect(methods.get('tmu')?.estimate({}, counts)).toEqual({ visitsForward: 27_500, visitsBackward: 27_500 })
    expect(methods.get('fine-tune')?.estimate({}, counts).visitsBackward).toBe(43_000)
    expect(methods.get('rewind')?.estimate({}, counts).visitsBackward).toBe(12_900)
    // 68 steps of 64 retained samples an epoch: the 300 forgotten ones, in five batches, come round 13 times, and 3 x 64.
    expect(methods.get('neggrad-plus')?.estimate({}, counts).visitsBackward).toBe(10 * (4300 + 13 * 300 + 192))
    // Two teachers' words for each of the samples that are then learned from once.
    expect(methods.get('bad-teacher')?.estimate({}, counts)).toEqual({ visitsForward: 3180, visitsBackward: 1590 })
    // 500 samples under each of ten classes.
    expect(methods.get('fisher-noise')?.estimate({}, counts)).toEqual({ visitsForward: 5500, visitsBackward: 5000 })
    // (3 + 2 epochs) of 3 x 300 + 700 + 0.3 x 3600 samples.
    expect(methods.get('tmu-soft')?.estimate({}, counts).visitsBackward).toBe(13_400)
    // And three epochs on R for the surrogate, three on D for the one that stands for it on the twin.
    const { visitsBackward } = methods.get('tmu-soft-retrained')?.estimate({}, counts) ?? {}
    expect(visitsBackward).toBe(13_400 + 3 * 4300 + 3 * 4600)
  })

  it('do in a study that is older than a parameter what they did then', () => {
    const counts = { members: 4600, forget: 300, retain: 4300, classRetain: 700, twin: 400, classes: 10 }
    const { twinSurrogate, prior, memorisedScale, exposure, ...older } = parseMethodOptions('tmu-soft-retrained', {})
    expect({ twinSurrogate, prior, memorisedScale, exposure }).toEqual({
      twinSurrogate: 'matched',
      prior: 'calibrated',
      memorisedScale: 'by-label',
      exposure: 'removed',
    })
    const method = methods.get('tmu-soft-retrained')
    expect(method?.estimate(older, counts).visitsBackward).toBe(13_400 + 3 * 4300)
    expect(method?.estimate({ ...older, twinSurrogate: 'matched' }, counts).visitsBackward).toBe(40_100)
    // Of a later time: it has those three, and its checkpoints' exposure was kept, which costs no prediction of members.
    const cheap = parseMethodOptions('tmu-soft', {})
    const { exposure: _, ...between } = cheap
    const forwardOf = (options: object): number =>
      methods.get('tmu-soft')?.estimate({ ...options }, counts).visitsForward ?? 0
    expect(forwardOf(cheap) - forwardOf(between)).toBe(2 * 700)
    expect(forwardOf(between)).toBe(forwardOf({ ...cheap, exposure: 'kept' }))
  })
})

describe('method parameters', () => {
  it('are completed with defaults, and the demo\u2019s values are allowed', () => {
    expect(parseMethodOptions('fine-tune', { lr: 0.1 })).toEqual({
      epochs: 10,
      lr: 0.1,
      momentum: 0.9,
      weightDecay: 5e-4,
      batchSize: 64,
    })
    for (const [id, options] of Object.entries(demoMethodOptions)) parseMethodOptions(id, options)
  })

  it('are refused by name with the keys there are', () => {
    const error = refusal(() => parseMethodOptions('rewind', { epcoh: 3 }))
    expect(error.code).toBe('bad-input')
    expect(error.message).toBe('rewind has no parameter "epcoh".')
    expect(error.hint).toBe('rewind has epoch, epochs, lr, batchSize.')
  })

  it.each([
    ['tmu', { lr: -1 }, 'tmu.lr = -1 is not possible: it must be a number above 0 and at most 10.'],
    ['tmu', { epochs: 0 }, 'tmu.epochs = 0 is not possible: it must be a whole number from 1 to 1000.'],
    ['tmu', { epochs: '5' }, 'tmu.epochs = "5" is not possible: it must be a whole number from 1 to 1000.'],
    ['tmu', { momentum: 1 }, 'tmu.momentum = 1 is not possible: it must be a number at least 0 and below 1.'],
    ['tmu', { optimizer: 'lion' }, 'tmu.optimizer = "lion" is not possible: it must be one of adam, sgd.'],
    ['random-labels', { redraw: 1 }, 'random-labels.redraw = 1 is not possible: it must be true or false.'],
  ])('of %s out of range %j are refused with the range', (id, options, message) => {
    const error = refusal(() => parseMethodOptions(id, options))
    expect(error.message).toBe(message)
    expect(error.hint).toContain('default')
  })

  it('of an unknown method are refused with the methods there are', () => {
    const error = refusal(() => completeMethodOptions(['tmu', 'tmuu'], {}))
    expect(error.message).toBe('There is no method "tmuu".')
    expect(error.hint).toContain('tmu-soft')
  })

  it('of a control are those of tmu, unless set for the control itself', () => {
    const complete = completeMethodOptions(['tmu', 'count-matched-random', 'all-hard', 'tmu-faithful'], {
      tmu: { threshold: 0.3, lr: 5e-4 },
      'all-hard': { lr: 1e-3 },
    })
    expect(complete['count-matched-random']).toMatchObject({ threshold: 0.3, lr: 5e-4 })
    expect(complete['all-hard']).toMatchObject({ lr: 1e-3 })
    expect(complete['all-hard']).not.toHaveProperty('threshold')
    expect(complete['tmu-faithful']).toMatchObject({ threshold: 0.5, lr: 0.01 })
  })
})
