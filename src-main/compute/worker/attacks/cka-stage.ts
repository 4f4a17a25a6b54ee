/** Stage `cka`: what every layer represents, compared with the same layer of the golds. */
import { layerCka } from '#main/metrics/attacks/layer-cka.ts'
import type { AttackReport, AttackSubset, LayerFigure } from '#shared/domain/attack.ts'
import type { MetricTable } from '#shared/domain/metrics.ts'
import type { ObjectHash } from '#shared/ids.ts'
import { Random } from '#shared/random.ts'
import type { StageSpec } from '../../stages.ts'
import { readLabels } from '../array-objects.ts'
import { comparedLayers } from '../models/compared-layers.ts'
import { inputOf, optionalInputOf, type RunnerContext, type StageRunner } from '../stage-runner.ts'
import type { Network, PixelFeed, StageContext } from '../training/types.ts'
import { numbered, partsOfForget, type Samples, samplesOf } from './material.ts'

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
    const golds = numbered(spec, 'gold')
    const layers: LayerFigure[] = []
    const sets = await sampleSets(spec, context, labels, most)
    // A layer is looked at alone: all activations of a wide network at once wouldn't fit.
    const names = comparedLayers(architecture, data)
    for (const [s, { set, ids, parts }] of sets.entries()) {
      const classes = ids.map((id) => labels[id])
      for (const [l, layer] of names.entries()) {
        const look = async (model: ObjectHash): Promise<LayerActivations> => {
          network.load(await context.readWeights(model))
          return await activationsOf(stage, network, feed, ids, layer)
        }
        const own = await look(inputOf(spec, 'model'))
        const theirs: LayerActivations[] = []
        for (const gold of golds) theirs.push(await look(inputOf(spec, gold)))
        await context.breathe()
        layers.push({ layer, set, value: layerCka(own, theirs, classes, { seed: spec.seed, draws }) })
        for (const [part, positions] of parts) {
          const value = layerCka(
            rowsOf(own, positions),
            theirs.map((gold) => rowsOf(gold, positions)),
            positions.map((at) => classes[at]),
            { seed: spec.seed, draws },
          )
          layers.push({ layer, set: part, value })
          await context.breathe()
        }
        yield { kind: 'progress', value: (s + (l + 1) / names.length) / sets.length }
      }
    }
    const { figures, subsets } = headline(layers, network.penultimateLayer)
    const report: AttackReport = {
      attack: 'cka',
      figures,
      subsets,
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
function headline(layers: readonly LayerFigure[], penultimate: string): Pick<AttackReport, 'figures' | 'subsets'> {
  const figures: Record<string, LayerFigure['value']> = {}
  const subsets: Partial<Record<AttackSubset, MetricTable>> = {}
  for (const { layer, set, value } of layers) {
    if (layer !== penultimate || set === null) continue
    if (set === 'forget' || set === 'evaluation') figures[set] = value
    else subsets[set] = { forget: value }
  }
  return { figures, subsets }
}

interface SampleSet {
  readonly set: 'forget' | 'evaluation'
  readonly ids: Int32Array
  /** Positions in `ids`: what is easy or hard of F. */
  readonly parts: readonly (readonly [AttackSubset, Int32Array])[]
}

async function sampleSets(
  spec: Spec,
  context: RunnerContext,
  labels: Int32Array,
  most: number,
): Promise<readonly SampleSet[]> {
  const sets: SampleSet[] = []
  for (const set of ['forget', 'evaluation'] as const) {
    const object = optionalInputOf(spec, set)
    if (object === null) continue
    const all = await context.readIds(object)
    const ids = all.length <= most ? all : Random.of(spec.seed, 'cka', set).shuffle(all.slice()).slice(0, most).sort()
    const parts = set === 'forget' ? await partsOf(spec, context, samplesOf(all, labels), ids) : []
    sets.push({ set, ids, parts })
  }
  return sets
}

async function partsOf(
  spec: Spec,
  context: RunnerContext,
  forget: Samples,
  ids: Int32Array,
): Promise<SampleSet['parts']> {
  const found = await partsOfForget(context, forget, spec.params.data.classCount, {
    truths: numbered(spec, 'truth').map((name) => inputOf(spec, name)),
    easyHard: optionalInputOf(spec, 'easyHard'),
  })
  const positionOf = new Map(Array.from(ids, (id, at) => [id, at]))
  return (Object.entries(found) as [AttackSubset, Int32Array][]).map(([part, positions]) => [
    part,
    Int32Array.from([...positions].flatMap((at) => positionOf.get(forget.ids[at]) ?? [])),
  ])
}

function rowsOf({ data, width }: LayerActivations, positions: Int32Array): LayerActivations {
  const rows = new Float32Array(positions.length * width)
  for (const [row, at] of positions.entries()) rows.set(data.subarray(at * width, (at + 1) * width), row * width)
  return { data: rows, width }
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
