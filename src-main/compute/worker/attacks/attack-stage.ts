/** Stage `attack`: one attack or slow metric, from stored predictions, weights or relearning. Loads no engine. */
import { type AttackId, type AttackReport } from '#shared/domain/attack.ts'
import type { StageRunner } from '../stage-runner.ts'
import type { Attack } from './findings.ts'
import { readMaterial } from './material.ts'
import { liraAttack, populationAttack, rmiaAttack, streisandAttack } from './membership-attacks.ts'
import { forgettingQuality, klom, ulira } from './method-attacks.ts'
import { relearnAttack, weightsAttack } from './model-attacks.ts'

const attacks: { readonly [Id in Exclude<AttackId, 'cka'>]: Attack } = {
  population: populationAttack,
  streisand: streisandAttack,
  lira: liraAttack,
  rmia: rmiaAttack,
  ulira,
  relearn: relearnAttack,
  klom,
  'forgetting-quality': forgettingQuality,
  weights: weightsAttack,
}

export const attackStage: StageRunner<'attack'> = async function* (spec, context) {
  const material = await readMaterial(spec, context)
  const { scores, ...found } = yield* attacks[spec.params.attack](material)
  const report: AttackReport = {
    attack: spec.params.attack,
    subsets: {},
    roc: {},
    layers: [],
    relearning: null,
    notes: [],
    ...found,
  }
  const outputs = { report: await context.writeJson(report) }
  if (scores === undefined) return outputs
  const ids = scores.ids ?? material.forget.ids
  return {
    ...outputs,
    scores: await context.writeArrays({
      ids: { shape: [ids.length], data: ids },
      score: { shape: [ids.length], data: scores.score },
      exposure: { shape: [ids.length], data: scores.exposure },
    }),
  }
}
