import { describe, expect, it } from 'vitest'
import type { StageProgress, StageSpec } from '#main/compute/stages.ts'
import { createBreathing } from '#main/compute/worker/breathing.ts'
import { createPixelFeed, withLabels } from '#main/compute/worker/data/image-feed.ts'
import { loadEngine } from '#main/compute/worker/engines/engine.ts'
import { initialWeights } from '#main/compute/worker/models/initial-weights.ts'
import { createNetwork } from '#main/compute/worker/models/network.ts'
import { runStage } from '#main/compute/worker/run-stage.ts'
import { ObjectCheckpointSlot } from '#main/compute/worker/training/checkpoint-slot.ts'
import { train } from '#main/compute/worker/training/train.ts'
import type { StageContext, TrainingCheckpoint } from '#main/compute/worker/training/types.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import type { CurvePoint } from '#shared/domain/stage.ts'
import type { ObjectHash, StageKey } from '#shared/ids.ts'
import { nativeMissing } from '#test/support/native-engine.ts'
import { problem, range, recipe, type StoredProblem, specOf, storeProblem } from './tiny-problem.ts'

const never = new AbortController().signal

/** Runs until the checkpoint of `epoch` is there, then cancels; returns that checkpoint. */
async function interrupted(spec: StageSpec, stored: StoredProblem, epoch: number): Promise<ObjectHash> {
  const abort = new AbortController()
  let checkpoint: ObjectHash | null = null
  const onProgress = (progress: StageProgress): void => {
    if (progress.kind !== 'checkpoint') return
    checkpoint = progress.object
    if (progress.epoch === epoch) abort.abort()
  }
  const run = runStage(spec, stored.objects.root, { signal: abort.signal, onProgress })
  await expect(run).rejects.toMatchObject({ code: 'cancelled' })
  if (checkpoint === null) throw new Error('The stage wrote no checkpoint.')
  return checkpoint
}

describe('a training that is interrupted and resumed', () => {
  const recipes = {
    'Adam on a cosine': { ...recipe, epochs: 4 },
    'batch norm on random views': { ...recipe, epochs: 4, augment: 'flip-crop' },
    'momentum with weight decay': {
      ...recipe,
      epochs: 4,
      optimizer: 'sgd',
      lr: 0.05,
      momentum: 0.9,
      weightDecay: 5e-4,
    },
  } as const

  const engines: readonly EngineId[] = ['wasm', ...(nativeMissing === null ? (['native'] as const) : [])]
  const cases = engines.flatMap((engine) => Object.entries(recipes).map(([name, each]) => ({ engine, name, each })))
  for (const { engine, name, each } of cases) {
    it(`ends in the same bytes as one without an interruption on ${engine}: ${name}`, async () => {
      await using stored = await storeProblem()
      const spec = specOf(
        'train-original',
        {
          data: problem.data,
          architecture: 'augment' in each ? 'resnet-small' : 'tiny-cnn',
          recipe: each,
          keepEpochs: [1, 3],
        },
        { images: stored.images, labels: stored.labels, members: await stored.ids(range(0, 200)) },
        { engine },
      )
      const whole = await runStage(spec, stored.objects.root, { signal: never, onProgress: () => {} })
      expect(Object.keys(whole.outputs).sort()).toEqual(['curve', 'epoch-1', 'epoch-3', 'weights'])
      for (const epoch of [1, 2, 4]) {
        const checkpoint = await interrupted(spec, stored, epoch)
        const points: CurvePoint[] = []
        const onProgress = (progress: StageProgress): void => {
          if (progress.kind === 'curve') points.push(progress.point)
        }
        const resumed = await runStage({ ...spec, checkpoint }, stored.objects.root, { signal: never, onProgress })
        // Outputs are named by their bytes: weights, the whole curve and the epochs kept before the interruption.
        expect(resumed.outputs, `after epoch ${epoch}`).toEqual(whole.outputs)
        expect(points.map((point) => point.epoch)).toEqual([1, 2, 3, 4])
        expect(resumed.cost).toMatchObject({ visitsForward: 800, visitsBackward: 800 })
        expect(resumed.cost.seconds).toBeGreaterThan(0)
      }
    })
  }

  it('comes to an epoch that was not kept by training up to there, interrupted or not', async () => {
    await using stored = await storeProblem()
    const params = { data: problem.data, architecture: 'tiny-cnn', recipe: { ...recipe, epochs: 4 }, keepEpochs: [3] }
    const inputs = { images: stored.images, labels: stored.labels, members: await stored.ids(range(0, 64)) }
    const run = (spec: StageSpec) => runStage(spec, stored.objects.root, { signal: never, onProgress: () => {} })
    const whole = await run(specOf('train-original', params, inputs))
    const spec = specOf('train-original', { ...params, until: 3 }, inputs)
    const partial = await run(spec)
    expect(Object.keys(partial.outputs).sort()).toEqual(['curve', 'epoch-3'])
    expect(partial.outputs['epoch-3']).toBe(whole.outputs['epoch-3'])
    expect(partial.cost.visitsBackward).toBe(3 * 64)
    const resumed = await run({ ...spec, checkpoint: await interrupted(spec, stored, 2) })
    expect(resumed.outputs).toEqual(partial.outputs)
  })

  it('starts over when its checkpoint is gone, damaged or of another stage', async () => {
    await using stored = await storeProblem()
    const params = { data: problem.data, architecture: 'tiny-cnn', recipe }
    const inputs = { images: stored.images, labels: stored.labels, retain: await stored.ids(range(0, 64)) }
    const spec = specOf('train-gold', params, inputs)
    const whole = await runStage(spec, stored.objects.root, { signal: never, onProgress: () => {} })
    const foreign = await interrupted(specOf('train-gold', params, inputs, { seed: 2 }), stored, 1)
    const gone = 'f'.repeat(64) as ObjectHash
    const garbage = await stored.objects.put(new TextEncoder().encode('no checkpoint at all'))
    for (const checkpoint of [foreign, gone, garbage]) {
      const again = await runStage({ ...spec, checkpoint }, stored.objects.root, {
        signal: never,
        onProgress: () => {},
      })
      expect(again.outputs).toEqual(whole.outputs)
    }
  })

  it('writes no second checkpoint before the first is acknowledged', async () => {
    await using stored = await storeProblem()
    const spec = specOf(
      'train-gold',
      { data: problem.data, architecture: 'tiny-cnn', recipe },
      { images: stored.images, labels: stored.labels, retain: await stored.ids(range(0, 64)) },
    )
    let open = 0
    const onProgress = async (progress: StageProgress): Promise<void> => {
      if (progress.kind !== 'checkpoint') return
      expect(++open).toBe(1)
      await new Promise((resolve) => setTimeout(resolve, 150))
      open--
    }
    await runStage(spec, stored.objects.root, { signal: never, onProgress })
    expect(open).toBe(0)

    const refusing = (progress: StageProgress): Promise<void> =>
      progress.kind === 'checkpoint' ? Promise.reject(new Error('The row could not be written.')) : Promise.resolve()
    await expect(runStage(spec, stored.objects.root, { signal: never, onProgress: refusing })).rejects.toThrow(
      'The row could not be written.',
    )
  })
})

describe('a stage of two trainings', () => {
  const stage = '6'.repeat(64) as StageKey

  /** Phases `first` and `second` of two epochs each on one network; returns its weights and what was done for them. */
  async function twoPhases(stored: StoredProblem, checkpoint: ObjectHash | null, cancelAfterCheckpoints = Infinity) {
    const engine = await loadEngine('wasm')
    const network = createNetwork(engine, 'tiny-cnn', problem.data, initialWeights('tiny-cnn', problem.data, 1))
    const pixels = withLabels(createPixelFeed(engine, problem.data, problem.pixels), problem.labels)
    const abort = new AbortController()
    const done = { batches: 0, backward: 0, checkpoint: null as ObjectHash | null, curveEpochs: [] as number[] }
    const slot = await ObjectCheckpointSlot.open(stored.objects, stage, checkpoint)
    const feed: typeof pixels = {
      ...pixels,
      batch(samples, noise) {
        done.batches++
        return pixels.batch(samples, noise)
      },
    }
    const context: StageContext = {
      seed: 1,
      signal: abort.signal,
      engine,
      breathe: createBreathing(abort.signal),
      count: ({ backward = 0 }) => void (done.backward += backward),
    }
    let checkpoints = 0
    try {
      for (const [i, stream] of ['first', 'second'].entries()) {
        const samples = range(0, 64)
        const targets = { labels: samples.map((sample) => problem.labels[sample]) }
        const plan = { ...recipe, network, feed, items: { samples, targets }, epochs: 2, seed: 1, stream }
        for await (const event of train({ ...plan, firstEpoch: 2 * i, checkpoints: slot }, context)) {
          if (event.kind === 'curve') done.curveEpochs.push(event.point.epoch)
          if (event.kind !== 'checkpoint') continue
          done.checkpoint = event.object
          if (++checkpoints >= cancelAfterCheckpoints) abort.abort()
        }
      }
      return { ...done, weights: await network.save() }
    } catch (error) {
      expect(error).toMatchObject({ code: 'cancelled' })
      return { ...done, weights: null }
    } finally {
      network.dispose()
    }
  }

  it('does not train a finished phase again, and ends in the same bits', async () => {
    await using stored = await storeProblem()
    const whole = await twoPhases(stored, null)
    expect(whole).toMatchObject({ batches: 8, backward: 256, curveEpochs: [1, 2, 3, 4] })
    for (const [after, batchesLeft] of [
      [1, 6],
      [2, 4],
      [3, 2],
    ]) {
      const { checkpoint, weights } = await twoPhases(stored, null, after)
      expect(weights).toBeNull()
      const resumed = await twoPhases(stored, checkpoint)
      expect(resumed.weights, `after ${after} checkpoints`).toEqual(whole.weights)
      expect(resumed).toMatchObject({ batches: batchesLeft, backward: 256, curveEpochs: [1, 2, 3, 4] })
    }
  })
})

describe('a checkpoint slot', () => {
  const stage = '5'.repeat(64) as StageKey
  const array = (...values: number[]) => ({ shape: [values.length], data: Float32Array.from(values) })
  const checkpoint = (phase: string, changes: Partial<TrainingCheckpoint> = {}): TrainingCheckpoint => ({
    phase,
    epoch: 2,
    step: 14,
    weights: { 'conv1/kernel': array(1, -0, 3.5) },
    optimizer: { 'conv1/kernel/m': array(0.1) },
    kept: new Map([[10, { 'conv1/kernel': array(7) }]]),
    state: { note: 'as it was' },
    ...changes,
  })

  it('gives back every phase as it was last saved', async () => {
    await using stored = await storeProblem()
    const slot = await ObjectCheckpointSlot.open(stored.objects, stage, null)
    expect(await slot.load('surrogate')).toBeNull()
    await slot.save(checkpoint('surrogate', { epoch: 1 }))
    await slot.save(checkpoint('surrogate'))
    const event = await slot.save(checkpoint('distil/1', { epoch: 1, kept: new Map(), optimizer: {} }))
    if (event.kind !== 'checkpoint') throw new Error('no checkpoint event')
    expect(event.epoch).toBe(1)
    const again = await ObjectCheckpointSlot.open(stored.objects, stage, event.object)
    expect(await again.load('surrogate')).toEqual(checkpoint('surrogate'))
    expect(await again.load('distil/1')).toEqual(checkpoint('distil/1', { epoch: 1, kept: new Map(), optimizer: {} }))
    expect(await again.load('another')).toBeNull()
  })
})
