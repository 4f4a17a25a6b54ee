import * as tf from '@tensorflow/tfjs-core'
import { beforeEach, describe, expect, test } from 'vitest'
import { type Engine, loadEngine } from '#main/compute/worker/engines/engine.ts'
import {
  createOptimizer,
  type Optimizer,
  type OptimizerOptions,
  type OptimizerState,
} from '#main/compute/worker/engines/optimizers.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import { nativeMissing, nativeTitle } from '#test/support/native-engine.ts'
import { normals, read, relativeError, type Values } from './tensors.ts'

const kinds = ['adam', 'sgd'] as const
const engineIds: readonly EngineId[] = ['wasm', 'cpu', ...(nativeMissing === null ? (['native'] as const) : [])]
/** Sizes that fill a vector, leave rests, and are smaller than one. */
const shapes: Readonly<Record<string, number[]>> = { kernel: [5, 7], bias: [3], scale: [1], filter: [2, 2, 3, 4] }
const names = Object.keys(shapes)
const learningRate = (step: number): number => 0.01 / (1 + step / 5)

interface Training {
  readonly variables: Map<string, tf.Variable>
  readonly optimizer: Optimizer
  step(step: number): number
  weights(): Values[]
  dispose(): void
}

const gradientAt = (name: string, step: number): Values =>
  normals(1000 * names.indexOf(name) + step, ...shapes[name]).map((value) => value * 0.3)
const initial = (name: string): Values => normals(names.indexOf(name) - 10, ...shapes[name])

function start(kind: 'adam' | 'sgd', options: OptimizerOptions = {}): Training {
  const variables = new Map(
    names.map((name) => {
      const value = tf.tensor(initial(name), shapes[name])
      const variable = tf.variable(value)
      value.dispose()
      return [name, variable]
    }),
  )
  const optimizer = createOptimizer(kind, variables, options)
  return {
    variables,
    optimizer,
    step(step) {
      const gradients = new Map(names.map((name) => [name, tf.tensor(gradientAt(name, step), shapes[name])]))
      const norm = optimizer.step(gradients, learningRate(step))
      tf.dispose([...gradients.values()])
      return norm
    },
    weights: () => [...variables.values()].map(read),
    dispose() {
      optimizer.dispose()
      for (const variable of variables.values()) variable.dispose()
    },
  }
}

describe.each(engineIds)('on %s', (id) => {
  let engine: Engine
  beforeEach(async () => {
    engine = await loadEngine(id)
  })

  test('Adam makes the updates of a float64 calculation by the paper', () => {
    const training = start('adam', { weightDecay: 0.02 })
    const expected = names.map((name) => Float64Array.from(initial(name)))
    const m = expected.map((values) => new Float64Array(values.length))
    const v = expected.map((values) => new Float64Array(values.length))
    for (let t = 1; t <= 12; t++) {
      training.step(t)
      for (const [n, name] of names.entries()) {
        gradientAt(name, t).forEach((raw, i) => {
          const g = raw + 0.02 * expected[n][i]
          m[n][i] = 0.9 * m[n][i] + 0.1 * g
          v[n][i] = 0.999 * v[n][i] + 0.001 * g * g
          const mHat = m[n][i] / (1 - 0.9 ** t)
          const vHat = v[n][i] / (1 - 0.999 ** t)
          expected[n][i] -= (learningRate(t) * mHat) / (Math.sqrt(vHat) + 1e-8)
        })
      }
      for (const [n, weights] of training.weights().entries()) {
        expect(relativeError(weights, expected[n])).toBeLessThan(2e-6)
      }
    }
    training.dispose()
  })

  test("SGD makes the updates of a float64 calculation in PyTorch's convention", () => {
    const training = start('sgd', { momentum: 0.9, weightDecay: 5e-4 })
    const expected = names.map((name) => Float64Array.from(initial(name)))
    const velocity = expected.map((values) => new Float64Array(values.length))
    for (let t = 1; t <= 12; t++) {
      training.step(t)
      for (const [n, name] of names.entries()) {
        gradientAt(name, t).forEach((raw, i) => {
          velocity[n][i] = 0.9 * velocity[n][i] + raw + 5e-4 * expected[n][i]
          expected[n][i] -= learningRate(t) * velocity[n][i]
        })
      }
    }
    for (const [n, weights] of training.weights().entries()) {
      expect(relativeError(weights, expected[n])).toBeLessThan(2e-6)
    }
    training.dispose()
  })

  test('two steps of SGD with momentum come out as worked by hand', () => {
    const weight = tf.variable(tf.tensor1d([1]))
    const optimizer = createOptimizer('sgd', new Map([['w', weight]]), { momentum: 0.5, weightDecay: 0.25 })
    const gradient = tf.tensor1d([0.75])
    // g = .75 + .25 = 1, v = 1, w = 1 - .5 = .5; then g = .75 + .125 = .875, v = .5 + .875 = 1.375, w = .5 - .6875
    expect(optimizer.step({ w: gradient }, 0.5)).toBe(0.75)
    expect(read(weight)[0]).toBe(0.5)
    optimizer.step({ w: gradient }, 0.5)
    expect(read(weight)[0]).toBe(-0.1875)
    optimizer.dispose()
    tf.dispose([weight, gradient])
  })

  test('the first step of Adam has the size of the learning rate', () => {
    const weight = tf.variable(tf.tensor1d([0, 0]))
    const optimizer = createOptimizer('adam', new Map([['w', weight]]))
    const gradient = tf.tensor1d([1e-3, -40])
    optimizer.step({ w: gradient }, 0.25)
    expect(read(weight)[0]).toBeCloseTo(-0.25, 4)
    expect(read(weight)[1]).toBeCloseTo(0.25, 4)
    optimizer.dispose()
    tf.dispose([weight, gradient])
  })

  describe.each(kinds)('%s', (kind) => {
    const options = { momentum: 0.9, weightDecay: 1e-3 }

    test('resumed from its state goes on with the same bits', async () => {
      const whole = start(kind, options)
      for (let t = 1; t <= 9; t++) whole.step(t)

      const first = start(kind, options)
      for (let t = 1; t <= 4; t++) first.step(t)
      const state = await first.optimizer.state()
      const weights = first.weights()
      // What comes later must not reach a state that was taken before.
      first.step(99)

      const second = start(kind, options)
      for (const [i, variable] of [...second.variables.values()].entries()) {
        tf.tidy(() => variable.assign(tf.tensor(weights[i], variable.shape)))
      }
      second.optimizer.restore(state)
      for (let t = 5; t <= 9; t++) second.step(t)
      expect(second.weights()).toEqual(whole.weights())
      expect(await second.optimizer.state()).toEqual(await whole.optimizer.state())
      for (const training of [whole, first, second]) training.dispose()
    })

    test('leaks no tensor', async () => {
      const before = engine.memory().tensors
      const training = start(kind, options)
      training.step(1)
      const running = engine.memory().tensors
      for (let t = 2; t <= 5; t++) training.step(t)
      training.optimizer.restore(await training.optimizer.state())
      expect(engine.memory().tensors).toBe(running)
      training.dispose()
      expect(engine.memory().tensors).toBe(before)
    })

    test('leaves everything as it was when the gradient is not finite, and says so', async () => {
      const training = start(kind, options)
      training.step(1)
      const [weights, state] = [training.weights(), await training.optimizer.state()]
      for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
        const gradients = Object.fromEntries(
          names.map((name) => [name, tf.fill(shapes[name], name === 'bias' ? bad : 1)]),
        )
        expect(Number.isFinite(training.optimizer.step(gradients, 0.1))).toBe(false)
        tf.dispose(gradients)
      }
      expect(training.weights()).toEqual(weights)
      expect(await training.optimizer.state()).toEqual(state)
      training.dispose()
    })

    test('skips an update below the least gradient norm', async () => {
      const training = start(kind, { minGradientNorm: 1e-7 })
      const weights = training.weights()
      const step = (value: number): number => {
        const gradients = Object.fromEntries(names.map((name) => [name, tf.fill(shapes[name], value)]))
        const norm = training.optimizer.step(gradients, 0.1)
        tf.dispose(gradients)
        return norm
      }
      const count = 35 + 3 + 1 + 48
      expect(step(1e-9)).toBeCloseTo(1e-9 * Math.sqrt(count), 13)
      expect(training.weights()).toEqual(weights)
      expect([...(await training.optimizer.state()).step.data]).toEqual([0])
      expect(step(1e-6)).toBeCloseTo(1e-6 * Math.sqrt(count), 10)
      expect(training.weights()).not.toEqual(weights)
      training.dispose()
    })

    test('takes gradients as variableGrads gives them', () => {
      const training = start(kind)
      const { kernel, bias, scale, filter } = Object.fromEntries(training.variables)
      const { value, grads } = tf.variableGrads(() =>
        tf.tidy(() => tf.addN([kernel, bias, scale, filter].map((each) => tf.sum(each))) as tf.Scalar),
      )
      const squared = training.optimizer.squaredNorm(grads)
      expect(read(squared)[0]).toBeCloseTo(87, 4)
      const weights = training.weights()
      // Whoever has read the norm needn't wait for it again.
      expect(training.optimizer.step(grads, 0.1, Number.NaN)).toBeNaN()
      expect(training.weights()).toEqual(weights)
      expect(training.optimizer.step(grads, 0.1)).toBeCloseTo(Math.sqrt(87), 5)
      expect(training.weights()).not.toEqual(weights)
      tf.dispose([value, grads, squared])
      training.dispose()
    })

    test('refuses gradients with one missing', () => {
      const training = start(kind)
      expect(() => training.optimizer.step(new Map(), 0.1)).toThrow(/no gradient for the variable "kernel"/)
      training.dispose()
    })

    test("refuses another optimizer's state", async () => {
      const training = start(kind)
      const state = await training.optimizer.state()
      const without = (key: string): OptimizerState =>
        Object.fromEntries(Object.entries(state).filter(([name]) => name !== key))
      const moment = kind === 'adam' ? 'kernel/mean' : 'kernel/velocity'
      expect(() => training.optimizer.restore(without(moment))).toThrow(`"${moment}" is missing`)
      expect(() => training.optimizer.restore(without('step'))).toThrow('"step" is missing')
      expect(() => training.optimizer.restore({ ...state, other: state.step })).toThrow('"other" is unknown')
      const wrong = { shape: [7, 5], data: state[moment].data }
      expect(() => training.optimizer.restore({ ...state, [moment]: wrong })).toThrow(/has shape \[7, 5\] instead of/)
      training.dispose()
    })
  })
})

describe(nativeTitle('all engines'), () => {
  test.each(kinds)('make bit-identical updates with %s', async (kind) => {
    const results: Values[][] = []
    for (const id of engineIds) {
      await loadEngine(id)
      const training = start(kind, { momentum: 0.9, weightDecay: 1e-3 })
      for (let t = 1; t <= 20; t++) training.step(t)
      results.push(training.weights())
      training.dispose()
    }
    for (const result of results) expect(result).toEqual(results[0])
  })
})
