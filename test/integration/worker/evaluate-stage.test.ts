import { describe, expect, it } from 'vitest'
import { readArrays, readJson, writeArrays } from '#main/compute/worker/array-objects.ts'
import { runStage } from '#main/compute/worker/run-stage.ts'
import type { Evaluation } from '#shared/domain/metrics.ts'
import { range, type StoredProblem, specOf, storeProblem } from '../training/tiny-problem.ts'

const never = { signal: new AbortController().signal, onProgress: () => {} }

/** What a predict stage gives: each sample's predicted class has the logit 3, the others 0. */
function predictions(stored: StoredProblem, sets: Readonly<Record<string, readonly [Int32Array, readonly number[]]>>) {
  const arrays: Parameters<typeof writeArrays>[1] = Object.fromEntries(
    Object.entries(sets).flatMap(([set, [ids, predicted]]) => {
      const logits = new Float32Array(ids.length * 3)
      for (const [i, label] of predicted.entries()) logits[i * 3 + label] = 3
      return [
        [`ids/${set}`, { shape: [ids.length], data: ids }],
        [`${set}/logits`, { shape: [ids.length, 3], data: logits }],
      ]
    }),
  )
  return writeArrays(stored.objects, arrays)
}

describe('the evaluate stage', () => {
  // Labels of the samples: 0 1 2 0 1 2 0 1 2 0 1 2.
  const forget = range(0, 4)
  const evaluation = range(6, 12)

  async function inputsOf(stored: StoredProblem) {
    const right = [0, 1, 2, 0, 1, 2]
    return {
      labels: stored.labels,
      forget: await stored.ids(forget),
      evaluation: await stored.ids(evaluation),
      // Right on 3 of 4 and 5 of 6; the gold on 2 of 4 and 6 of 6.
      unlearned: await predictions(stored, {
        forget: [forget, [0, 1, 2, 1]],
        evaluation: [evaluation, [1, 1, 2, 0, 1, 2]],
      }),
      gold1: await predictions(stored, { forget: [forget, [0, 2, 2, 1]], evaluation: [evaluation, right] }),
      control: await predictions(stored, { forget: [forget, [1, 2, 0, 0]] }),
      randomInit: await predictions(stored, { forget: [forget, [0, 0, 0, 0]] }),
    }
  }

  it('writes an outcome file with ids and labels, and the metrics of it', async () => {
    await using stored = await storeProblem()
    const spec = specOf('evaluate', { draws: 50, classCount: 3 }, await inputsOf(stored))
    const { outputs, cost } = await runStage(spec, stored.objects.root, never)
    expect(Object.keys(outputs).sort()).toEqual(['draws', 'metrics', 'outcome'])

    const outcome = await readArrays(stored.objects, outputs.outcome)
    expect(Object.keys(outcome).sort()).toEqual([
      'gold1/evaluation/logits',
      'gold1/forget/logits',
      'ids/evaluation',
      'ids/forget',
      'labels/evaluation',
      'labels/forget',
      'randomInit/forget/logits',
      'unlearned/evaluation/logits',
      'unlearned/forget/logits',
    ])
    expect(outcome['labels/forget'].data).toEqual(Int32Array.of(0, 1, 2, 0))
    expect(outcome['ids/evaluation'].data).toEqual(evaluation)

    const { metrics, paired, evidence } = (await readJson(stored.objects, outputs.metrics)) as Evaluation
    expect(metrics.forgetAccuracy).toMatchObject({ value: 0.75, n: 4 })
    expect(metrics.gap).toMatchObject({ value: 0.25 })
    expect(metrics.evaluationAccuracy).toMatchObject({ value: 5 / 6 })
    expect(metrics.agreement).toMatchObject({ value: 0.75 })
    expect(metrics.retainAccuracy).toMatchObject({ absent: expect.any(String) })
    // The gold is right on samples 0 and 2; so is the unlearned model, and also on 1: 3 of 4 agree. The control is right on 3 only: none.
    expect(metrics.easyHardAgreement).toMatchObject({ value: 0.75 })
    expect(paired?.easyHardAgreement).toMatchObject({ value: 0.5 })
    expect(evidence).toMatchObject({ forgetCount: 4, goldCount: 1, hardCount: 2, stillKnown: 1, lost: 0 })
    expect(cost).toMatchObject({ visitsForward: 0, visitsBackward: 0, engine: 'wasm' })
  })

  it('gives the same bytes for the same seed', async () => {
    await using stored = await storeProblem()
    const spec = specOf('evaluate', { draws: 50, classCount: 3 }, await inputsOf(stored))
    const first = await runStage(spec, stored.objects.root, never)
    expect((await runStage(spec, stored.objects.root, never)).outputs).toEqual(first.outputs)
  })

  it('refuses predictions of other samples, and ids that do not ascend', async () => {
    await using stored = await storeProblem()
    const inputs = await inputsOf(stored)
    const other = await predictions(stored, { forget: [range(1, 5), [0, 1, 2, 0]] })
    const params = { draws: 0, classCount: 3 }
    await expect(
      runStage(specOf('evaluate', params, { ...inputs, gold1: other }), stored.objects.root, never),
    ).rejects.toThrow('The predictions of gold1 on forget are of other samples')
    await expect(
      runStage(specOf('evaluate', params, { ...inputs, control: other }), stored.objects.root, never),
    ).rejects.toThrow('The predictions of control on forget are of other samples')
    const backwards = await stored.ids(Int32Array.of(3, 2, 1, 0))
    await expect(
      runStage(specOf('evaluate', params, { ...inputs, forget: backwards }), stored.objects.root, never),
    ).rejects.toMatchObject({ code: 'corrupt' })
  })
})
