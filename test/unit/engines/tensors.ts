/** Support for tensor tests: seeded values, comparison, and the check that nothing leaks. */
import * as tf from '@tensorflow/tfjs-core'
import { expect } from 'vitest'
import { type Engine, loadEngine } from '#main/compute/worker/engines/engine.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import { Random } from '#shared/random.ts'

export type Values = Float32Array

export function normals(seed: number, ...shape: readonly number[]): Values {
  const random = Random.of(seed, 'test values')
  return Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, () => random.normal())
}

/** Runs `body` on an engine and fails if tensors are left. `body` gets tensors by hand and returns plain values. */
export async function onEngine<T>(id: EngineId, body: (engine: Engine) => T): Promise<T> {
  const engine = await loadEngine(id)
  const before = engine.memory().tensors
  const dataBefore = tf.engine().backend.numDataIds()
  const results: T[] = []
  tf.tidy(() => {
    results.push(body(engine))
  })
  expect(engine.memory().tensors).toBe(before)
  expect(tf.engine().backend.numDataIds()).toBe(dataBefore)
  return results[0]
}

/** A copy of a tensor's values. */
export function read(tensor: tf.Tensor): Values {
  return Float32Array.from(tensor.dataSync())
}

/** Largest difference, relative to the largest value of either side. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length)
  let difference = 0
  let scale = 1e-30
  for (let i = 0; i < a.length; i++) {
    // Not Math.max: a NaN must come through.
    const distance = Math.abs(a[i] - b[i])
    if (!(distance <= difference)) difference = distance
    scale = Math.max(scale, Math.abs(a[i]), Math.abs(b[i]))
  }
  return difference / scale
}
