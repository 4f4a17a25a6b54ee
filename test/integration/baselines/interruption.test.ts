/** Baselines that are interrupted, cancelled or diverge. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { methodIds, methods } from '#main/compute/methods.ts'
import type { StageProgress } from '#main/compute/stages.ts'
import { loadEngine } from '#main/compute/worker/engines/engine.ts'
import { runStage } from '#main/compute/worker/run-stage.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import type { ObjectHash } from '#shared/ids.ts'
import { type TinyRequest, tinyRequest } from './tiny-request.ts'

let request: TinyRequest
let mlp: TinyRequest
beforeAll(async () => {
  // Masks, frozen layers and batch-norm statistics all have a state to lose.
  request = await tinyRequest({ architecture: 'resnet-small' })
  mlp = await tinyRequest()
})
afterAll(async () => {
  await request[Symbol.asyncDispose]()
  await mlp[Symbol.asyncDispose]()
})

const never = new AbortController().signal
const baselines = methodIds.filter((id) => methods.get(id)?.family === 'baseline')
const hasEpochs = (id: string): boolean => 'epochs' in (methods.get(id)?.params.shape ?? {})
const engines: readonly EngineId[] = ['wasm', 'cpu']

describe('a baseline', () => {
  it.each(baselines.filter(hasEpochs))('%s resumed from any of its epochs ends in the same bytes', async (method) => {
    const options = { epochs: 3, batchSize: 7, ...(method === 'rewind' ? {} : { lr: 0.01 }) }
    const spec = request.spec(method, options)
    const { root } = request.stored.objects
    const checkpoints: ObjectHash[] = []
    const collect = (event: StageProgress): void => {
      if (event.kind === 'checkpoint') checkpoints.push(event.object)
    }
    const whole = await runStage(spec, root, { signal: never, onProgress: collect })
    expect(checkpoints).toHaveLength(3)
    for (const checkpoint of checkpoints) {
      const resumed = await runStage({ ...spec, checkpoint }, root, { signal: never, onProgress: () => {} })
      expect(resumed.outputs).toEqual(whole.outputs)
      expect(resumed.cost.visitsBackward).toBe(whole.cost.visitsBackward)
    }
  })

  it.each(engines.flatMap((engine) => baselines.map((method) => [method, engine] as const)))(
    '%s on %s ends when cancelled, whatever it is doing, and leaves no tensor behind',
    async (method, engineId) => {
      const engine = await loadEngine(engineId)
      const before = engine.memory().tensors
      // Cancelled at the first sign of life, then at the third.
      for (const patience of [0, 2]) {
        const controller = new AbortController()
        let seen = 0
        const onProgress = (): void => {
          if (seen++ === patience) controller.abort()
        }
        // Single samples, so that every method has something to tell of more than twice.
        const spec = mlp.spec(method, method === 'ssd' ? { batchSize: 1 } : {}, { engine: engineId })
        const run = runStage(spec, mlp.stored.objects.root, { signal: controller.signal, onProgress })
        await expect(run).rejects.toMatchObject({ code: 'cancelled' })
        expect(engine.memory().tensors).toBe(before)
      }
    },
  )

  it.each([
    ['fine-tune', { lr: 10, epochs: 50 }],
    ['gradient-ascent', { lr: 10, epochs: 50 }],
    ['neggrad-plus', { lr: 10, alpha: 0, epochs: 50 }],
  ])('%s that diverges says so with its name, the epoch and the last finite loss', async (method, options) => {
    const engine = await loadEngine('wasm')
    const before = engine.memory().tensors
    const run = runStage(mlp.spec(method, options), mlp.stored.objects.root, { signal: never, onProgress: () => {} })
    await expect(run).rejects.toMatchObject({
      code: 'diverged',
      message: expect.stringMatching(
        new RegExp(`^${method}: The training diverged in epoch \\d+ of 50: .*the last sound loss was -?\\d`),
      ),
      details: { method, epoch: expect.any(Number), lastLoss: expect.any(Number) },
    })
    expect(engine.memory().tensors).toBe(before)
  })
})
