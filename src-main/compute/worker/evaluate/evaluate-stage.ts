import { evaluationSteps } from '#main/metrics/evaluate.ts'
import { type SetName, setNames } from '#main/metrics/outcome.ts'
import { type OutcomeArray, parseOutcome } from '#main/metrics/parse-outcome.ts'
import { comparedMetrics } from '#shared/domain/statistics.ts'
import { AppError } from '#shared/errors.ts'
import type { ObjectHash } from '#shared/ids.ts'
import type { StageSpec } from '../../stages.ts'
import { readLabels } from '../array-objects.ts'
import { inputOf, optionalInputOf, type RunnerContext, type StageRunner, type StoredArrays } from '../stage-runner.ts'
import { Pacer } from '../training/pacer.ts'
import { composeOutcome } from './compose-outcome.ts'

/**
 * Writes the outcome file and every metric of it. The file is read as one made elsewhere would be: nothing is computed
 * here that `outcome evaluate` couldn't compute from the file (but the paired difference to the control, which the
 * file has no name for).
 */
export const evaluateStage: StageRunner<'evaluate'> = async function* (spec, context) {
  const sets = new Map<SetName, Int32Array>()
  for (const set of setNames) {
    const ids = set === 'forget' ? inputOf(spec, set) : optionalInputOf(spec, set)
    if (ids !== null) sets.set(set, await context.readIds(ids))
  }
  const models = new Map<string, StoredArrays>()
  for (const [model, object] of modelInputs(spec)) models.set(model, await context.readArrays(object))
  const labels = await readLabels(context.objects, inputOf(spec, 'labels'))
  const composed = composeOutcome({ labels, sets, models })
  const outcome = parseOutcome(new Map(Object.entries(composed).map(([name, array]) => [name, outcomeArray(array)])))

  const draws: Record<string, StoredArrays[string]> = {}
  const steps = evaluationSteps(outcome, {
    seed: spec.seed,
    keepDraws: (metric, values) => {
      if (isCompared(metric)) draws[metric] = { shape: [values.length], data: Float32Array.from(values) }
    },
    draws: spec.params.draws,
    control: await controlLogits(spec, context, sets.get('forget') ?? new Int32Array()),
  })
  const pacer = new Pacer()
  let step = steps.next()
  for (; !step.done; step = steps.next()) {
    await context.breathe()
    if (pacer.due()) yield { kind: 'progress', value: step.value }
  }
  return {
    outcome: await context.writeArrays(composed, { format: 'tmu-workbench outcome', version: '1' }),
    metrics: await context.writeJson(step.value),
    draws: await context.writeArrays(draws, { format: 'tmu-workbench bootstrap draws', version: '1' }),
  }
}

/** Only what methods are compared in: nobody reads the draws of a floor. */
function isCompared(metric: string): boolean {
  return comparedMetrics.some(({ name }) => name === metric)
}

/** In the outcome's order: unlearned, original, randomInit, golds by number. */
function modelInputs(spec: StageSpec<'evaluate'>): readonly (readonly [string, ObjectHash])[] {
  const golds = Object.keys(spec.inputs)
    .filter((name) => /^gold\d+$/.test(name))
    .sort((a, b) => Number(a.slice(4)) - Number(b.slice(4)))
  const names = ['unlearned', 'original', 'randomInit', ...golds]
  inputOf(spec, 'unlearned')
  return names.filter((name) => Object.hasOwn(spec.inputs, name)).map((name) => [name, spec.inputs[name]])
}

/** Logits on F of the count-matched random control, checked to be of the same samples. */
async function controlLogits(
  spec: StageSpec<'evaluate'>,
  context: RunnerContext,
  forget: Int32Array,
): Promise<Float32Array | undefined> {
  const object = optionalInputOf(spec, 'control')
  if (object === null) return undefined
  const sets = new Map<SetName, Int32Array>([['forget', forget]])
  const models = new Map([['control', await context.readArrays(object)]])
  const labels = await readLabels(context.objects, inputOf(spec, 'labels'))
  const { ['control/forget/logits']: logits } = composeOutcome({ labels, sets, models })
  if (logits === undefined || !(logits.data instanceof Float32Array)) {
    throw new AppError('internal', 'The predictions of the control have no logits on forget.')
  }
  return logits.data
}

function outcomeArray({ shape, data }: StoredArrays[string]): OutcomeArray {
  return { dtype: data instanceof Int32Array ? 'I32' : 'F32', shape, data }
}
