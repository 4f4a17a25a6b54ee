/** Stage `cka`: what every layer represents, compared with the same layer of the golds. */
import { layerCka } from '#main/metrics/attacks/layer-cka.ts'
import type { AttackReport, LayerFigure } from '#shared/domain/attack.ts'
import type { Metric } from '#shared/domain/metrics.ts'
import type { ObjectHash } from '#shared/ids.ts'
import { Random } from '#shared/random.ts'
import type { StageSpec } from '../../stages.ts'
import { readLabels } from '../array-objects.ts'
import { comparedLayers } from '../models/compared-layers.ts'
import { inputOf, optionalInputOf, type RunnerContext, type StageRunner } from '../stage-runner.ts'
import type { Network, PixelFeed, StageContext } from '../training/types.ts'

type Spec = StageSpec<'cka'>

interface LayerActivations {
  readonly data: Float32Array
  readonly width: number
}

/** Small, since all layers of all models' batches pass through at once. */
const batchSize = 64

export const ckaStage: StageRunner<'cka'> = async function* (spec, context) {
  const { data, architecture, samples: most, draws } = spec.params
  const labels = await readLabels(context.objects, inputOf(spec, 'labels'))
  const feed = await context.pixels(data, inputOf(spec, 'images'))
  const network = await context.createNetwork(architecture, data)
  try {
    const stage = await context.stage()
    const golds = Object.keys(spec.inputs)
      .filter((name): name is `gold${number}` => /^gold\d+$/.test(name))
      .sort((a, b) => Number(a.slice(4)) - Number(b.slice(4)))
    const layers: LayerFigure[] = []
    const sets = await sampleSets(spec, context, most)
    // A layer is looked at alone: all activations of a wide network at once wouldn't fit.
    const names = comparedLayers(architecture, data)
    for (const [s, { set, ids }] of sets.entries()) {
      const strata = ids.map((id) => labels[id])
      for (const [l, layer] of names.entries()) {
        const look = async (model: ObjectHash): Promise<LayerActivations> => {
          network.load(await context.readWeights(model))
          return await activationsOf(stage, network, feed, ids, layer)
        }
        const own = await look(inputOf(spec, 'model'))
        const theirs: LayerActivations[] = []
        for (const gold of golds) theirs.push(await look(inputOf(spec, gold)))
        await context.breathe()
        layers.push({ layer, set, value: layerCka(own, theirs, strata, { seed: spec.seed, draws }) })
        yield { kind: 'progress', value: (s + (l + 1) / names.length) / sets.length }
      }
    }
    const report: AttackReport = {
      attack: 'cka',
      figures: headline(layers, network.penultimateLayer),
      subsets: {},
      roc: {},
      layers,
      relearning: null,
      notes: [],
    }
    return { report: await context.writeJson(report) }
  } finally {
    network.dispose()
  }
}

/** The penultimate layer on each set: the one that most papers report. */
function headline(layers: readonly LayerFigure[], penultimate: string): Readonly<Record<string, Metric>> {
  return Object.fromEntries(
    layers.filter(({ layer }) => layer === penultimate).map(({ set, value }) => [set ?? 'all', value]),
  )
}

async function sampleSets(
  spec: Spec,
  context: RunnerContext,
  most: number,
): Promise<readonly { readonly set: 'forget' | 'evaluation'; readonly ids: Int32Array }[]> {
  const sets: { readonly set: 'forget' | 'evaluation'; readonly ids: Int32Array }[] = []
  for (const set of ['forget', 'evaluation'] as const) {
    const object = optionalInputOf(spec, set)
    if (object === null) continue
    const ids = await context.readIds(object)
    const chosen =
      ids.length <= most ? ids : Random.of(spec.seed, 'cka', set).shuffle(ids.slice()).slice(0, most).sort()
    sets.push({ set, ids: chosen })
  }
  return sets
}

async function activationsOf(
  context: StageContext,
  network: Network,
  feed: PixelFeed,
  ids: Int32Array,
  layer: string,
): Promise<LayerActivations> {
  const { tf } = context.engine
  let data = new Float32Array()
  let width = 0
  for (let start = 0; start < ids.length; start += batchSize) {
    await context.breathe()
    const rows = ids.subarray(start, start + batchSize)
    const output = tf.tidy(() => network.forward(feed.batch(rows), { keep: [layer] }).activations[layer])
    try {
      if (start === 0) {
        width = output.size / rows.length
        data = new Float32Array(ids.length * width)
      }
      data.set(await output.data<'float32'>(), start * width)
    } finally {
      output.dispose()
    }
    context.count({ forward: rows.length })
  }
  return { data, width }
}
