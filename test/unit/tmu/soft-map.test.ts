import { describe, expect, it } from 'vitest'
import { applySoftMap, fitSoftMap } from '#main/compute/worker/tmu/soft-map.ts'
import { Random } from '#shared/random.ts'

const rest = async () => {}
const classCount = 3

function side(count: number, seed: number) {
  const random = Random.of(seed, 'logits')
  const logits = () => Float32Array.from({ length: count * classCount }, () => 2 * random.normal())
  const labels = Int32Array.from({ length: count }, (_, i) => i % classCount)
  return { surrogates: [logits(), logits()], memorised: logits(), labels }
}

function softmaxRow(z: readonly number[]): number[] {
  const e = z.map(Math.exp)
  const sum = e.reduce((a, b) => a + b, 0)
  return e.map((value) => value / sum)
}

function rowOf(values: ArrayLike<number>, i: number): number[] {
  return Array.from({ length: classCount }, (_, k) => values[i * classCount + k])
}

/** The definition, written a second time: rows of plain arrays, the gradient by central differences. */
function mapByHand(twin: ReturnType<typeof side>, target: Float64Array, steps: number, lr: number, ridge: number) {
  const count = target.length / classCount
  const logs = (logits: Float32Array, i: number) => softmaxRow(rowOf(logits, i)).map((p) => Math.log(p + 1e-4))
  const clamped = (logits: Float32Array, i: number) =>
    softmaxRow(rowOf(logits, i)).map((p) => Math.min(0, Math.max(-12, Math.log(p))))
  const columns = Array.from({ length: classCount }, (_, k) =>
    Array.from({ length: count }, (_, i) => clamped(twin.memorised, i)[k]),
  )
  const means = columns.map((column) => column.reduce((a, b) => a + b, 0) / count)
  const deviations = columns.map((column, k) =>
    Math.sqrt(column.reduce((sum, value) => sum + (value - means[k]) ** 2, 0) / count),
  )
  const output = (theta: readonly number[], given: ReturnType<typeof side>, i: number) => {
    const s = clamped(given.memorised, i).map((value, k) => (value - means[k]) / deviations[k])
    const first = logs(given.surrogates[0], i)
    const second = logs(given.surrogates[1], i)
    return softmaxRow(
      s.map((_, k) => {
        const v = theta.slice(2 + 3 * k, 5 + 3 * k)
        return theta[0] * first[k] + theta[1] * second[k] + v.reduce((sum, w, j) => sum + w * s[j], 0) + theta[11 + k]
      }),
    )
  }
  const loss = (theta: readonly number[]) => {
    let sum = 0
    for (let i = 0; i < count; i++) {
      output(theta, twin, i).forEach((q, k) => {
        sum -= (target[i * classCount + k] * Math.log(q)) / count
      })
    }
    const square = (values: readonly number[]) => values.reduce((total, value) => total + value * value, 0)
    return (
      sum +
      ridge * (square([theta[0] - 0.5, theta[1] - 0.5]) + square(theta.slice(2, 11)) + 0.1 * square(theta.slice(11)))
    )
  }
  let theta = [0.5, 0.5, ...new Array(12).fill(0)]
  const m = new Array(14).fill(0)
  const v = new Array(14).fill(0)
  for (let t = 1; t <= steps; t++) {
    const gradient = theta.map((value, i) => {
      const at = (x: number) => loss(theta.with(i, x))
      return (at(value + 1e-5) - at(value - 1e-5)) / 2e-5
    })
    theta = theta.map((value, i) => {
      m[i] = 0.9 * m[i] + 0.1 * gradient[i]
      v[i] = 0.999 * v[i] + 0.001 * gradient[i] ** 2
      return value - (lr * (m[i] / (1 - 0.9 ** t))) / (Math.sqrt(v[i] / (1 - 0.999 ** t)) + 1e-8)
    })
  }
  return { theta, loss: loss(theta), output: (given: ReturnType<typeof side>, i: number) => output(theta, given, i) }
}

describe('the map of TMU-soft', () => {
  const twin = side(12, 1)
  const random = Random.of(2, 'target')
  const target = Float64Array.from(
    Array.from({ length: 12 }, () => softmaxRow([random.normal(), random.normal(), random.normal()])).flat(),
  )

  it('is the one that an independent computation finds, and maps other samples as it does', async () => {
    const map = await fitSoftMap(twin, target, classCount, { steps: 40, lr: 0.05, ridge: 0.02 }, rest)
    const byHand = mapByHand(twin, target, 40, 0.05, 0.02)
    expect(map.loss).toBeCloseTo(byHand.loss, 6)
    ;[...map.a, ...map.v, ...map.b].forEach((value, i) => expect(value).toBeCloseTo(byHand.theta[i], 5))
    const forget = side(4, 3)
    const q = applySoftMap(map, forget, 'twin')
    for (let i = 0; i < 4; i++) {
      byHand.output(forget, i).forEach((value, k) => expect(q[i * classCount + k]).toBeCloseTo(value, 5))
    }
  })

  it('standardises what F is memorised by in F\u2019s own units, where there are enough samples for any', async () => {
    const map = await fitSoftMap(twin, target, classCount, { steps: 40, lr: 0.05, ridge: 0.02 }, rest)
    const many = side(30, 4)
    const columns = [0, 1, 2].map((k) =>
      Array.from({ length: 30 }, (_, i) => Math.max(-12, Math.log(softmaxRow(rowOf(many.memorised, i))[k]))),
    )
    const mean = Float64Array.from(columns, (column) => column.reduce((a, b) => a + b) / 30)
    const std = Float64Array.from(columns, (column, k) =>
      Math.sqrt(column.reduce((sum, value) => sum + (value - mean[k]) ** 2, 0) / 30),
    )
    const expected = applySoftMap({ ...map, mean, std }, many, 'twin')
    const found = applySoftMap(map, many, 'own')
    found.forEach((value, i) => expect(value).toBeCloseTo(expected[i], 10))
    expect(found).not.toEqual(applySoftMap(map, many, 'twin'))
    const few = side(29, 4)
    expect(applySoftMap(map, few, 'own')).toEqual(applySoftMap(map, few, 'twin'))
  })

  it('takes the twin\u2019s moments where either side is too small to have moments by label', async () => {
    const fit = { steps: 40, lr: 0.05, ridge: 0.02 }
    const free = Float64Array.from({ length: 90 }, (_, i) => (i % 3 === 0 ? 0.5 : 0.25))
    const [few, enough] = [side(29, 4), side(30, 4)]
    const map = await fitSoftMap(side(30, 5), free, classCount, fit, rest)
    expect(applySoftMap(map, few, 'by-label')).toEqual(applySoftMap(map, few, 'twin'))
    expect(applySoftMap(map, enough, 'by-label')).not.toEqual(applySoftMap(map, enough, 'twin'))
    const ofFew = await fitSoftMap(twin, target, classCount, fit, rest)
    expect(applySoftMap(ofFew, enough, 'by-label')).toEqual(applySoftMap(ofFew, enough, 'twin'))
  })

  it('is the geometric mean of the surrogates before it has learned anything', async () => {
    const map = await fitSoftMap(twin, target, classCount, { steps: 1, lr: 1e-12, ridge: 0.02 }, rest)
    const q = applySoftMap(map, twin, 'twin')
    for (let i = 0; i < 12; i++) {
      const mean = [0, 1].map((m) => softmaxRow(rowOf(twin.surrogates[m], i)))
      const expected = softmaxRow(mean[0].map((p, k) => 0.5 * (Math.log(p + 1e-4) + Math.log(mean[1][k] + 1e-4))))
      expected.forEach((value, k) => expect(q[i * classCount + k]).toBeCloseTo(value, 8))
    }
  })

  it('lowers the loss on the twin samples, and a heavy ridge holds it back', async () => {
    const free = await fitSoftMap(twin, target, classCount, { steps: 300, lr: 0.05, ridge: 0.02 }, rest)
    const held = await fitSoftMap(twin, target, classCount, { steps: 300, lr: 0.05, ridge: 10 }, rest)
    expect(free.crossEntropy).toBeLessThan(held.crossEntropy)
    expect(Math.max(...held.v.map(Math.abs))).toBeLessThan(0.05)
  })
})
