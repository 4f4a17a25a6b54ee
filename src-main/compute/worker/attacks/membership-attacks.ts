/** Attacks that tell F from unseen samples by one model's predictions. */
import { liraOffline, liraOnline, type Shadows } from '#main/metrics/attacks/lira.ts'
import { logitConfidence } from '#main/metrics/attacks/logit-confidence.ts'
import { populationScores } from '#main/metrics/attacks/population.ts'
import { type RmiaSide, rmiaScores } from '#main/metrics/attacks/rmia.ts'
import { conspicuousness, standsOut } from '#main/metrics/attacks/streisand.ts'
import { figuresOf, probabilitiesOf } from '#main/metrics/figures.ts'
import { AppError } from '#shared/errors.ts'
import { attackParams } from '../../attacks.ts'
import { inputOf } from '../stage-runner.ts'
import {
  type Attack,
  absentFindings,
  meanFindings,
  membershipFigureNames,
  membershipFindings,
  nothing,
  withFindings,
} from './findings.ts'
import { type AttackMaterial, logitsAt, numbered, type Samples, type Unseen } from './material.ts'

type Model = Parameters<typeof logitsAt>[1]

export const populationAttack: Attack = async function* (material) {
  const { forget, nonMembers } = material
  if ('absent' in nonMembers) return nothing(membershipFigureNames, nonMembers.absent)
  const ours = await lossesOf(material, 'target', 'forget', forget)
  const population = { losses: await lossesOf(material, 'target', 'evaluation', nonMembers), labels: nonMembers.labels }
  const own = Int32Array.from(nonMembers.ids.keys())
  return yield* membershipFindings(material, nonMembers, [
    {
      name: '',
      forget: populationScores(ours, forget.labels, population, outside(forget)),
      nonMembers: populationScores(population.losses, nonMembers.labels, population, own),
    },
  ])
}

export const streisandAttack: Attack = async function* (material) {
  const { spec, forget, nonMembers } = material
  if ('absent' in nonMembers) return nothing([...membershipFigureNames, 'above', 'aboveExcess'], nonMembers.absent)
  const { percentile } = attackParams.streisand.parse(spec.params.options)
  const ours = await lossesOf(material, 'target', 'forget', forget)
  const population = await lossesOf(material, 'target', 'evaluation', nonMembers)
  const own = Int32Array.from(nonMembers.ids.keys())
  const weighted = { values: population, labels: nonMembers.labels, weights: nonMembers.weights }
  const found = yield* membershipFindings(material, nonMembers, [
    {
      name: '',
      forget: conspicuousness(ours, weighted, outside(forget)),
      nonMembers: conspicuousness(population, weighted, own),
    },
  ])
  const above = standsOut(ours, population, percentile)
  const golds: Float64Array[] = []
  for (const gold of numbered(spec, 'gold')) {
    const losses = await lossesOf(material, gold, 'forget', forget)
    golds.push(standsOut(losses, await lossesOf(material, gold, 'evaluation', nonMembers), percentile))
  }
  // Image by image, so that a resample and a part of F are the same images for the golds.
  const excess = above.map((own, i) => own - golds.reduce((sum, gold) => sum + gold[i], 0) / golds.length)
  return withFindings(
    found,
    meanFindings(material, 'above', above),
    golds.length === 0
      ? absentFindings(material, 'aboveExcess', 'There is no gold to compare with.')
      : meanFindings(material, 'aboveExcess', excess),
  )
}

export const liraAttack: Attack = async function* (material) {
  const { spec, forget, nonMembers } = material
  const names = ['online', 'offline'].flatMap((way) => membershipFigureNames.map((name) => `${way}.${name}`))
  if ('absent' in nonMembers) return nothing(names, nonMembers.absent)
  const { variance } = attackParams.lira.parse(spec.params.options)
  const ours = await phiOf(material, 'target', 'forget', forget)
  const theirs = await phiOf(material, 'target', 'evaluation', nonMembers)
  const ofForget = await shadowsOf(material, 'forget', forget)
  const ofOthers = await shadowsOf(material, 'evaluation', nonMembers)
  // Scored together: a pooled spread must be the same on both sides.
  const both = joined(ofForget, ofOthers)
  const phi = concatenated(ours, theirs)
  const variants = [
    { name: 'online', scores: liraOnline(phi, both, variance) },
    { name: 'offline', scores: liraOffline(phi, both, variance) },
  ].map(({ name, scores }) => ({
    name,
    forget: scores.slice(0, ours.length),
    nonMembers: scores.slice(ours.length),
  }))
  return yield* membershipFindings(material, nonMembers, variants)
}

export const rmiaAttack: Attack = async function* (material) {
  const { spec, forget, nonMembers } = material
  if ('absent' in nonMembers) return nothing(membershipFigureNames, nonMembers.absent)
  const options = attackParams.rmia.parse(spec.params.options)
  const { labels, weights } = nonMembers
  const population = { ...(await sideOf(material, 'evaluation', nonMembers)), labels, weights }
  const ours = await sideOf(material, 'forget', forget)
  return yield* membershipFindings(material, nonMembers, [
    {
      name: '',
      forget: rmiaScores(ours, population, outside(forget), options),
      nonMembers: rmiaScores(population, population, Int32Array.from(nonMembers.ids.keys()), options),
    },
  ])
}

/** Probability of the true class under the target, and the mean over reference models that didn't see the sample. */
async function sideOf(material: AttackMaterial, set: 'forget' | 'evaluation', samples: Samples): Promise<RmiaSide> {
  const out = new Float64Array(samples.ids.length)
  const counts = new Float64Array(samples.ids.length)
  for (const [k, shadow] of numbered(material.spec, 'shadow').entries()) {
    const p = await probabilityOf(material, shadow, set, samples)
    const seen = await trainedOn(material, k, samples)
    for (let i = 0; i < out.length; i++) {
      if (seen[i] === 1) continue
      out[i] += p[i]
      counts[i]++
    }
  }
  if (counts.some((count) => count === 0)) {
    throw new AppError('internal', 'RMIA has no reference model for some sample.')
  }
  return {
    target: await probabilityOf(material, 'target', set, samples),
    out: out.map((sum, i) => sum / counts[i]),
  }
}

export async function shadowsOf(
  material: AttackMaterial,
  set: 'forget' | 'evaluation',
  samples: Samples,
  prefix: 'shadow' | 'unlearned' = 'shadow',
): Promise<Shadows> {
  const phi: Float64Array[] = []
  const trained: Uint8Array[] = []
  for (const [k, shadow] of numbered(material.spec, prefix).entries()) {
    await material.context.breathe()
    phi.push(await phiOf(material, shadow, set, samples))
    trained.push(await trainedOn(material, k, samples))
  }
  return { phi, trained }
}

/** 1 for each sample that shadow number `k` was trained on. */
async function trainedOn({ spec, context }: AttackMaterial, k: number, { ids }: Samples): Promise<Uint8Array> {
  const name = numbered(spec, 'members')[k]
  if (name === undefined) throw new AppError('internal', `The samples of shadow model ${k} are missing.`)
  const members = new Set(await context.readIds(inputOf(spec, name)))
  return Uint8Array.from(ids, (id) => (members.has(id) ? 1 : 0))
}

export async function phiOf(
  material: AttackMaterial,
  model: Model,
  set: 'forget' | 'retain' | 'evaluation',
  { ids, labels }: Samples,
): Promise<Float64Array> {
  return logitConfidence(await logitsAt(material, model, set, ids), labels, material.spec.params.classCount)
}

async function lossesOf(
  material: AttackMaterial,
  model: Model,
  set: 'forget' | 'evaluation',
  { ids, labels }: Samples | Unseen,
): Promise<Float64Array> {
  return figuresOf(await logitsAt(material, model, set, ids), labels, material.spec.params.classCount).loss
}

async function probabilityOf(
  material: AttackMaterial,
  model: Model,
  set: 'forget' | 'evaluation',
  { ids, labels }: Samples,
): Promise<Float64Array> {
  const { classCount } = material.spec.params
  const probabilities = probabilitiesOf(await logitsAt(material, model, set, ids), classCount)
  return Float64Array.from(labels, (label, i) => probabilities[i * classCount + label])
}

/** No forgotten sample is one of the population. */
function outside({ ids }: Samples): Int32Array {
  return new Int32Array(ids.length).fill(-1)
}

function joined(a: Shadows, b: Shadows): Shadows {
  return {
    phi: a.phi.map((row, s) => concatenated(row, b.phi[s])),
    trained: a.trained.map((row, s) => Uint8Array.of(...row, ...b.trained[s])),
  }
}

function concatenated(a: Float64Array, b: Float64Array): Float64Array {
  const both = new Float64Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}
