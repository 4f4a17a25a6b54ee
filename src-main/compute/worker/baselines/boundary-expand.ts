import { z } from 'zod'
import { AppError } from '#shared/errors.ts'
import { Random } from '#shared/random.ts'
import { defineMethod } from '../../method.ts'
import type { NamedArrays, UnlearnContext } from '../training/types.ts'
import { sgdPlan } from './plans.ts'
import { sgdParams, unlearnSaliencyCode } from './sgd-parameters.ts'

/** F moves into a class that is added for it and taken away again afterwards. */
export const boundaryExpand = defineMethod({
  id: 'boundary-expand',
  title: 'Boundary expand',
  family: 'baseline',
  summary: 'Trains the forgotten images into an added class, which is then removed.',
  citation: `Chen et al. 2023, Boundary Unlearning; ${unlearnSaliencyCode}`,
  params: z.strictObject(sgdParams({ epochs: 10, lr: 1e-5 })),
  refusesClassRemoval: false,
  needs: () => ({}),
  estimate(params, counts) {
    const visits = params.epochs * counts.forget
    return { visitsForward: visits, visitsBackward: visits }
  },
  async *run(context, params) {
    const { network, forget, data, seed } = context
    const added = data.classCount
    const expanded = await context.createNetwork({ classCount: added + 1 })
    try {
      expanded.load(expandedHead(await network.save(), headOf(context), added, seed))
      const labels = forget.map(() => added)
      yield* context.train({
        ...sgdPlan(context, params),
        network: expanded,
        items: { samples: forget, targets: { labels } },
      })
      network.load(reducedHead(await expanded.save(), headOf(context), added))
    } finally {
      expanded.dispose()
    }
  },
})

/** Names of the last layer's variables: the only ones whose shape depends on the number of classes. */
function headOf({ network }: Pick<UnlearnContext, 'network'>): readonly string[] {
  const head = network.learningLayers.at(-1)?.variables ?? []
  if (head.length === 2) return head
  throw new AppError('internal', 'The network has no last layer of kernel and bias.')
}

/** One column more in the last layer, drawn as a new network's are: U(-1/sqrt(inputs), 1/sqrt(inputs)). */
function expandedHead(weights: NamedArrays, head: readonly string[], classCount: number, seed: number): NamedArrays {
  const inputs = weights[head[0]].shape[0]
  const random = Random.of(seed, 'unlearn', 'added-class')
  const drawn = (): number => (2 * random.uniform() - 1) / Math.sqrt(inputs)
  return withHead(weights, head, classCount, classCount + 1, drawn)
}

function reducedHead(weights: NamedArrays, head: readonly string[], classCount: number): NamedArrays {
  return withHead(weights, head, classCount + 1, classCount, () => 0)
}

function withHead(
  weights: NamedArrays,
  head: readonly string[],
  before: number,
  after: number,
  added: () => number,
): NamedArrays {
  const changed = head.map((name) => {
    const { shape, data } = weights[name]
    const rows = data.length / before
    const out = new Float32Array(rows * after)
    for (let row = 0; row < rows; row++) {
      for (let k = 0; k < after; k++) out[row * after + k] = k < before ? data[row * before + k] : added()
    }
    return [name, { shape: [...shape.slice(0, -1), after], data: out }] as const
  })
  return { ...weights, ...Object.fromEntries(changed) }
}
