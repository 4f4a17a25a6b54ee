/** Stage `unlearn`: gives a method what it declared, and nothing else, and stores what it made. */
import type { CurvePoint } from '#shared/domain/stage.ts'
import { AppError } from '#shared/errors.ts'
import type { MethodNeeds } from '../../method.ts'
import { methodOf } from '../../methods.ts'
import type { StageProgress, StageSpec, UnlearnInput } from '../../stages.ts'
import { corrupted } from '../data/corruption.ts'
import { attackedLogits } from '../features/adversarial.ts'
import { inputOf, type RunnerContext, type StageRunner } from '../stage-runner.ts'
import { batchGradients } from '../training/gradients.ts'
import { predict } from '../training/predict.ts'
import { train } from '../training/train.ts'
import type { NamedArrays, Network, UnlearnContext } from '../training/types.ts'
import { readLabels } from './predictor-stages.ts'

type Spec = StageSpec<'unlearn'>

export const unlearnStage: StageRunner<'unlearn'> = async function* (spec, context) {
  const { method: id, options, data, architecture } = spec.params
  const method = methodOf(id)
  if (method.run === null) throw new AppError('internal', `${id} trains nothing: it has no stage of its own.`)
  const declared = declaredInputs(method.needs(options))
  checkInputs(spec, declared)
  const network = await context.createNetwork(architecture, data)
  try {
    const curve: CurvePoint[] = []
    const unlearning = method.run(await unlearnContext(spec, context, network, declared, curve), options)
    const report = yield* namingDivergence(id, unlearning)
    return {
      weights: await context.writeArrays(finite(await network.save(), id)),
      curve: await context.writeJson(curve),
      report: await context.writeJson(report ?? null),
    }
  } finally {
    network.dispose()
  }
}

/** A training that diverged says which method it was part of. */
async function* namingDivergence(
  method: string,
  events: AsyncGenerator<StageProgress, unknown>,
): AsyncGenerator<StageProgress, unknown> {
  try {
    return yield* events
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'diverged') throw error
    const { message, hint, details } = error
    throw new AppError('diverged', `${method}: ${message}`, {
      ...(hint === undefined ? {} : { hint }),
      details: { ...(typeof details === 'object' ? details : {}), method },
      cause: error,
    })
  }
}

/** Methods that change weights without training have no loss to watch: their result is looked at. */
function finite(weights: NamedArrays, method: string): NamedArrays {
  const broken = Object.entries(weights).find(([, { data }]) => !data.every(Number.isFinite))
  if (broken === undefined) return weights
  throw new AppError('diverged', `${method} made weights of "${broken[0]}" that are no finite numbers.`, {
    hint: 'Lower its strength.',
    details: { method, variable: broken[0] },
  })
}

/** What a method may read beside pixels and labels. No need leads to a gold. */
export function declaredInputs(needs: MethodNeeds): readonly UnlearnInput[] {
  return [
    'forget',
    'retain',
    'original',
    ...(needs.easyHard === undefined ? [] : (['easyHard'] as const)),
    ...(needs.twin === true ? (['twinModel'] as const) : []),
    ...(needs.twin === true || needs.twinSamples === true ? (['twin'] as const) : []),
    ...(needs.epochs ?? []).map((epoch) => `epoch-${epoch}` as const),
  ]
}

function checkInputs(spec: Spec, declared: readonly UnlearnInput[]): void {
  const allowed: readonly string[] = ['images', 'labels', ...declared]
  const undeclared = Object.keys(spec.inputs).find((name) => !allowed.includes(name))
  if (undeclared !== undefined) {
    throw new AppError('internal', `The method ${spec.params.method} has not declared the input "${undeclared}".`)
  }
}

async function unlearnContext(
  spec: Spec,
  context: RunnerContext,
  network: Network,
  declared: readonly UnlearnInput[],
  curve: CurvePoint[],
): Promise<UnlearnContext> {
  const { data, architecture, recipe, method } = spec.params
  const stage = await context.stage()
  const twin = declared.includes('twin') ? await context.readIds(inputOf(spec, 'twin')) : new Int32Array()
  const feed = corrupted(
    await context.feed(data, inputOf(spec, 'images'), inputOf(spec, 'labels')),
    twin,
    spec.params.corruption,
  )
  const forget = await context.readIds(inputOf(spec, 'forget'))
  const labels = declared.includes('easyHard') ? await readLabels(context, inputOf(spec, 'easyHard'), forget) : null
  const weights = new Map<UnlearnInput, NamedArrays>()
  for (const name of declared) {
    if (isWeights(name)) weights.set(name, await context.readWeights(inputOf(spec, name)))
  }
  const weightsOf = weightsReader(method, weights)
  network.load(weightsOf('original'))
  return {
    ...stage,
    data,
    recipe,
    feed,
    network,
    forget,
    retain: await context.readIds(inputOf(spec, 'retain')),
    twin,
    easy: labels?.easy ?? null,
    abstained: labels?.abstained ?? null,
    checkpoints: context.checkpoints,
    createNetwork: ({ seed, classCount = data.classCount } = {}) =>
      context.createNetwork(architecture, { ...data, classCount }, seed),
    weights: weightsOf,
    async *train(plan) {
      // The public codes unlearn on the same views that they trained on.
      for await (const event of train({ augment: recipe.augment, ...plan }, stage)) {
        if (event.kind === 'curve') curve.push(event.point)
        yield event
      }
    },
    gradients: (model, items, batchSize) => batchGradients(stage, model, feed, items, batchSize),
    async attack(model, samples, attack) {
      const batches = attackedLogits(stage, model, feed, samples, attack)
      for (;;) {
        const batch = await batches.next()
        if (batch.done === true) return batch.value
      }
    },
    predict: (model, samples) => predict(stage, model, feed, samples),
  }
}

/** Weights by input name, of those that the method declared. */
export function weightsReader(
  method: string,
  declared: ReadonlyMap<UnlearnInput, NamedArrays>,
): UnlearnContext['weights'] {
  return (input) => {
    const found = declared.get(input)
    if (found !== undefined) return found
    throw new AppError('internal', `The method ${method} asked for "${input}", weights that it has not declared.`)
  }
}

function isWeights(name: UnlearnInput): boolean {
  return name === 'original' || name === 'twinModel' || name.startsWith('epoch-')
}
