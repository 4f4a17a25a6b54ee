/** A method that tries to get at the gold, in a real worker stage, while the gold lies in the same object store. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { MethodDefinition } from '#main/compute/method.ts'
import { methodOf } from '#main/compute/methods.ts'
import { runStage } from '#main/compute/worker/run-stage.ts'
import type { CheckpointSlot, UnlearnContext } from '#main/compute/worker/training/types.ts'
import type { ObjectHash } from '#shared/ids.ts'
import { type TinyRequest, tinyRequest } from '../baselines/tiny-request.ts'
import { recipe, specOf } from '../training/tiny-problem.ts'

const never = { signal: new AbortController().signal, onProgress: () => {} }
let request: TinyRequest
let gold: ObjectHash

beforeAll(async () => {
  request = await tinyRequest()
  const { stored, data, architecture } = request
  const retain = await stored.ids(request.retain)
  const spec = specOf(
    'train-gold',
    { data, architecture, recipe },
    { images: stored.images, labels: stored.labels, retain },
    { seed: 1001 },
  )
  gold = (await runStage(spec, stored.objects.root, never)).outputs.weights
})
afterAll(() => request[Symbol.asyncDispose]())

/** Runs `attempt` in the place of a registered method. */
async function asMethod(attempt: (context: UnlearnContext) => Promise<void>): Promise<void> {
  const method: { run: MethodDefinition['run'] } = methodOf('fine-tune')
  const own = method.run
  // biome-ignore lint/correctness/useYield: a method may have nothing to tell.
  method.run = async function* (context) {
    await attempt(context)
    return null
  }
  try {
    await runStage(request.spec('fine-tune'), request.stored.objects.root, never)
  } finally {
    method.run = own
  }
}

describe('a method at run time', () => {
  it('is refused weights under every name that a gold has, its object\u2019s included', async () => {
    const refusals: string[] = []
    await asMethod((context) => {
      for (const name of ['gold', 'gold0', 'gold-0', 'train-gold', 'weights', gold]) {
        try {
          context.weights(name as 'original')
        } catch (error) {
          refusals.push(error instanceof Error ? error.message : '')
        }
      }
      return Promise.resolve()
    })
    expect(refusals).toHaveLength(6)
    for (const message of refusals) expect(message).toMatch(/^The method fine-tune asked for ".+", weights that it has/)
  })

  it('finds no checkpoint of a gold in its slot', async () => {
    const found: unknown[] = []
    await asMethod(async ({ checkpoints }) => {
      for (const phase of ['train-gold', 'gold0', gold]) found.push(await checkpoints.load(phase))
      found.push(...Object.values(checkpoints as CheckpointSlot).filter((value) => typeof value !== 'function'))
    })
    expect(found).toEqual([null, null, null])
  })

  it('holds no object store, no path and no hash to look a gold up with', async () => {
    const reached: string[] = []
    await asMethod((context) => {
      const seen = new Set<object>()
      const walk = (value: unknown, path: string): void => {
        if (typeof value === 'string') {
          if (value.includes(request.stored.objects.root) || /^[0-9a-f]{64}$/.test(value)) reached.push(path)
          return
        }
        if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || seen.has(value)) return
        seen.add(value)
        for (const [key, inner] of Object.entries(value)) {
          // The engine is the tensor library and knows no files.
          if (key !== 'engine') walk(inner, `${path}.${key}`)
        }
      }
      walk(context, 'context')
      return Promise.resolve()
    })
    expect(reached).toEqual([])
  })

  it('has the gold\u2019s weights from no network it can make: those are zeros or a seed\u2019s start', async () => {
    await asMethod(async (context) => {
      const empty = await context.createNetwork()
      expect(Object.values(await empty.save()).every(({ data }) => data.every((value) => value === 0))).toBe(true)
      empty.dispose()
      const first = await context.createNetwork({ seed: 1001 })
      expect((await first.save())['dense1/kernel'].data).not.toEqual(request.original['dense1/kernel'].data)
      first.dispose()
    })
  })

  it('is handed no gold even where a stage\u2019s spec names its object: as an input of its own name it isn\u2019t declared', async () => {
    const spec = request.spec('fine-tune')
    for (const name of ['gold0', 'goldOutcome', 'twinModel', 'epoch-4']) {
      const run = runStage({ ...spec, inputs: { ...spec.inputs, [name]: gold } }, request.stored.objects.root, never)
      await expect(run).rejects.toThrow(`The method fine-tune has not declared the input "${name}".`)
    }
  })
})
