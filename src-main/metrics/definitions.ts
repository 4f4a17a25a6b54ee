import { Random } from '#shared/random.ts'
import type { Draw, Quantity } from './bootstrap.ts'
import { oncePerDraw } from './bootstrap.ts'
import type { FeatureMatrix, HsicEstimate } from './cka.ts'
import { featureMatrix, leastCountForCka, samplesForCka, unbiasedHsic } from './cka.ts'
import type { SetName } from './outcome.ts'
import type { OutcomeFigures } from './outcome-figures.ts'
import { attackScores } from './outcome-figures.ts'
import { fprLimits } from './ranking.ts'

/** One model, or one pair of models, of a metric. */
export interface Part {
  /** `unlearned0`, `unlearned0/gold1`, `gold0/gold1`. */
  readonly key: string
  readonly at: Quantity
}

/** A metric ready to be computed on any draw: the mean of its parts; or why it can't be had. */
export type Definition =
  | {
      readonly name: string
      /** Size of the smallest set it reads. */
      readonly n: number
      readonly parts: readonly Part[]
      /** With a 90 % interval beside the 95 % one. */
      readonly ninety?: boolean
      readonly nullFloor?: number
    }
  | { readonly name: string; readonly absent: string }

const fprWords = { tprAtFpr001: '0.1 %', tprAtFpr01: '1 %' } as const

/** Every metric of the table, in its order; null between the parts of a long preparation. */
export function* metricDefinitions(figures: OutcomeFigures, seed: number): Generator<Definition | null, void> {
  const { outcome, unlearned, golds, nonMembers } = figures
  const { forget, retain, evaluation } = outcome.sets
  const forgetCount = forget.count
  const nonMemberCount = 'absent' in nonMembers ? 0 : nonMembers.positions.length
  const least = (...counts: readonly (number | undefined)[]): number => Math.min(...counts.map((count) => count ?? 0))

  const lackUnlearned = (set: SetName): string | null => lacking(figures, unlearned, set)
  const lackGolds = (set: SetName): string | null => noGoldIn(figures) ?? lacking(figures, golds, set)
  const lackGoldPair = golds.length < 2 ? 'A floor needs two golds; the outcome has fewer.' : lackGolds('forget')
  const lackNonMembers = 'absent' in nonMembers ? nonMembers.absent : null
  const lackAttack = lackNonMembers ?? lackUnlearned('evaluation')
  const lackGoldAttack = lackAttack ?? lackGolds('forget') ?? lackGolds('evaluation')

  const perUnlearned = (at: (u: string) => Quantity): Part[] => unlearned.map((u) => ({ key: u, at: at(u) }))
  const perPair = (at: (u: string, g: string) => Quantity): Part[] =>
    unlearned.flatMap((u) => golds.map((g) => ({ key: `${u}/${g}`, at: at(u, g) })))
  const perGoldPair = (at: (a: string, b: string) => Quantity): Part[] =>
    golds.flatMap((a, i) => golds.slice(i + 1).map((b) => ({ key: `${a}/${b}`, at: at(a, b) })))
  const accuracyGap = (u: string, g: string, set: SetName): Quantity =>
    difference(figures.accuracy(u, set), figures.accuracy(g, set))
  const forgetGap = (u: string, g: string): Quantity => accuracyGap(u, g, 'forget')
  const attackGap = (u: string, g: string): Quantity =>
    difference(
      (draw) => figures.attack(u, 'loss')(draw).auc,
      (draw) => figures.attack(g, 'loss')(draw).auc,
    )

  for (const set of ['forget', 'retain', 'evaluation'] as const) {
    yield define(`${set}Accuracy`, [lackUnlearned(set)], () => ({
      n: least(outcome.sets[set]?.count),
      parts: perUnlearned((u) => figures.accuracy(u, set)),
    }))
  }
  yield define('classEvaluationAccuracy', [lackAttack], () => ({
    n: nonMemberCount,
    parts: perUnlearned((u) => figures.classEvaluationAccuracy(u)),
  }))

  const onForget = (name: string, at: (u: string, g: string) => Quantity, ninety = false): Definition =>
    define(name, [lackGolds('forget')], () => ({ n: forgetCount, parts: perPair(at), ninety }))
  const floor = (name: string, at: (a: string, b: string) => Quantity): Definition =>
    define(name, [lackGoldPair], () => ({ n: forgetCount, parts: perGoldPair(at) }))
  yield onForget('gap', forgetGap, true)
  yield onForget('absGap', (u, g) => absolute(forgetGap(u, g)))
  yield floor('gapFloor', (a, b) => absolute(forgetGap(a, b)))
  yield onForget('agreement', (u, g) => figures.agreement(u, g))
  yield floor('agreementFloor', (a, b) => figures.agreement(a, b))
  yield onForget('easyHardAgreement', (u, g) => figures.easyHardAgreement(u, g))
  yield floor('easyHardAgreementFloor', (a, b) => figures.easyHardAgreement(a, b))
  yield onForget('jsDivergence', (u, g) => figures.jsDivergence(u, g))
  yield floor('jsFloor', (a, b) => figures.jsDivergence(a, b))
  yield onForget('klToGold', (u, g) => figures.klDivergence(g, u))
  yield onForget('activationDistance', (u, g) => figures.activationDistance(u, g))

  const lackUtility =
    lackUnlearned('retain') ?? lackUnlearned('evaluation') ?? lackGolds('forget') ?? lackGolds('retain')
  const utilitySets = ['forget', 'retain', 'evaluation'] as const
  yield define('avgGap', [lackUtility, lackGolds('evaluation'), lackGoldAttack], () => ({
    n: least(forgetCount, retain?.count, evaluation?.count, nonMemberCount),
    parts: perPair((u, g) => {
      const gaps = [...utilitySets.map((set) => accuracyGap(u, g, set)), attackGap(u, g)]
      return (draw) => gaps.reduce((sum, gap) => sum + Math.abs(gap(draw)), 0) / gaps.length
    }),
  }))
  yield define('tow', [lackUtility, lackGolds('evaluation')], () => ({
    n: least(forgetCount, retain?.count, evaluation?.count),
    parts: perPair((u, g) => {
      const gaps = utilitySets.map((set) => accuracyGap(u, g, set))
      return (draw) => gaps.reduce((product, gap) => product * (1 - Math.abs(gap(draw))), 1)
    }),
  }))

  const attackCount = least(forgetCount, nonMemberCount)
  for (const score of attackScores) {
    yield define(`mia.${score}.auc`, [lackAttack], () => ({
      n: attackCount,
      parts: perUnlearned((u) => (draw) => figures.attack(u, score)(draw).auc),
    }))
    yield define(`mia.${score}.balancedAccuracy`, [lackAttack], () => ({
      n: attackCount,
      parts: perUnlearned((u) => (draw) => figures.attack(u, score)(draw).balancedAccuracy),
      nullFloor: mean(unlearned.map((u) => figures.balancedAccuracyUnderNull(u, score))),
    }))
    for (const rate of ['tprAtFpr001', 'tprAtFpr01'] as const) {
      yield define(`mia.${score}.${rate}`, [lackAttack ?? tooFewFor(figures, rate)], () => ({
        n: attackCount,
        parts: perUnlearned((u) => (draw) => figures.attack(u, score)(draw)[rate]),
      }))
    }
  }
  yield define('mia.gap', [lackGoldAttack], () => ({ n: attackCount, parts: perPair(attackGap) }))
  yield define('streisand', [lackGoldAttack], () => {
    const shares = new Map([...unlearned, ...golds].map((m) => [m, oncePerDraw(figures.outlierShare(m))]))
    const share = (model: string, draw: Draw): number => shares.get(model)?.(draw) ?? Number.NaN
    return { n: attackCount, parts: perPair((u, g) => (draw) => share(u, draw) - share(g, draw)) }
  })
  yield define('zrf', [lacking(figures, ['randomInit'], 'forget')], () => ({
    n: forgetCount,
    parts: perUnlearned((u) => complement(figures.jsDivergence(u, 'randomInit'))),
  }))
  yield* ckaDefinition(figures, seed)
}

/** Differences of accuracy that verdicts and gates read beside the table's metrics. */
export function differenceDefinitions(figures: OutcomeFigures): {
  readonly retain: Definition
  readonly evaluation: Definition
  readonly original: Definition
} {
  const { outcome, unlearned, golds } = figures
  const between = (name: string, models: readonly string[], set: SetName): Definition =>
    define(name, [noGoldIn(figures), lacking(figures, models, set), lacking(figures, golds, set)], () => ({
      n: outcome.sets[set]?.count ?? 0,
      ninety: true,
      parts: models.flatMap((m) =>
        golds.map((g) => ({
          key: `${m}/${g}`,
          at: difference(figures.accuracy(m, set), figures.accuracy(g, set)),
        })),
      ),
    }))
  return {
    retain: between('retain', unlearned, 'retain'),
    evaluation: between('evaluation', unlearned, 'evaluation'),
    original: between('original', ['original'], 'forget'),
  }
}

function* ckaDefinition(figures: OutcomeFigures, seed: number): Generator<Definition | null, void> {
  const name = 'cka'
  const { outcome, unlearned, golds } = figures
  const count = outcome.sets.evaluation?.count ?? 0
  const models = [...unlearned, ...golds].map((key) => ({
    key,
    features: outcome.models.get(key)?.evaluation?.features ?? null,
  }))
  const without = models.find(({ features }) => features === null)
  const absent =
    noGoldIn(figures) ??
    (without === undefined ? null : `The outcome has no ${without.key}/evaluation/features.`) ??
    (count < leastCountForCka ? `Debiased CKA needs ${leastCountForCka} evaluation samples.` : null)
  if (absent !== null) {
    yield { name, absent }
    return
  }

  const widest = Math.max(...models.map(({ features }) => features?.width ?? 0))
  const samples = samplesForCka(count, widest, Random.of(seed, 'cka'))
  const resampled = ({ value, influence }: HsicEstimate): Quantity =>
    oncePerDraw(({ counts }) => {
      let sum = 0
      for (let i = 0; i < samples.length; i++) sum += influence[i] * counts.evaluation[samples[i]]
      return value + sum / samples.length
    })
  const prepared = new Map<string, { readonly matrix: FeatureMatrix; readonly self: Quantity }>()
  for (const { key, features } of models) {
    if (features === null) continue
    const matrix = featureMatrix(features.data, features.width, samples)
    const self = unbiasedHsic(matrix, matrix)
    if (!(self.value > 0)) {
      yield { name, absent: `The features of ${key} do not vary over the evaluation samples.` }
      return
    }
    prepared.set(key, { matrix, self: resampled(self) })
    yield null
  }
  const parts: Part[] = []
  for (const u of unlearned) {
    for (const g of golds) {
      const ours = prepared.get(u)
      const theirs = prepared.get(g)
      if (ours === undefined || theirs === undefined) continue
      const both = resampled(unbiasedHsic(ours.matrix, theirs.matrix))
      parts.push({ key: `${u}/${g}`, at: (draw) => both(draw) / Math.sqrt(ours.self(draw) * theirs.self(draw)) })
      yield null
    }
  }
  yield { name, n: samples.length, parts }
}

/** The first reason that holds, or the metric itself. */
function define(
  name: string,
  reasons: readonly (string | null)[],
  build: () => Omit<Extract<Definition, { n: number }>, 'name'>,
): Definition {
  const reason = reasons.find((text) => text !== null)
  return reason === undefined ? { name, ...build() } : { name, absent: reason }
}

function noGoldIn({ golds }: OutcomeFigures): string | null {
  return golds.length === 0 ? 'The outcome has no gold to compare with (gold0, gold1, …).' : null
}

/** Which logits are missing, or null. */
function lacking({ outcome }: OutcomeFigures, models: readonly string[], set: SetName): string | null {
  const without = models.find((model) => !outcome.models.get(model)?.[set]?.logits)
  return without === undefined ? null : `The outcome has no ${without}/${set}/logits.`
}

/** A rate of 1 in N can't be read off fewer than N non-members. */
function tooFewFor({ nonMembers }: OutcomeFigures, rate: keyof typeof fprLimits): string | null {
  if ('absent' in nonMembers) return nonMembers.absent
  const needed = 1 / fprLimits[rate]
  if (nonMembers.effectiveCount >= needed * (1 - 1e-9)) return null
  const worth = Math.floor(nonMembers.effectiveCount)
  return (
    `A false-positive rate of ${fprWords[rate]} needs ${needed} evaluation samples of the forget set's classes; ` +
    `the outcome's are worth ${worth}.`
  )
}

function difference(a: Quantity, b: Quantity): Quantity {
  return (draw) => a(draw) - b(draw)
}

function absolute(quantity: Quantity): Quantity {
  return (draw) => Math.abs(quantity(draw))
}

function complement(quantity: Quantity): Quantity {
  return (draw) => 1 - quantity(draw)
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
