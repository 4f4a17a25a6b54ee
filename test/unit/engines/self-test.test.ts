import { getKernel, registerKernel, unregisterKernel } from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { loadEngine, selfTest } from '#main/compute/worker/engines/engine.ts'
import {
  type SelfTestInput,
  selfTestAnswer,
  selfTestDirection,
  selfTestInputs,
  selfTestTargets,
  selfTestValues,
} from '#main/compute/worker/engines/self-test.ts'
import { dot, plainConv2d, plainCrossEntropy, plainDense, plainMaxPool, slope } from './plain-network.ts'

/** The self-test's network in float64, with one input replaced. */
function plainLoss(replaced?: SelfTestInput, value?: Float64Array): number {
  const input = (name: SelfTestInput): Float64Array =>
    name === replaced && value ? value : Float64Array.from(selfTestValues(name))
  const convolved = plainConv2d(
    { shape: [2, 6, 5, 2], values: input('images') },
    { shape: [3, 3, 2, 3], values: input('filter') },
    input('filterBias'),
    { strides: [2, 2], pad: 'same', relu: true },
  )
  const pooled = plainMaxPool(convolved, { size: 2, strides: [1, 1], pad: 'valid' })
  const hidden = plainDense(pooled.values, input('hidden'), input('hiddenBias'), { relu: true })
  const logits = plainDense(hidden, input('output'), input('outputBias'), { relu: false })
  const losses = plainCrossEntropy(logits, Float64Array.from(selfTestTargets.values), 3)
  return dot(losses, [0.5, 0.5])
}

describe('the self-test', () => {
  test('expects the loss of a float64 calculation without tensors', () => {
    expect(selfTestAnswer.loss).toBeCloseTo(plainLoss(), 6)
  })

  test.each(selfTestInputs)('expects the derivative along %s that finite differences give', (input) => {
    const found = slope((point) => plainLoss(input, point), selfTestValues(input), selfTestDirection(input))
    expect(selfTestAnswer[input]).toBeCloseTo(found, 6)
    expect(Math.abs(found)).toBeGreaterThan(0.01)
  })

  test.each(['wasm', 'cpu'] as const)('passes on %s in well under a second and leaks nothing', async (id) => {
    const engine = await loadEngine(id)
    await selfTest(engine)
    const before = engine.memory().tensors
    const start = process.cpuUsage()
    await selfTest(engine)
    // Of the processor: what a busy machine can't blur.
    const { user, system } = process.cpuUsage(start)
    expect((user + system) / 1e6).toBeLessThan(0.5)
    expect(engine.memory().tensors).toBe(before)
  })

  test('names the gradient that a wrong kernel spoils', async () => {
    const engine = await loadEngine('wasm')
    const name = 'TmuConvDW'
    const { kernelFunc } = getKernel(name, 'wasm')
    const replace = (replacement: typeof kernelFunc): void => {
      unregisterKernel(name, 'wasm')
      registerKernel({ kernelName: name, backendName: 'wasm', kernelFunc: replacement })
    }
    replace((call) => {
      const gradient = kernelFunc(call)
      const infos = Array.isArray(gradient) ? gradient : [gradient]
      const { backend } = call as unknown as { backend: { typedArrayFromHeap(info: unknown): Float32Array } }
      backend.typedArrayFromHeap(infos[0])[0] += 0.5
      return gradient
    })
    try {
      await expect(selfTest(engine)).rejects.toThrow(/wasm engine failed its self-test: the gradient of "filter" is/)
    } finally {
      replace(kernelFunc)
    }
    await selfTest(engine)
  })
})
