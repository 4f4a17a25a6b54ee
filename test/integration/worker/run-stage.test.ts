import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { readArrays, readWeights } from '#main/compute/worker/array-objects.ts'
import { loadEngine } from '#main/compute/worker/engines/engine.ts'
import { runStage } from '#main/compute/worker/run-stage.ts'
import { loadStageRunner } from '#main/compute/worker/stage-runners.ts'
import { stageKinds } from '#shared/domain/stage.ts'
import { problem, range, recipe, specOf, storeProblem } from '../training/tiny-problem.ts'

const never = { signal: new AbortController().signal, onProgress: () => {} }
const network = { data: problem.data, architecture: 'tiny-cnn' }

describe('running a stage', () => {
  it('is known for every kind there is', async () => {
    for (const kind of stageKinds) expect(await loadStageRunner(kind), kind).toBeTypeOf('function')
  })

  it('carries a model from its training over its twin to predictions', async () => {
    await using stored = await storeProblem()
    const { root } = stored.objects
    const pixels = { images: stored.images, labels: stored.labels }
    const [members, twin] = [await stored.ids(range(0, 150)), await stored.ids(range(150, 200))]

    const original = await runStage(
      specOf('train-original', { ...network, recipe, keepEpochs: [2] }, { ...pixels, members }),
      root,
      never,
    )
    expect(original.cost).toMatchObject({ visitsForward: 450, visitsBackward: 450, engine: 'wasm' })
    // Every artifact says what exactly made it.
    const { version, device, threads, kernelSet } = await loadEngine('wasm')
    expect(original.cost.madeBy).toEqual({ version, device, threads, kernelSet })
    expect(original.cost.peakMemory).toBeGreaterThan(2 ** 24)

    const twinModel = await runStage(
      specOf('train-twin', { ...network, recipe }, { ...pixels, members, twin, original: original.outputs.weights }),
      root,
      never,
    )
    expect(twinModel.cost).toMatchObject({ visitsForward: 600, visitsBackward: 600 })

    const forget = await stored.ids(range(10, 40))
    const predicted = await runStage(
      specOf(
        'predict',
        { ...network, featureSets: ['twin'] },
        { images: stored.images, model: twinModel.outputs.weights, forget, twin },
      ),
      root,
      never,
    )
    expect(predicted.cost).toMatchObject({ visitsForward: 80, visitsBackward: 0 })
    const outcome = await readArrays(stored.objects, predicted.outputs.outcome)
    expect(Object.fromEntries(Object.entries(outcome).map(([name, { shape }]) => [name, shape]))).toEqual({
      'ids/forget': [30],
      'forget/logits': [30, 3],
      'ids/twin': [50],
      'twin/logits': [50, 3],
      'twin/features': [50, 64],
    })
    expect(outcome['ids/twin'].data).toEqual(range(150, 200))
  })

  it('starts another network for another seed, and the same for the same', async () => {
    await using stored = await storeProblem()
    const [first, again, other] = await Promise.all(
      [1, 1, 2].map((seed) => runStage(specOf('random-init', network, {}, { seed }), stored.objects.root, never)),
    )
    expect(again.outputs).toEqual(first.outputs)
    expect(other.outputs).not.toEqual(first.outputs)
    const weights = await readWeights(stored.objects, first.outputs.weights)
    expect(weights['dense2/kernel'].shape).toEqual([64, 3])
  })

  it('trains the gold on what is retained alone', async () => {
    await using stored = await storeProblem()
    const inputs = { images: stored.images, labels: stored.labels, retain: await stored.ids(range(0, 100)) }
    const gold = await runStage(specOf('train-gold', { ...network, recipe }, inputs), stored.objects.root, never)
    expect(gold.cost.visitsBackward).toBe(300)
    expect(Object.keys(gold.outputs).sort()).toEqual(['curve', 'weights'])
  })

  it('refuses what it cannot do: another version, an unknown architecture, missing inputs, a damaged object', async () => {
    await using stored = await storeProblem()
    const { root } = stored.objects
    const spec = specOf('random-init', network, {})
    await expect(runStage({ ...spec, version: 99 }, root, never)).rejects.toMatchObject({ code: 'unsupported' })
    await expect(
      runStage(specOf('random-init', { ...network, architecture: 'vgg' }, {}), root, never),
    ).rejects.toMatchObject({ code: 'bad-input' })
    const retain = await stored.ids(range(0, 100))
    const gold = { ...network, recipe }
    await expect(runStage(specOf('train-gold', gold, { images: stored.images, retain }), root, never)).rejects.toThrow(
      'got no input "labels"',
    )
    const labels = await stored.objects.put(Uint8Array.of(1, 2, 3))
    await expect(
      runStage(specOf('train-gold', gold, { images: stored.images, labels, retain }), root, never),
    ).rejects.toThrow(labels)
    const late = { ...network, recipe, keepEpochs: [4] }
    await expect(
      runStage(
        specOf('train-original', late, { images: stored.images, labels: stored.labels, members: retain }),
        root,
        never,
      ),
    ).rejects.toThrow('The original has no epoch 4')
  })

  it('does not begin when it was cancelled before', async () => {
    await using stored = await storeProblem()
    const cancelled = { ...never, signal: AbortSignal.abort() }
    await expect(runStage(specOf('random-init', network, {}), stored.objects.root, cancelled)).rejects.toMatchObject({
      code: 'cancelled',
    })
  })

  it('loads no tensor library before a stage needs one', async () => {
    const program = `
      await import('#main/compute/worker/run-stage.ts')
      await import('#main/compute/worker/evaluate/evaluate-stage.ts')
      await import('#main/compute/worker/models/architectures.ts')
      const { createRequire } = await import('node:module')
      const loaded = Object.keys(createRequire(import.meta.url).cache).filter((file) => file.includes('@tensorflow'))
      console.log(JSON.stringify(loaded))`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], {
      cwd: import.meta.dirname,
    })
    expect(JSON.parse(stdout)).toEqual([])
  })
})
