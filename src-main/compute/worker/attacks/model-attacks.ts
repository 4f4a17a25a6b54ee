/** Slow metrics on a model itself: its weights, and how it relearns. */
import { accuracyBySteps, anamnesisIndex, relearnTime } from '#main/metrics/attacks/relearning.ts'
import { type WeightArrays, weightDistance } from '#main/metrics/attacks/weight-distance.ts'
import { figuresOf } from '#main/metrics/figures.ts'
import type { LayerFigure, RelearnCurve } from '#shared/domain/attack.ts'
import type { Metric, MetricTable } from '#shared/domain/metrics.ts'
import { AppError } from '#shared/errors.ts'
import { attackParams } from '../../attacks.ts'
import { inputOf } from '../stage-runner.ts'
import type { Attack } from './findings.ts'
import { type AttackMaterial, logitsAt, numbered } from './material.ts'

export const weightsAttack: Attack = async function* ({ spec, context }) {
  const read = async (name: Parameters<typeof inputOf<'attack'>>[1]) =>
    learned(await context.readWeights(inputOf(spec, name)))
  const own = await read('target')
  const original = weightDistance(own, await read('original'))
  yield { kind: 'progress', value: 0.3 }
  const golds: ReturnType<typeof weightDistance>[] = []
  for (const gold of numbered(spec, 'gold')) {
    await context.breathe()
    golds.push(weightDistance(own, await read(gold)))
  }
  const noGold: Metric = { absent: 'There is no gold to compare with.' }
  const over = (values: readonly number[]): Metric =>
    values.length === 0 ? noGold : { value: mean(values), ci: null, n: values.length }
  const layers: LayerFigure[] = original.layers.map(({ layer }, i) => ({
    layer,
    set: null,
    value: over(golds.map(({ layers: those }) => those[i].distance)),
  }))
  return {
    figures: {
      toGold: over(golds.map(({ total }) => total.distance)),
      toGoldRelative: over(golds.map(({ total }) => total.distance / total.norm)),
      toOriginal: { value: original.total.distance, ci: null, n: 1 },
    },
    layers,
    notes: [
      'Networks that behave alike can be far apart in weights, golds included: compare with the distance between golds.',
      'A distance of weights is of the whole network: it has no part for easy or for hard images.',
    ],
  }
}

/** Without the moving averages of batch norm, which no gradient moves. */
function learned(weights: WeightArrays): WeightArrays {
  return Object.fromEntries(Object.entries(weights).filter(([name]) => !/\/moving_(mean|variance)$/.test(name)))
}

export const relearnAttack: Attack = async function* (material) {
  const { spec, forget, subsets } = material
  const { tolerance, steps } = attackParams.relearn.parse(spec.params.options)
  const own = await readRelearning(material, 'target')
  const golds: { readonly name: string; readonly correct: Uint8Array }[] = []
  for (const name of numbered(spec, 'gold')) golds.push({ name, correct: await readRelearning(material, name) })
  const logits = await logitsAt(material, 'original', 'forget', forget.ids)
  const { correct: known } = figuresOf(logits, forget.labels, spec.params.classCount)
  yield { kind: 'progress', value: 0.5 }

  const n = forget.ids.length
  const notes = new Set<string>()
  if (new Set(forget.labels).size === 1) {
    notes.add('All of F is of one class, so relearning also teaches to say that class: only the gold tells how much.')
  }
  const figuresOn = (positions: Int32Array): MetricTable => {
    if (positions.length === 0) {
      const absent = 'There are no samples of this kind.'
      return { ain: { absent }, steps: { absent }, goldSteps: { absent } }
    }
    const original = positions.reduce((sum, i) => sum + known[i], 0) / positions.length
    const time = (correct: Uint8Array) => relearnTime(accuracyBySteps(correct, n, positions), original, tolerance)
    const ours = time(own)
    const theirs = golds.map(({ correct }) => time(correct))
    const indices = theirs.map((gold) => anamnesisIndex(ours, gold, steps))
    const values = indices.flatMap((index) => ('value' in index ? [index] : []))
    const reason = indices.find((index) => 'absent' in index)
    if (values.some(({ atLeast }) => atLeast)) {
      notes.add(`The model hadn't relearned F within ${steps} steps: its AIN is at least what is shown.`)
    }
    const finished = theirs.flatMap((gold) => gold ?? [])
    return {
      ain:
        values.length > 0
          ? { value: mean(values.map(({ value }) => value)), ci: null, n: positions.length }
          : {
              absent: reason !== undefined && 'absent' in reason ? reason.absent : 'There is no gold to compare with.',
            },
      steps:
        ours === null
          ? {
              absent: `Accuracy on F stayed below ${(100 * original * (1 - tolerance)).toFixed(1)} % for ${steps} steps.`,
            }
          : { value: ours, ci: null, n: positions.length },
      goldSteps:
        finished.length === golds.length && golds.length > 0
          ? { value: mean(finished), ci: null, n: positions.length }
          : {
              absent:
                golds.length === 0 ? 'There is no gold to compare with.' : `A gold took more than ${steps} steps.`,
            },
    }
  }
  const all = Int32Array.from(forget.ids.keys())
  const figures = figuresOn(all)
  const curveOf = (model: string, correct: Uint8Array): RelearnCurve => ({
    model,
    accuracy: [...accuracyBySteps(correct, n, all)],
  })
  const accuracy = known.reduce((sum, value) => sum + value, 0) / n
  return {
    figures,
    subsets: Object.fromEntries(Object.entries(subsets).map(([part, positions]) => [part, figuresOn(positions)])),
    relearning: {
      curves: [curveOf('unlearned', own), ...golds.map(({ name, correct }) => curveOf(name, correct))],
      target: accuracy * (1 - tolerance),
      steps,
    },
    notes: [...notes],
  }
}

async function readRelearning(
  { spec, context, forget }: AttackMaterial,
  name: Parameters<typeof inputOf<'attack'>>[1],
): Promise<Uint8Array> {
  const { ids, correct } = await context.readArrays(inputOf(spec, name))
  const same = ids !== undefined && forget.ids.every((id, i) => ids.data[i] === id)
  if (!same || !(correct?.data instanceof Uint8Array)) {
    throw new AppError('internal', `The relearning "${name}" is of other samples than the attack's.`)
  }
  return correct.data
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
