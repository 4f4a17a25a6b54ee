import { describe, expect, it } from 'vitest'
import type { StageProgress } from '#main/compute/stages.ts'
import { createBreathing } from '#main/compute/worker/breathing.ts'
import { createPixelFeed, withLabels } from '#main/compute/worker/data/image-feed.ts'
import type { Engine } from '#main/compute/worker/engines/engine.ts'
import { loadEngine } from '#main/compute/worker/engines/engine.ts'
import { initialWeights } from '#main/compute/worker/models/initial-weights.ts'
import { createNetwork } from '#main/compute/worker/models/network.ts'
import { predict } from '#main/compute/worker/training/predict.ts'
import { train } from '#main/compute/worker/training/train.ts'
import type { NamedArrays, StageContext, TrainingItems, TrainPlan } from '#main/compute/worker/training/types.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import type { CurvePoint } from '#shared/domain/stage.ts'
import { promptMs } from '#test/support/prompt.ts'
import { problem, range, recipe } from './tiny-problem.ts'

const { data } = problem
const members = range(0, 200)
const labelsOf = (samples: Int32Array): Int32Array => samples.map((sample) => problem.labels[sample])

interface Trained {
  readonly weights: NamedArrays
  readonly curve: readonly CurvePoint[]
  readonly events: readonly StageProgress[]
  readonly forward: number
  readonly backward: number
}

/** A network of its own, trained by the plan; nothing of it is left on the engine afterwards. */
async function trainOnce(
  changes: Partial<TrainPlan> = {},
  options: {
    readonly engine?: EngineId
    readonly signal?: AbortSignal
    readonly onEvent?: (event: StageProgress) => void
    readonly initialSeed?: number
  } = {},
): Promise<Trained> {
  const engine = await loadEngine(options.engine ?? 'wasm')
  const network = createNetwork(engine, 'tiny-cnn', data, initialWeights('tiny-cnn', data, options.initialSeed ?? 1))
  const counted = { forward: 0, backward: 0 }
  const context = contextOn(engine, counted, options.signal)
  const plan: TrainPlan = {
    ...recipe,
    network,
    feed: withLabels(createPixelFeed(engine, data, problem.pixels), problem.labels),
    items: { samples: members, targets: { labels: labelsOf(members) } },
    seed: 1,
    stream: 'test',
    ...changes,
  }
  const events: StageProgress[] = []
  try {
    for await (const event of train(plan, context)) {
      events.push(event)
      options.onEvent?.(event)
    }
    const curve = events.flatMap((event) => (event.kind === 'curve' ? [event.point] : []))
    return { weights: await network.save(), curve, events, ...counted }
  } finally {
    network.dispose()
  }
}

function contextOn(
  engine: Engine,
  counted: { forward: number; backward: number },
  signal: AbortSignal = new AbortController().signal,
): StageContext {
  return {
    seed: 1,
    signal,
    engine,
    breathe: createBreathing(signal),
    count({ forward = 0, backward = 0 }) {
      counted.forward += forward
      counted.backward += backward
    },
  }
}

describe('training', () => {
  it('learns a problem that can be learned', async () => {
    const { curve } = await trainOnce({ epochs: 6 })
    expect(curve.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4, 5, 6])
    expect(curve[0].loss).toBeLessThan(1.3)
    expect(curve[5].loss).toBeLessThan(curve[0].loss / 3)
    expect(curve[5].accuracy).toBeGreaterThan(0.9)
    expect(curve[0].learningRate).toBe(recipe.lr)
  })

  it('gives the same bits for the same seed, and others for another order or another start', async () => {
    const first = await trainOnce()
    expect(await trainOnce()).toMatchObject({ weights: first.weights, curve: first.curve })
    expect((await trainOnce({ seed: 2 })).weights).not.toEqual(first.weights)
    expect((await trainOnce({ stream: 'other' })).weights).not.toEqual(first.weights)
    expect((await trainOnce({}, { initialSeed: 2 })).weights).not.toEqual(first.weights)
  })

  it('on wasm follows the reference engine', async () => {
    // One step an epoch, so that the curve is the losses of the first twenty steps.
    const steps = (epoch: number) => {
      const samples = range(epoch * 10, epoch * 10 + 24)
      return { samples, targets: { labels: labelsOf(samples) } }
    }
    const [wasm, cpu] = [
      await trainOnce({ items: steps, epochs: 20 }),
      await trainOnce({ items: steps, epochs: 20 }, { engine: 'cpu' }),
    ]
    expect(wasm.curve).toHaveLength(20)
    for (const [i, { loss }] of wasm.curve.entries())
      expect(Math.abs(loss - cpu.curve[i].loss), `step ${i}`).toBeLessThan(1e-4)
  })

  it('visits every item once an epoch, the rest that fills no batch too', async () => {
    // 200 items in batches of 32: six full ones and one of 8.
    expect(await trainOnce({ epochs: 2 })).toMatchObject({ forward: 400, backward: 400 })
    expect(await trainOnce({ epochs: 1, batchSize: 1000 })).toMatchObject({ forward: 200, backward: 200 })
  })

  it('visits the items of every epoch once, in another order each time', async () => {
    const engine = await loadEngine('wasm')
    const feed = withLabels(createPixelFeed(engine, data, problem.pixels), problem.labels)
    const visited: number[] = []
    const watched: typeof feed = {
      ...feed,
      batch(samples, noise) {
        visited.push(...Array.from(samples))
        return feed.batch(samples, noise)
      },
    }
    // Sample 7 occurs twice.
    const samples = Int32Array.from([...range(0, 50), 7])
    await trainOnce({ feed: watched, items: { samples, targets: { labels: labelsOf(samples) } }, epochs: 2 })
    const [first, second] = [visited.slice(0, 51), visited.slice(51)]
    const sorted = samples.toSorted()
    expect(Int32Array.from(first).toSorted()).toEqual(sorted)
    expect(Int32Array.from(second).toSorted()).toEqual(sorted)
    expect(second).not.toEqual(first)
    expect(first).not.toEqual([...samples])
  })

  it('takes rows of probabilities for targets: certain ones are labels', async () => {
    const probabilities = new Float32Array(members.length * 3)
    for (const [i, label] of labelsOf(members).entries()) probabilities[i * 3 + label] = 1
    const hard = await trainOnce()
    const soft = await trainOnce({ items: { samples: members, targets: { probabilities } } })
    expect(soft.weights).toEqual(hard.weights)

    // Targets that say nothing: the best loss there is is ln 3.
    const uniform = new Float32Array(members.length * 3).fill(1 / 3)
    const { curve } = await trainOnce({ items: { samples: members, targets: { probabilities: uniform } }, epochs: 6 })
    expect(curve[5].loss).toBeGreaterThanOrEqual(Math.log(3) - 1e-4)
    expect(curve[5].loss).toBeLessThan(Math.log(3) + 0.02)
  })

  it('adds noise to the inputs it is told to, from a stream of its own', async () => {
    const targets = { labels: labelsOf(members) }
    const quiet = await trainOnce()
    const silent = await trainOnce({ items: { samples: members, targets, noise: new Float32Array(200) } })
    const loud = { samples: members, targets, noise: new Float32Array(200).fill(0.5) }
    const noisy = await trainOnce({ items: loud })
    expect(silent.weights).toEqual(quiet.weights)
    expect(noisy.weights).not.toEqual(quiet.weights)
    expect((await trainOnce({ items: loud })).weights).toEqual(noisy.weights)
  })

  it('trains on random views: others in each epoch, the same again for the same seed', async () => {
    const plain = await trainOnce()
    const [flipped, cropped] = [await trainOnce({ augment: 'flip' }), await trainOnce({ augment: 'flip-crop' })]
    expect(await trainOnce({ augment: 'flip-crop' })).toMatchObject({ weights: cropped.weights })
    expect(new Set([plain, flipped, cropped].map(({ curve }) => curve[0].loss)).size).toBe(3)
    expect(cropped.forward).toBe(plain.forward)
  })

  it('keeps the weights of the epochs asked for, and tells of every epoch', async () => {
    const into = new Map<number, NamedArrays>()
    const seen: number[] = []
    const { weights } = await trainOnce({
      keep: { epochs: [1, 3], into },
      afterEpoch: (epoch) => void seen.push(epoch),
    })
    expect([...into.keys()]).toEqual([1, 3])
    expect(into.get(3)).toEqual(weights)
    expect(into.get(1)).not.toEqual(weights)
    expect(seen).toEqual([1, 2, 3])
  })

  it('fills its share of the progress without ever going back', async () => {
    const { events } = await trainOnce({ progress: [0.25, 0.75], firstEpoch: 10 })
    const values = events.flatMap((event) => (event.kind === 'progress' ? [event.value] : []))
    expect(values[0]).toBe(0.25)
    expect(values.at(-1)).toBe(0.75)
    expect(values).toEqual(values.toSorted((a, b) => a - b))
    expect(events.flatMap((event) => (event.kind === 'curve' ? [event.point.epoch] : []))).toEqual([11, 12, 13])
  })

  it('leaves no tensor behind, whether it ends, diverges or is cancelled', async () => {
    const { tf } = await loadEngine('wasm')
    await trainOnce({ epochs: 1 })
    const before = tf.memory().numTensors
    await trainOnce()
    expect(tf.memory().numTensors).toBe(before)
    const items = { samples: members, targets: { labels: labelsOf(members) } }
    await trainOnce({ items: () => [{ items, l1: 1e-3 }], epochs: 1 })
    expect(tf.memory().numTensors).toBe(before)
    await expect(trainOnce({ optimizer: 'sgd', lr: 1e30 })).rejects.toMatchObject({ code: 'diverged' })
    expect(tf.memory().numTensors).toBe(before)
    const abort = new AbortController()
    const onEvent = (event: StageProgress): void => void (event.kind === 'curve' && abort.abort())
    await expect(trainOnce({}, { signal: abort.signal, onEvent })).rejects.toMatchObject({ code: 'cancelled' })
    expect(tf.memory().numTensors).toBe(before)
  })

  it('says at which epoch it diverged, and what the loss was before', async () => {
    const afterFirst = (epoch: number) => (epoch === 0 ? range(0, 96) : range(0, 32))
    const items = (epoch: number) => {
      const samples = afterFirst(epoch)
      // Infinite targets: from the second epoch on no loss is finite.
      const probabilities = new Float32Array(samples.length * 3).fill(epoch === 0 ? 1 / 3 : Number.POSITIVE_INFINITY)
      return { samples, targets: { probabilities } }
    }
    const failure = await trainOnce({ items, epochs: 3 }).catch((error: unknown) => error)
    expect(failure).toMatchObject({
      code: 'diverged',
      message: expect.stringMatching(/diverged in epoch 2 of 3: .*the last sound loss was 1\.\d+/),
      details: { epoch: 2, step: 4 },
    })
  })

  it('doesn’t take a large L1 penalty for an exploded loss, but the batches’ own loss', async () => {
    const samples = range(0, 96)
    const own = labelsOf(samples)
    const under = (targets: TrainingItems['targets'], l1: number) =>
      trainOnce({ items: () => [{ items: { samples, targets }, l1 }], optimizer: 'sgd', lr: 1e-9, epochs: 1 })
    const { events } = await under({ labels: own }, 1e4)
    const losses = events.flatMap((event) => (event.kind === 'curve' ? [event.point.loss] : []))
    expect(losses).toHaveLength(1)
    expect(losses[0]).toBeGreaterThan(1e5)
    const heavy = { probabilities: new Float32Array(3 * samples.length).fill(1e5) }
    for (const l1 of [0, 1e-9]) {
      await expect(under(heavy, l1)).rejects.toMatchObject({
        code: 'diverged',
        message: expect.stringMatching(/in epoch 1 of 1: the loss( without its L1 penalty)? has exploded to \d/),
      })
    }
    await expect(under({ labels: own }, 1e38)).rejects.toMatchObject({ code: 'diverged' })
  })

  it('refuses to train on nothing', async () => {
    const nothing = { samples: new Int32Array(), targets: { labels: new Int32Array() } }
    await expect(trainOnce({ items: nothing })).rejects.toMatchObject({ code: 'bad-input' })
  })

  it('ends soon after it is cancelled', async () => {
    const abort = new AbortController()
    const cancelAt = { time: 0 }
    setTimeout(() => {
      cancelAt.time = performance.now()
      abort.abort()
    }, 100)
    await expect(trainOnce({ epochs: 100_000 }, { signal: abort.signal })).rejects.toMatchObject({ code: 'cancelled' })
    expect(performance.now() - cancelAt.time).toBeLessThan(promptMs)
  })
})

describe('a network', () => {
  it('predicts in batches what it computes at once, and counts the visits', async () => {
    const engine = await loadEngine('wasm')
    const { tf } = engine
    const before = tf.memory().numTensors
    const network = createNetwork(engine, 'tiny-cnn', data, initialWeights('tiny-cnn', data, 4))
    const feed = createPixelFeed(engine, data, problem.pixels)
    const counted = { forward: 0, backward: 0 }
    // More than one batch of 256, the last one not full, in no particular order.
    const samples = Int32Array.from({ length: 300 }, (_, i) => (i * 7) % 240)
    const { logits, penultimate, width } = await predict(contextOn(engine, counted), network, feed, samples)
    const whole = tf.tidy(() => network.forward(feed.batch(samples)))
    const [wholeLogits, wholePenultimate] = [whole.logits.dataSync(), whole.penultimate.dataSync()]
    tf.dispose([whole.logits, whole.penultimate])
    expect(width).toBe(64)
    expect(logits).toHaveLength(900)
    expect(Math.max(...logits.map((value, i) => Math.abs(value - wholeLogits[i])))).toBeLessThan(1e-5)
    expect(Math.max(...penultimate.map((value, i) => Math.abs(value - wholePenultimate[i])))).toBeLessThan(1e-5)
    expect(counted).toEqual({ forward: 300, backward: 0 })
    network.dispose()
    expect(tf.memory().numTensors).toBe(before)
  })

  it('saves what was loaded, and refuses the weights of another one', async () => {
    const engine = await loadEngine('wasm')
    const network = createNetwork(engine, 'tiny-cnn', data, null)
    const weights = initialWeights('tiny-cnn', data, 9)
    network.load(weights)
    expect(await network.save()).toEqual(weights)
    expect([...network.variables.keys()]).toEqual(Object.keys(weights))
    const moreClasses = initialWeights('tiny-cnn', { ...data, classCount: 4 }, 9)
    expect(() => network.load(moreClasses)).toThrow('"dense2/kernel" has shape [64, 4] instead of [64, 3]')
    const { 'conv1/bias': _, ...incomplete } = weights
    expect(() => network.load(incomplete)).toThrow('"conv1/bias" is missing')
    const deeper = initialWeights('small-cnn', data, 9)
    expect(() => network.load(deeper)).toThrow('"conv3/kernel" is none of its variables')
    network.dispose()
  })
})
