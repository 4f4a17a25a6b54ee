/** Writes down a study's stages for pytorch/study.py, and has it do the same work. */
import { spawnSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ObjectStore } from '#main/artifacts/object-store.ts'
import type { StageNode } from '#main/compute/stages.ts'
import { readIds } from '#main/compute/worker/array-objects.ts'
import { initialWeights } from '#main/compute/worker/models/initial-weights.ts'
import type { StoredStage } from '#main/store/repositories/stages.ts'
import type { Dataset } from '#shared/domain/dataset.ts'
import type { ObjectHash } from '#shared/ids.ts'
import { Random } from '#shared/random.ts'

export interface TwinTimes {
  readonly torch: string
  readonly stages: readonly { readonly key: string; readonly kind: string; readonly seconds: number }[]
  /** Training accuracy of the original after its last epoch: the two must have learned alike. */
  readonly accuracy: number
}

const bytesOf = (values: Int32Array | Float32Array): Buffer =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength)

/** Every stage with its samples, epochs, batch orders and weights to start from. */
export async function writeTwin(
  folder: string,
  {
    objects,
    dataset,
    stages,
  }: {
    readonly objects: ObjectStore
    readonly dataset: Dataset
    readonly stages: readonly StoredStage[]
  },
): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'images.bin'), await objects.read(dataset.images))
  const lists = new Map<ObjectHash, Int32Array>()
  const idsOf = async (object: ObjectHash): Promise<Int32Array> => {
    const known = lists.get(object) ?? (await readIds(objects, object))
    lists.set(object, known)
    return known
  }
  const entries: unknown[] = []
  for (const { key, kind, seed, spec, cost } of stages) {
    const { params, inputs } = JSON.parse(spec) as Pick<StageNode<'train-original'>, 'params' | 'inputs'>
    const ids: Record<string, readonly number[]> = {}
    for (const [name, input] of Object.entries(inputs)) {
      const isList = /^(members|retain|twin|forget|samples|references|evaluation)$/.test(name)
      if (isList && 'object' in input) ids[name] = [...(await idsOf(input.object))]
    }
    const entry = { key, kind, params, ids, forward: cost?.visitsForward ?? 0, backward: cost?.visitsBackward ?? 0 }
    if (kind !== 'train-original' && kind !== 'train-gold' && kind !== 'train-twin') {
      entries.push(entry)
      continue
    }
    const samples = [...(ids['members'] ?? ids['retain'] ?? []), ...(ids['twin'] ?? [])]
    const orders = new Int32Array(params.recipe.epochs * samples.length)
    for (let epoch = 0; epoch < params.recipe.epochs; epoch++) {
      const order = Random.of(seed, kind, 'order', epoch).shuffle(Int32Array.from(samples, (_, i) => i))
      orders.set(order, epoch * samples.length)
    }
    await writeFile(join(folder, `${key}.orders`), bytesOf(orders))
    const weights: Record<string, readonly number[]> = {}
    for (const [name, { shape, data }] of Object.entries(initialWeights(params.architecture, params.data, seed))) {
      weights[name] = shape
      await writeFile(join(folder, `${key}.${name.replaceAll('/', '_')}`), bytesOf(data))
    }
    entries.push({ ...entry, weights })
  }
  const [height, width, channels] = dataset.shape
  const { params } = JSON.parse(stages.find(({ kind }) => kind === 'train-original')?.spec ?? '{}') as {
    readonly params: StageNode<'train-original'>['params']
  }
  const labels = await import('#main/compute/worker/array-objects.ts').then((m) =>
    m.readLabels(objects, dataset.labels),
  )
  await writeFile(join(folder, 'labels.bin'), bytesOf(labels))
  const about = { height, width, channels, classCount: dataset.classes.length, ...params.data.normalisation }
  await writeFile(join(folder, 'study.json'), JSON.stringify({ data: about, stages: entries }))
}

/** Null with a word why, where there is no Python with torch. */
export function runTwin(python: string, folder: string): TwinTimes | { readonly reason: string } {
  const script = join(import.meta.dirname, '..', 'pytorch', 'study.py')
  const { stdout, stderr, error, status } = spawnSync(python, [script, folder], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (error !== undefined) return { reason: `${python} does not run (${error.message})` }
  if (status !== 0) return { reason: stderr.trim().split('\n').at(-1) ?? `exit code ${status}` }
  return JSON.parse(stdout) as TwinTimes | { readonly reason: string }
}
