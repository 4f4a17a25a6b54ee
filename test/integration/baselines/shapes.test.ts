/** Every method on data of every allowed kind. */
import { describe, expect, it } from 'vitest'
import { methodIds, methods } from '#main/compute/methods.ts'
import { loadEngine } from '#main/compute/worker/engines/engine.ts'
import { type Shape, sequence, tinyRequest, unlearn } from './tiny-request.ts'

const trained = methodIds.filter((id) => methods.get(id)?.run !== null)

const shapes: readonly (readonly [string, Shape])[] = [
  ['one grey image of two classes', { classCount: 2, forget: sequence(3, 4) }],
  ['half of a class of two, in colour', { classCount: 2, channels: 3, forget: Int32Array.of(0, 2, 4, 6, 8, 10) }],
  // Samples 0 and 100 are all that there is of the first of 100 classes.
  ['one colour image of a hundred classes', { classCount: 100, channels: 3, members: 200, forget: sequence(0, 1) }],
  ['images of all of a hundred classes', { classCount: 100, members: 200, forget: sequence(0, 100) }],
  ['one image, by a network with batch norm', { architecture: 'resnet-small', channels: 3, forget: sequence(7, 8) }],
]

describe.each(shapes)('forgetting %s', (_, shape) => {
  it('is what every method does: new finite weights, no tensor left', async () => {
    await using request = await tinyRequest(shape)
    const engine = await loadEngine('wasm')
    for (const method of trained) {
      const before = engine.memory().tensors
      const { params } = methods.get(method) ?? {}
      // One epoch is enough to see it work; batches that don't divide anything.
      const short = {
        epochs: 1,
        batchSize: 17,
        forgetBatchSize: 13,
        corrections: 1,
        samples: 2,
        maxSteps: 1,
        mapSteps: 5,
      }
      const options = Object.fromEntries(Object.entries(short).filter(([key]) => key in (params?.shape ?? {})))
      const { weights, object, cost, report } = await unlearn(request, method, options)
      expect(engine.memory().tensors, method).toBe(before)
      // Where F is half of all, no weight matters ten times more for it: SSD has nothing to do, and says so.
      const idle = method === 'ssd' && (report as { readonly dampened: number }).dampened === 0
      if (idle) expect(request.forget.length).toBe(request.retain.length)
      else expect(object, method).not.toBe(request.spec(method).inputs.original)
      for (const { data } of Object.values(weights)) expect(data.every(Number.isFinite), method).toBe(true)
      const counts = {
        members: request.forget.length + request.retain.length,
        forget: request.forget.length,
        retain: request.retain.length,
        classRetain: classRetain(request),
        twin: request.twin.length,
        classes: request.data.classCount,
      }
      // What TMU drops or repeats depends on labels that nobody knows beforehand.
      if (methods.get(method)?.family === 'baseline') {
        expect(cost, method).toMatchObject(methods.get(method)?.estimate(options, counts) ?? {})
      }
    }
  })
})

function classRetain({ rows, forget, retain }: Awaited<ReturnType<typeof tinyRequest>>): number {
  const classes = new Set(rows(forget).map(({ label }) => label))
  return rows(retain).filter(({ label }) => classes.has(label)).length
}
