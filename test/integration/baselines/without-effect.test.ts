/** Parameters that are declared to have no effect beside the others: the same bits, whatever they are. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type MethodParams, methodOf, parseMethodOptions } from '#main/compute/methods.ts'
import { labelItems } from '#main/compute/worker/tmu/unlearn-by-labels.ts'
import { isInEffect } from '#shared/domain/in-effect.ts'
import { sequence, type TinyRequest, tinyRequest, unlearn } from './tiny-request.ts'

let request: TinyRequest
beforeAll(async () => {
  request = await tinyRequest()
})
afterAll(async () => {
  await request[Symbol.asyncDispose]()
})

const short = { epochs: 1, batchSize: 16 } as const

describe('a parameter without effect changes no bit', () => {
  it.each<[method: string, options: MethodParams, idle: MethodParams]>([
    ['tmu', short, { momentum: 0.3, smoothing: 0.4, mapFirstEpoch: 3, mapSecondEpoch: 3, twinSeverity: 5 }],
    ['tmu', { ...short, easyTreatment: 'true-label' }, { noiseSigma: 2 }],
    ['tmu-soft', { ...short, mapSteps: 20 }, { surrogateEpochs: 1, surrogateLr: 0.5, twinSurrogate: 'same' }],
    ['tmu-soft-retrained', { ...short, mapSteps: 20 }, { secondEpoch: 3, prior: 'raw', exposure: 'kept' }],
    ['eu-k', { ...short, optimizer: 'adam' }, { momentum: 0.7 }],
  ])('of %s with %j: %j', async (method, options, idle) => {
    const params = parseMethodOptions(method, options)
    for (const key of Object.keys(idle)) {
      expect(isInEffect(methodOf(method).inEffect, key, params), key).toBe(false)
      expect(params[key], key).not.toBe(idle[key])
    }
    const one = await unlearn(request, method, options)
    const two = await unlearn(request, method, { ...options, ...idle })
    expect(two.object).toBe(one.object)
  })

  it.each([
    ['all-easy', 1, { hardTreatment: 'uniform-soft' }],
    ['all-hard', 0, { easyTreatment: 'dropped', noiseSigma: 3, smoothing: 0.9 }],
  ] as const)('of %s, whose labels are all alike', (method, label, idle) => {
    const forget = sequence(0, 6)
    const truth = { feed: { labels: sequence(0, 12).map((i) => i % 3) }, classCount: 3 }
    const asked = { seed: 1, forget, retain: sequence(6, 12), easy: new Uint8Array(6).fill(label), ...truth }
    const itemsWith = (options: MethodParams) =>
      labelItems(asked, parseMethodOptions(method, options) as Parameters<typeof labelItems>[1])
    for (const key of Object.keys(idle)) {
      expect(isInEffect(methodOf(method).inEffect, key, parseMethodOptions(method, idle)), key).toBe(false)
    }
    expect(itemsWith(idle)).toEqual(itemsWith({}))
  })
})
