import { describe, expect, it } from 'vitest'
import { completeMethodOptions } from '#main/compute/methods.ts'
import { idleNotes, sweptMethods } from '#main/workbench/studies/sweep.ts'
import { baseMethodOf, variantId, variantText } from '#shared/domain/method-variant.ts'
import { AppError } from '#shared/errors.ts'

const methods = ['gold', 'tmu', 'rewind']
const sweep = (factors: Readonly<Record<string, readonly (string | number)[]>>, grid = false) =>
  sweptMethods(methods, {}, { factors, grid })

describe('a variant', () => {
  it('is named by its settings in alphabetical order, and leads back to its method', () => {
    const id = variantId('tmu', { features: 'cf', epochs: 3 })
    expect(id).toBe('tmu[epochs=3,features=cf]')
    expect([baseMethodOf(id), variantText(id)]).toEqual(['tmu', 'epochs=3,features=cf'])
    expect([baseMethodOf('tmu'), variantText('tmu')]).toEqual(['tmu', null])
  })

  it('has its own setting over what is set for its method, and the rest as the method has it', () => {
    const options = completeMethodOptions(['tmu', 'tmu[features=cf]'], {
      tmu: { features: 'df', epochs: 7 },
      'tmu[features=cf]': { features: 'cf' },
    })
    expect(options['tmu']).toMatchObject({ features: 'df', epochs: 7 })
    expect(options['tmu[features=cf]']).toMatchObject({ features: 'cf', epochs: 7 })
  })
})

describe('a sweep', () => {
  it('changes one key at a time, each variant behind its method', () => {
    const found = sweep({ 'tmu.features': ['df', 'cf'], 'tmu.neighbours': [1, 20], 'rewind.epochs': [1] })
    expect(found.methods).toEqual([
      'gold',
      'tmu',
      'tmu[features=df]',
      'tmu[features=cf]',
      'tmu[neighbours=1]',
      'tmu[neighbours=20]',
      'rewind',
      'rewind[epochs=1]',
    ])
    expect(found.settings['tmu[neighbours=20]']).toEqual({ neighbours: 20 })
  })

  it('as a grid has every combination of a method’s keys', () => {
    const found = sweep({ 'tmu.features': ['df', 'df+cf'], 'tmu.neighbours': [1, 20] }, true)
    expect(found.methods.slice(2, 6)).toEqual([
      'tmu[features=df,neighbours=1]',
      'tmu[features=df,neighbours=20]',
      'tmu[features=df+cf,neighbours=1]',
      'tmu[features=df+cf,neighbours=20]',
    ])
  })

  it('leaves out what comes to the same as another variant or the method itself', () => {
    const factors = { 'tmu.features': ['df+cf', 'df', 'af+cf', 'df+af'] }
    // As with a given original, under which CF can't be measured.
    const found = sweptMethods(['tmu'], { tmu: { features: 'df+af+cf' } }, { factors, grid: false }, (_, params) => ({
      ...params,
      features: String(params['features']).replace('+cf', ''),
    }))
    expect(found.methods).toEqual(['tmu', 'tmu[features=df+cf]', 'tmu[features=af+cf]'])
    expect(found.notes).toEqual([
      'tmu[features=df] is tmu[features=df+cf] again, so it is not run twice.',
      'tmu[features=df+af] is tmu itself, so it is not run twice.',
    ])
  })

  it('leaves out the value that the method has already, and says so', () => {
    const found = sweep({ 'tmu.neighbours': [5, 6] })
    expect(found.methods).toEqual(['gold', 'tmu', 'tmu[neighbours=6]', 'rewind'])
    expect(found.notes).toEqual(['tmu[neighbours=5] is tmu itself, so it is not run twice.'])
  })

  it('leaves out what a key changes only beside another value, and says beside which', () => {
    const factors = { 'tmu.momentum': [0.5], 'tmu.smoothing': [0.2], 'tmu.twinSeverity': [5], 'tmu.noiseSigma': [0.9] }
    const found = sweep(factors)
    expect(found.methods).toEqual(['gold', 'tmu', 'tmu[noiseSigma=0.9]', 'rewind'])
    expect(found.notes).toEqual([
      'tmu[momentum=0.5] is tmu itself, so it is not run twice: momentum has no effect unless optimizer = sgd.',
      'tmu[smoothing=0.2] is tmu itself, so it is not run twice: smoothing has no effect unless easyTreatment = label-smoothing.',
      'tmu[twinSeverity=5] is tmu itself, so it is not run twice: twinSeverity has no effect unless twinCorruption = noise | blur | contrast.',
    ])
  })

  it('as a grid keeps such a key where it has its effect', () => {
    const found = sweep({ 'tmu.optimizer': ['adam', 'sgd'], 'tmu.momentum': [0.5, 0.7] }, true)
    expect(found.methods.slice(2, -1)).toEqual(['tmu[momentum=0.5,optimizer=sgd]', 'tmu[momentum=0.7,optimizer=sgd]'])
  })

  it('knows that the latest learned are found without the predictor', () => {
    const factors = { 'cf-quantile.threshold': [0.9], 'cf-quantile.earlyEpoch': [3] }
    const found = sweptMethods(['cf-quantile'], {}, { factors, grid: false })
    expect(found.methods).toEqual(['cf-quantile', 'cf-quantile[earlyEpoch=3]'])
  })

  it('is told of a setting without effect, unless a variant gives it one', () => {
    const ids = ['tmu', 'tmu[optimizer=sgd]']
    const params = completeMethodOptions(ids, { 'tmu[optimizer=sgd]': { optimizer: 'sgd' } })
    const keys = ['epochs', 'tmu.momentum', 'tmu.smoothing', 'tmu.lr', 'cf-k.lr']
    expect(idleNotes(keys, params)).toEqual(['tmu.smoothing has no effect unless easyTreatment = label-smoothing.'])
    expect(idleNotes(['all-easy.hardTreatment'], completeMethodOptions(['all-easy'], {}))).toEqual([
      'all-easy.hardTreatment never has an effect there.',
    ])
  })

  it.each([
    ['a key that there is not', { 'tmu.nothing': [1] }],
    ['a value out of range', { 'tmu.neighbours': [0] }],
    ['a method that is not chosen', { 'tmu-soft.epochs': [1] }],
    ['a method that there is not', { 'none-such.epochs': [1] }],
    ['a method without parameters', { 'gold.epochs': [1] }],
    ['a key without a method', { epochs: [1] }],
  ])('refuses %s', (_what, factors) => {
    expect(() => sweep(factors as Record<string, number[]>)).toThrow(AppError)
  })

  it('refuses a grid that has grown beyond sense', () => {
    const values = Array.from({ length: 30 }, (_, i) => 6 + i)
    expect(() => sweep({ 'tmu.neighbours': values, 'tmu.attackSteps': values }, true)).toThrow(/at most 200/)
  })
})
