import type { ObjectHash } from '#shared/ids.ts'
import type { OutcomeSet } from '../../stages.ts'
import { corrupted } from '../data/corruption.ts'
import { inputOf, optionalInputOf, type StageRunner, type StoredArray } from '../stage-runner.ts'
import { Pacer } from '../training/pacer.ts'
import { predicting } from '../training/predict.ts'

const outcomeSets: readonly OutcomeSet[] = ['forget', 'retain', 'evaluation', 'twin']

/**
 * A model's predictions on every set among the inputs: `SET/logits` [n, K], `ids/SET` [n], and `SET/features` [n, width]
 * where asked for.
 */
export const predictStage: StageRunner<'predict'> = async function* (spec, context) {
  const { data, architecture, featureSets } = spec.params
  const sets: { readonly set: OutcomeSet; readonly ids: Int32Array }[] = []
  for (const set of outcomeSets) {
    const object: ObjectHash | null = optionalInputOf(spec, set)
    if (object !== null) sets.push({ set, ids: await context.readIds(object) })
  }
  const total = sets.reduce((sum, { ids }) => sum + ids.length, 0)
  const plain = await context.pixels(data, inputOf(spec, 'images'))
  const network = await context.createNetwork(architecture, data)
  try {
    network.load(await context.readWeights(inputOf(spec, 'model')))
    const stage = await context.stage()
    const arrays: Record<string, StoredArray> = {}
    const pacer = new Pacer()
    let finished = 0
    for (const { set, ids } of sets) {
      const feed = set === 'twin' ? corrupted(plain, ids, spec.params.corruption) : plain
      const batches = predicting(stage, network, feed, ids)
      let batch = await batches.next()
      for (; !batch.done; batch = await batches.next()) {
        if (pacer.due()) yield { kind: 'progress', value: (finished + batch.value) / total }
      }
      const { logits, penultimate, width } = batch.value
      arrays[`ids/${set}`] = { shape: [ids.length], data: ids }
      arrays[`${set}/logits`] = { shape: [ids.length, data.classCount], data: logits }
      if (featureSets.includes(set)) arrays[`${set}/features`] = { shape: [ids.length, width], data: penultimate }
      finished += ids.length
    }
    return { outcome: await context.writeArrays(arrays) }
  } finally {
    network.dispose()
  }
}
