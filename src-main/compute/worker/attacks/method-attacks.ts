/** Attacks on a method, from several models that it made. */
import { forgettingScores, largestEpsilon, leastModelsForQuality } from '#main/metrics/attacks/forgetting-quality.ts'
import { klomScores } from '#main/metrics/attacks/klom.ts'
import { meanFigure } from '#main/metrics/attacks/mean-figure.ts'
import { membershipSteps } from '#main/metrics/attacks/membership.ts'
import {
  leastModelsOfEachKind,
  leaveOneOutScores,
  leaveOneOutTest,
  meanOverTargets,
  shadowsAt,
  testedSamples,
} from '#main/metrics/attacks/ulira.ts'
import { figuresOf } from '#main/metrics/figures.ts'
import { counted } from '#main/metrics/words.ts'
import type { Metric } from '#shared/domain/metrics.ts'
import { attackParams } from '../../attacks.ts'
import { optionalInputOf } from '../stage-runner.ts'
import { type Attack, absentFindings, meanFindings, membershipFigureNames, nothing, withFindings } from './findings.ts'
import { type AttackMaterial, logitsAt, numbered, samplesOf } from './material.ts'
import { phiOf, shadowsOf } from './membership-attacks.ts'

/**
 * U-LiRA: each shadow model, unlearned of its own share of F, is the target once, the others are its shadows. Both kinds
 * of model have been unlearned, so that nothing but the sample itself tells them apart (Hayes et al. 2024 compare with
 * models trained without it; Kurmanji et al. 2023 share the shadows). A shadow model with none of F has nothing to forget
 * and is such a model as it is.
 */
export const ulira: Attack = async function* (material) {
  const { spec, context, forget, subsets } = material
  const { variance } = attackParams.ulira.parse(spec.params.options)
  const all = await shadowsOf(material, 'forget', forget, 'unlearned')
  const tested = testedSamples(all.trained)
  if (tested.length === 0) {
    const { length } = all.phi
    return nothing(
      membershipFigureNames,
      `U-LiRA needs an image of F that at least ${leastModelsOfEachKind} shadow models learned and ${leastModelsOfEachKind} never saw; there is none with ${counted(length, 'shadow model')} that could be unlearned.`,
    )
  }
  const shadows = shadowsAt(all, tested)
  const labels = tested.map((i) => forget.labels[i])
  const scores = leaveOneOutScores(shadows, variance)
  const run = async (positions: Int32Array) => {
    const test = leaveOneOutTest(scores, shadows.trained, positions, labels)
    const steps = membershipSteps(test, { seed: spec.seed, draws: spec.params.draws })
    for (;;) {
      const step = steps.next()
      if (step.done) return step.value
      await context.breathe()
    }
  }
  const whole = await run(Int32Array.from(tested.keys()))
  yield { kind: 'progress', value: 0.5 }
  const parts: [string, typeof whole.figures][] = []
  for (const [part, positions] of Object.entries(subsets)) {
    const wanted = new Set(positions)
    const found = Int32Array.from(tested.keys()).filter((k) => wanted.has(tested[k]))
    parts.push([part, (await run(found)).figures])
  }
  const exposure = meanOverTargets(scores, shadows.trained)
  return {
    figures: whole.figures,
    subsets: Object.fromEntries(parts),
    roc: { all: whole.roc },
    notes: uliraNotes(all.trained, forget.ids.length - tested.length),
    scores: { ids: tested.map((i) => forget.ids[i]), score: exposure, exposure: ranksOf(exposure) },
  }
}

function uliraNotes(trained: readonly Uint8Array[], leftOut: number): readonly string[] {
  const untouched = trained.filter((row) => !row.includes(1)).length
  const notes = [
    `Each of ${trained.length} shadow models is the target once. n counts images, not pairs of an image and a model, and intervals resample images.`,
  ]
  if (untouched > 0) {
    notes.push(
      `${untouched} of the ${trained.length} shadow models learned none of F: they had nothing to forget and stand as they were trained. Where the others have been unlearned, that, too, tells them apart.`,
    )
  }
  if (leftOut > 0) {
    notes.push(
      `${counted(leftOut, 'image')} of F that fewer than two models of a kind speak for ${leftOut === 1 ? 'is' : 'are'} left out.`,
    )
  }
  return notes
}

/** Share of the other samples that score lower. */
function ranksOf(values: Float64Array): Float64Array {
  const others = Math.max(1, values.length - 1)
  return values.map((value) => values.reduce((below, other) => below + (other < value ? 1 : 0), 0) / others)
}

export const klom: Attack = async function* (material) {
  const { spec, context, labels, forget } = material
  const options = attackParams.klom.parse(spec.params.options)
  const unlearned = numbered(spec, 'unlearned')
  const golds = numbered(spec, 'gold')
  const bootstrap = { seed: spec.seed, draws: spec.params.draws }
  const figures: Record<string, Metric> = {}
  const phis = async (
    names: Parameters<typeof phiOf>[1][],
    set: 'forget' | 'retain' | 'evaluation',
    ids: Int32Array,
  ): Promise<Float64Array[]> => {
    const rows: Float64Array[] = []
    for (const name of names) {
      await context.breathe()
      rows.push(await phiOf(material, name, set, samplesOf(ids, labels)))
    }
    return rows
  }
  const ofGolds = await phis([...golds], 'forget', forget.ids)
  const scores = klomScores(ofGolds, await phis([...unlearned], 'forget', forget.ids), options)
  const found = meanFindings(material, 'forget', scores)
  Object.assign(figures, found.figures)
  yield { kind: 'progress', value: 0.4 }
  for (const set of ['retain', 'evaluation'] as const) {
    const object = optionalInputOf(spec, set)
    if (object === null) {
      figures[set] = { absent: `The study has no ${set} samples.` }
      continue
    }
    const ids = await context.readIds(object)
    const values = klomScores(await phis([...golds], set, ids), await phis([...unlearned], set, ids), options)
    figures[set] = meanFigure(values, samplesOf(ids, labels).labels, bootstrap)
  }
  yield { kind: 'progress', value: 0.8 }
  const [left, right] = halves(ofGolds)
  figures['forgetFloor'] =
    left.length < 2
      ? { absent: 'A floor needs four golds.' }
      : meanFigure(klomScores(left, right, options), forget.labels, bootstrap)
  return {
    figures,
    subsets: found.subsets,
    notes: [
      `Histograms of ${unlearned.length} unlearned and ${golds.length} gold models in ${options.bins} bins: the fewer models, the larger the figure. The floor compares one half of the golds with the other.`,
    ],
    scores: { score: scores, exposure: ranksOf(scores) },
  }
}

export const forgettingQuality: Attack = async function* (material) {
  const { spec, context, labels, forget } = material
  const options = attackParams['forgetting-quality'].parse(spec.params.options)
  const unlearned = numbered(spec, 'unlearned')
  const golds = numbered(spec, 'gold')
  const names = ['final', 'quality', 'retainRatio', 'evaluationRatio']
  if (Math.min(unlearned.length, golds.length) < leastModelsForQuality) {
    return nothing(
      names,
      `Forgetting quality needs at least ${leastModelsForQuality} unlearned and as many gold models.`,
    )
  }
  const rows = async (models: readonly Parameters<typeof phiOf>[1][]): Promise<Float64Array[]> => {
    const found: Float64Array[] = []
    for (const model of models) found.push(await phiOf(material, model, 'forget', forget))
    return found
  }
  const ofGolds = await rows(golds)
  const scores = forgettingScores(await rows(unlearned), ofGolds, options)
  yield { kind: 'progress', value: 0.5 }
  const ratio = async (set: 'retain' | 'evaluation'): Promise<number | null> => {
    const object = optionalInputOf(spec, set)
    if (object === null) return null
    const ids = await context.readIds(object)
    const accuracy = async (models: readonly Parameters<typeof phiOf>[1][]): Promise<number> => {
      let sum = 0
      for (const model of models) sum += await accuracyOf(material, model, set, ids, labels)
      return sum / models.length
    }
    const reference = await accuracy(golds)
    return reference === 0 ? null : (await accuracy(unlearned)) / reference
  }
  const retain = await ratio('retain')
  const evaluation = await ratio('evaluation')
  const utility = retain === null || evaluation === null ? null : retain * evaluation
  const [left, right] = halves(ofGolds)
  const noUtility = { absent: 'Utility needs retained and evaluation samples that the golds classify.' }
  const single = (value: number | null): Metric =>
    value === null ? noUtility : { value, ci: null, n: forget.ids.length }
  // Utility is the whole model's: each image's quality is multiplied by it, in every part of F by the same.
  const final =
    utility === null
      ? absentFindings(material, 'final', noUtility.absent)
      : meanFindings(
          material,
          'final',
          scores.map((score) => score * utility),
        )
  const { figures, subsets } = withFindings(final, meanFindings(material, 'quality', scores))
  return {
    figures: {
      ...figures,
      retainRatio: single(retain),
      evaluationRatio: single(evaluation),
      qualityFloor:
        left.length < leastModelsForQuality
          ? { absent: `The quality of golds needs ${2 * leastModelsForQuality} of them.` }
          : meanFigure(forgettingScores(left, right, options), forget.labels, {
              seed: spec.seed,
              draws: spec.params.draws,
            }),
    },
    subsets,
    notes: [
      `From ${unlearned.length} unlearned and ${golds.length} gold models; the challenge had 512 of each. At a delta of ${options.delta} so few can't show an epsilon above ${largestEpsilon(unlearned.length, golds.length, options.delta).toFixed(2)} but for complete separation.`,
    ],
    scores: { score: scores.map((score) => 1 - score), exposure: ranksOf(scores.map((score) => -score)) },
  }
}

async function accuracyOf(
  material: AttackMaterial,
  model: Parameters<typeof logitsAt>[1],
  set: 'retain' | 'evaluation',
  ids: Int32Array,
  labels: Int32Array,
): Promise<number> {
  const { labels: own } = samplesOf(ids, labels)
  const { correct } = figuresOf(await logitsAt(material, model, set, ids), own, material.spec.params.classCount)
  return correct.reduce((sum, value) => sum + value, 0) / correct.length
}

function halves<T>(items: readonly T[]): readonly [readonly T[], readonly T[]] {
  return [items.filter((_, i) => i % 2 === 0), items.filter((_, i) => i % 2 === 1)]
}
