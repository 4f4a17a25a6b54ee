/** Stage `features`: DF, AF and CF of samples under a model that has seen them (SCIENCE section 1, step 4). */
import type { ObjectHash } from '#shared/ids.ts'
import type { StageProgress, StageSpec, TmuFeature } from '../../stages.ts'
import { corrupted } from '../data/corruption.ts'
import { inputOf, optionalInputOf, type RunnerContext, type StageRunner, type StoredArray } from '../stage-runner.ts'
import { Pacer } from '../training/pacer.ts'
import { predict } from '../training/predict.ts'
import type { ImageFeed, Network } from '../training/types.ts'
import { adversarialSensitivity, attackedLogits } from './adversarial.ts'
import { distanceToClassCore, type LabelledFeatures } from './distance.ts'
import { crossEntropy } from './logits.ts'

type Spec = StageSpec<'features'>

export const featuresStage: StageRunner<'features'> = async function* (spec, context) {
  const { data, architecture, features, neighbours, epsilon, steps, pgdTarget } = spec.params
  const { classCount } = data
  const stage = await context.stage()
  const samples = await context.readIds(inputOf(spec, 'samples'))
  const feed = corrupted(
    await context.feed(data, inputOf(spec, 'images'), inputOf(spec, 'labels')),
    samples,
    spec.params.corruption,
  )
  const labels = labelsOf(feed, samples)
  const columns: Partial<Record<TmuFeature, Float64Array>> = {}
  const network = await context.createNetwork(architecture, data)
  try {
    const model = await context.readWeights(inputOf(spec, 'model'))
    network.load(model)
    const own = await predict(stage, network, feed, samples)
    if (features.includes('af')) {
      const attacked = yield* attackedUnder(stage, network, feed, samples, { epsilon, steps })
      columns.af = adversarialSensitivity(own.logits, attacked, pgdTarget, classCount)
    }
    if (features.includes('df')) {
      const other = optionalInputOf(spec, 'referenceModel')
      if (other !== null) network.load(await context.readWeights(other))
      const references = await referencesFor(spec, context, network, feed, labels)
      columns.df = await distanceToClassCore(
        { features: own.penultimate, labels, width: own.width },
        references,
        neighbours,
        () => context.breathe(),
      )
    }
    if (features.includes('cf')) {
      network.load(await context.readWeights(inputOf(spec, 'early')))
      const early = await predict(stage, network, feed, samples)
      columns.cf = crossEntropy(early.logits, labels, classCount)
    }
    const arrays: Record<string, StoredArray> = {
      ids: { shape: [samples.length], data: samples },
      labels: { shape: [samples.length], data: labels },
      logits: { shape: [samples.length, classCount], data: own.logits },
    }
    for (const feature of features) {
      const column = columns[feature]
      if (column !== undefined) arrays[feature] = { shape: [samples.length], data: Float32Array.from(column) }
    }
    const output: ObjectHash = await context.writeArrays(arrays)
    yield { kind: 'progress', value: 1 }
    return { features: output }
  } finally {
    network.dispose()
  }
}

async function* attackedUnder(
  ...[stage, network, feed, samples, attack]: Parameters<typeof attackedLogits>
): AsyncGenerator<StageProgress, Float32Array> {
  const pacer = new Pacer()
  const batches = attackedLogits(stage, network, feed, samples, attack)
  for (;;) {
    const step = await batches.next()
    if (step.done) return step.value
    // The attack is nearly all of the stage's work.
    if (pacer.due()) yield { kind: 'progress', value: (0.9 * step.value) / samples.length }
  }
}

/** Penultimate features of those of R whose label occurs among the samples. */
async function referencesFor(
  spec: Spec,
  context: RunnerContext,
  network: Network,
  feed: ImageFeed,
  labels: Int32Array,
): Promise<LabelledFeatures> {
  const wanted = new Set(labels)
  const retained = await context.readIds(inputOf(spec, 'references'))
  const references = retained.filter((sample) => wanted.has(feed.labels[sample]))
  const { penultimate, width } = await predict(await context.stage(), network, feed, references)
  return { features: penultimate, labels: labelsOf(feed, references), width }
}

function labelsOf(feed: ImageFeed, samples: Int32Array): Int32Array {
  return samples.map((sample) => feed.labels[sample])
}
