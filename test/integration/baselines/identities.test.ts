/** Settings at which a method is another one, or does nothing: the same bits, not only the same figures. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { MethodParams } from '#main/compute/methods.ts'
import { runStage } from '#main/compute/worker/run-stage.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import { recipe, specOf } from '../training/tiny-problem.ts'
import { seed, type TinyRequest, tinyRequest, unlearn } from './tiny-request.ts'

/** One of dense layers, one with batch norm: statistics must agree too. */
const architectures = ['mlp', 'resnet-small'] as const
const requests = new Map<string, TinyRequest>()

beforeAll(async () => {
  for (const architecture of architectures) requests.set(architecture, await tinyRequest({ architecture }))
})
afterAll(async () => {
  for (const request of requests.values()) await request[Symbol.asyncDispose]()
})

function requestOf(architecture: string): TinyRequest {
  const request = requests.get(architecture)
  if (request === undefined) throw new Error(`There is no request for ${architecture}.`)
  return request
}

/** Several uneven batches an epoch, so that orders matter. */
const sgd = { epochs: 2, lr: 0.05, batchSize: 7 } as const

const equal: readonly (readonly [string, MethodParams, string, MethodParams])[] = [
  ['neggrad-plus', { ...sgd, alpha: 1 }, 'fine-tune', sgd],
  ['l1-sparse', { ...sgd, alpha: 0 }, 'fine-tune', sgd],
  ['cf-k', { ...sgd, k: 1000, momentum: 0.9, weightDecay: 5e-4 }, 'fine-tune', sgd],
  ['salun', { ...sgd, share: 1 }, 'random-labels', sgd],
  ['salun', { ...sgd, share: 1, redraw: false }, 'random-labels', { ...sgd, redraw: false }],
]

describe.each(architectures)('on %s', (architecture) => {
  it.each(equal)('%s with %j is %s with %j', async (method, options, other, others) => {
    const request = requestOf(architecture)
    const engines: readonly EngineId[] = architecture === 'mlp' ? ['wasm', 'cpu'] : ['wasm']
    for (const engine of engines) {
      const one = await unlearn(request, method, options, { engine })
      const two = await unlearn(request, other, others, { engine })
      expect(one.object, engine).toBe(two.object)
      expect(one.cost).toMatchObject({ visitsBackward: two.cost.visitsBackward })
    }
  })

  it('EU-k of all layers is retraining from the seed\u2019s start on R', async () => {
    const request = requestOf(architecture)
    const { stored, data } = request
    const training = { ...recipe, epochs: 2, lr: 0.01, batchSize: 7, optimizer: 'adam', schedule: 'cosine' } as const
    const gold = await runStage(
      specOf(
        'train-gold',
        { data, architecture, recipe: training },
        { images: stored.images, labels: stored.labels, retain: await stored.ids(request.retain) },
        { seed },
      ),
      stored.objects.root,
      { signal: new AbortController().signal, onProgress: () => {} },
    )
    const { epochs, lr, batchSize, optimizer, schedule } = training
    const found = await unlearn(request, 'eu-k', { k: 1000, epochs, lr, batchSize, optimizer, schedule })
    expect(found.object).toBe(gold.outputs.weights)
  })

  it.each([
    ['ssd', { alpha: 1e30 }],
    ['fisher-noise', { alpha: 0 }],
    ['influence', { alpha: 0 }],
  ])('%s with %j leaves every bit as it was', async (method, options) => {
    const request = requestOf(architecture)
    const { object } = await unlearn(request, method, options)
    expect(object).toBe(request.spec(method, options).inputs.original)
  })

  const still = [
    'fine-tune',
    'gradient-ascent',
    'neggrad-plus',
    'random-labels',
    'amnesiac',
    'bad-teacher',
    'scrub',
  ].concat(['scrub-r', 'l1-sparse', 'salun', 'boundary-shrink', 'boundary-expand', 'cf-k'])
  it.each(still)('%s without a rate to speak of leaves every weight as it was', async (method) => {
    const request = requestOf(architecture)
    const { weights } = await unlearn(request, method, { lr: 1e-30, epochs: 1 })
    for (const [name, { data }] of Object.entries(request.original)) {
      // Training moves the averages of batch norm whatever the rate is.
      if (!name.includes('moving_')) expect(weights[name].data, name).toEqual(data)
    }
  })
})

describe('the other weights', () => {
  it('keep their bits where a method trains the last layers or the salient weights alone', async () => {
    const request = requestOf('resnet-small')
    const { weights } = await unlearn(request, 'cf-k', { k: 1, epochs: 1, lr: 0.1, weightDecay: 0.1 })
    for (const [name, { data }] of Object.entries(request.original)) {
      if (name.includes('moving_')) continue
      if (name.startsWith('dense/')) expect(weights[name].data, name).not.toEqual(data)
      else expect(weights[name].data, name).toEqual(data)
    }
    const masked = await unlearn(request, 'salun', { share: 0.1, epochs: 2, lr: 0.1, weightDecay: 0.1 })
    const { salient } = masked.report as { readonly salient: number }
    const changed = Object.entries(request.original).reduce(
      (sum, [name, { data }]) =>
        name.includes('moving_') ? sum : sum + data.filter((value, i) => value !== masked.weights[name].data[i]).length,
      0,
    )
    expect(changed).toBeGreaterThan(0.8 * salient)
    expect(changed).toBeLessThanOrEqual(salient)
  })

  it('of batch norm are those of the original where nothing was trained', async () => {
    const request = requestOf('resnet-small')
    for (const [method, options] of [
      ['ssd', { alpha: 1.5 }],
      ['fisher-noise', { samples: 4 }],
      ['influence', {}],
    ] as const) {
      const { weights } = await unlearn(request, method, options)
      for (const [name, { data }] of Object.entries(request.original)) {
        if (name.includes('moving_')) expect(weights[name].data, `${method} ${name}`).toEqual(data)
      }
      expect(weights['dense/kernel'].data).not.toEqual(request.original['dense/kernel'].data)
    }
  })
})
