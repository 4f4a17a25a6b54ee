import { describe, expect, it } from 'vitest'
import { fitPredictor, type PredictorSettings, predictEasy } from '#main/compute/worker/tmu/predictor.ts'
import { Random } from '#shared/random.ts'

const rest = async () => {}

const settings: PredictorSettings = {
  features: ['df', 'cf'],
  bounds: 'twin',
  hidden: [32, 16],
  lr: 0.01,
  epochs: 60,
  batchSize: 128,
  folds: 5,
}

/** Late learning decides with some noise; the distance is noise alone. */
function twin(count: number, seed = 1) {
  const random = Random.of(seed, 'twin')
  const cf = Float64Array.from({ length: count }, () => 4 * random.uniform())
  const df = Float64Array.from({ length: count }, () => random.uniform())
  const easy = Uint8Array.from(cf, (value) => (value + 0.8 * random.normal() < 2.5 ? 1 : 0))
  return { table: { df, cf }, easy }
}

describe('the easy/hard predictor', () => {
  it('tells easy from hard on samples that it has not seen, and says how well', async () => {
    const { table, easy } = twin(300)
    const { predictor, report } = await fitPredictor(table, easy, settings, 1, rest)
    const probability = predictEasy(predictor, { df: [0.5, 0.5], cf: [0.2, 3.8] })
    expect(probability[0]).toBeGreaterThan(0.8)
    expect(probability[1]).toBeLessThan(0.3)
    expect(report.n).toBe(300)
    expect(report.easy + report.hard).toBe(300)
    expect(report.auc).toBeGreaterThan(0.8)
    expect(report.brier).toBeLessThan(0.2)
    expect(report.reliability.reduce((sum, bin) => sum + bin.n, 0)).toBe(300)
    expect(report.featureAuc.cf).toBeGreaterThan(0.85)
    expect(Math.abs((report.featureAuc.df ?? 0) - 0.5)).toBeLessThan(0.1)
  })

  it('calibrated by isotonic regression keeps the order and is no worse in Brier score, out of fold', async () => {
    const { table, easy } = twin(150)
    const quick = { ...settings, epochs: 30, folds: 3 }
    const plain = await fitPredictor(table, easy, quick, 1, rest)
    const calibrated = await fitPredictor(table, easy, { ...quick, calibration: 'isotonic' }, 1, rest)
    expect(calibrated.predictor.model).toEqual(plain.predictor.model)
    const points = { df: [0.5, 0.5, 0.5], cf: [0.2, 2.4, 3.8] }
    const [sure, open, hard] = predictEasy(calibrated.predictor, points)
    expect(sure).toBeGreaterThanOrEqual(open)
    expect(open).toBeGreaterThanOrEqual(hard)
    expect(calibrated.report.brier).toBeLessThan(plain.report.brier + 0.02)
    expect(calibrated.report.n).toBe(150)
  })

  it('reports no skill where the labels have nothing to do with the features', async () => {
    const { table } = twin(300)
    const random = Random.of(9, 'coin')
    const coin = Uint8Array.from({ length: 300 }, () => random.below(2))
    const { report } = await fitPredictor(table, coin, { ...settings, epochs: 80, folds: 3 }, 1, rest)
    expect(Math.abs((report.auc as number) - 0.5)).toBeLessThan(0.12)
  })

  it.each([
    [1, 'easy'],
    [0, 'hard'],
  ])('is constant for a twin set of which every sample has the label %i', async (label, word) => {
    const { table } = twin(20)
    const { predictor, report } = await fitPredictor(table, new Uint8Array(20).fill(label), settings, 1, rest)
    expect(Array.from(predictEasy(predictor, table))).toEqual(new Array(20).fill(label))
    expect(report.auc).toEqual({ absent: expect.stringContaining(`Every twin sample is ${word}`) })
    expect(report.brier).toBe(0)
    expect(predictor.hardShare).toBe(1 - label)
  })

  it('scales the forget set by the twin set, or each set by itself', async () => {
    const { table, easy } = twin(200)
    const shifted = { df: table.df, cf: Float64Array.from(table.cf, (value) => value + 100) }
    const { predictor: matched } = await fitPredictor(table, easy, settings, 1, rest)
    expect(Math.max(...predictEasy(matched, shifted))).toBeLessThan(0.5)
    const { predictor: own } = await fitPredictor(table, easy, { ...settings, bounds: 'per-set' }, 1, rest)
    const here = predictEasy(own, table)
    predictEasy(own, shifted).forEach((value, i) => expect(value).toBeCloseTo(here[i], 9))
  })

  it('survives its own JSON to the last bit and depends on the seed', async () => {
    const { table, easy } = twin(120)
    const { predictor } = await fitPredictor(table, easy, settings, 3, rest)
    expect(predictEasy(JSON.parse(JSON.stringify(predictor)), table)).toEqual(predictEasy(predictor, table))
    expect((await fitPredictor(table, easy, settings, 3, rest)).predictor).toEqual(predictor)
    expect((await fitPredictor(table, easy, settings, 4, rest)).predictor).not.toEqual(predictor)
  })

  it('gives finite probabilities where a sample has no distance', async () => {
    const { table, easy } = twin(100)
    const df = Float64Array.from(table.df)
    df[3] = Number.NaN
    const { predictor } = await fitPredictor({ ...table, df }, easy, settings, 1, rest)
    expect(predictEasy(predictor, { df: [Number.NaN], cf: [1] })[0]).toBeGreaterThan(0)
  })

  it('fits a logistic regression without hidden layers', async () => {
    const { table, easy } = twin(200)
    const { predictor, report } = await fitPredictor(table, easy, { ...settings, hidden: [], epochs: 200 }, 1, rest)
    expect(predictor.model).toMatchObject({ kind: 'mlp', sizes: [2, 1] })
    expect(report.auc).toBeGreaterThan(0.8)
  })

  it('refuses a feature that was not computed', async () => {
    const { easy } = twin(10)
    const attempt = fitPredictor({ df: new Float64Array(10) }, easy, settings, 1, rest)
    await expect(attempt).rejects.toThrow('cf was not computed')
  })
})
