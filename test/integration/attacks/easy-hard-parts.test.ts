/** Attack stages on predictions made by hand: what each part of F comes to is known before. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readJson, writeArrays } from '#main/compute/worker/array-objects.ts'
import { runStage } from '#main/compute/worker/run-stage.ts'
import { easyHardLabels } from '#main/workbench/outcomes/easy-hard-labels.ts'
import type { AttackReport } from '#shared/domain/attack.ts'
import { isPresent, type Metric } from '#shared/domain/metrics.ts'
import type { ObjectHash } from '#shared/ids.ts'
import { range, type StoredProblem, specOf, storeImages } from '../training/tiny-problem.ts'

/** All of one class, of two that there are. F: 0 to 11, unseen: 20 to 39, retained: 40 to 49. */
const forget = range(0, 12)
const unseen = range(20, 40)
const retain = range(40, 50)
const count = 50

let stored: StoredProblem
beforeAll(async () => {
  stored = await storeImages(new Uint8Array(count), new Int32Array(count))
})
afterAll(() => stored[Symbol.asyncDispose]())

/** Predictions whose margin of the true class is given: the larger, the smaller the loss; right where it is positive. */
function predictions(sets: Readonly<Record<string, readonly [Int32Array, readonly number[]]>>): Promise<ObjectHash> {
  const arrays = Object.entries(sets).flatMap(([set, [ids, margins]]) => [
    [`ids/${set}`, { shape: [ids.length], data: ids }] as const,
    [`${set}/logits`, { shape: [ids.length, 2], data: Float32Array.from(margins.flatMap((m) => [m, 0])) }] as const,
  ])
  return writeArrays(stored.objects, Object.fromEntries(arrays))
}

function easyHard(easy: readonly number[], abstained?: readonly number[]): Promise<ObjectHash> {
  const column = (values: readonly number[]) => ({ shape: [values.length], data: Uint8Array.from(values) })
  return writeArrays(stored.objects, {
    ids: { shape: [forget.length], data: forget },
    easy: column(easy),
    ...(abstained === undefined ? {} : { abstained: column(abstained) }),
  })
}

async function reportOf(
  attack: 'population' | 'streisand' | 'ulira' | 'forgetting-quality',
  options: Readonly<Record<string, unknown>>,
  inputs: Readonly<Record<string, ObjectHash>>,
): Promise<AttackReport> {
  const lists = { forget: await stored.ids(forget), evaluation: await stored.ids(unseen) }
  const spec = specOf(
    'attack',
    { attack, classCount: 2, draws: 50, options },
    { labels: stored.labels, ...lists, ...inputs },
  )
  const never = { signal: new AbortController().signal, onProgress: () => {} }
  const { outputs } = await runStage(spec, stored.objects.root, never)
  return (await readJson(stored.objects, outputs.report)) as AttackReport
}

function numberOf(metric: Metric | undefined): number {
  if (!isPresent(metric)) throw new Error(`absent: ${JSON.stringify(metric)}`)
  return metric.value
}

const oneTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1)
/** The first half of F is easy. */
const firstHalf = oneTo(12).map((i) => (i <= 6 ? 1 : 0))

describe('predicted easy and hard images', () => {
  it('are those that the run unlearned as such: abstained ones are neither', async () => {
    const target = await predictions({ forget: [forget, oneTo(12)], evaluation: [unseen, oneTo(20)] })
    const abstained = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]
    const { subsets } = await reportOf('population', {}, { target, easyHard: await easyHard(firstHalf, abstained) })
    expect(subsets.predictedEasy?.['auc']).toMatchObject({ n: 5 })
    expect(subsets.predictedHard?.['auc']).toMatchObject({ n: 4 })
    const all = await reportOf('population', {}, { target, easyHard: await easyHard(firstHalf) })
    expect(all.subsets.predictedEasy?.['auc']).toMatchObject({ n: 6 })
    expect(all.subsets.predictedHard?.['auc']).toMatchObject({ n: 6 })
  })

  it('have no label in lists of images where the run abstained', async () => {
    const abstained = firstHalf.map((_, i) => (i === 0 || i === 11 ? 1 : 0))
    const labels = await easyHardLabels(stored.objects, await easyHard(firstHalf, abstained))
    expect([...labels.keys()]).toEqual([...range(1, 11)])
    expect([labels.get(1), labels.get(10)]).toEqual([true, false])
    expect((await easyHardLabels(stored.objects, await easyHard(firstHalf))).size).toBe(12)
  })
})

describe('figures beside the usual ones', () => {
  it('say by part how many forgotten images stand out, and how many more than under the golds', async () => {
    // Below 10.5, the median of the unseen, a margin stands out. Golds: each of the hard ones and none of the easy ones.
    const unseenMargins = oneTo(20)
    const onForget = (easy: readonly number[], hard: readonly number[]) =>
      predictions({ forget: [forget, [...easy, ...hard]], evaluation: [unseen, unseenMargins] })
    const gold = await onForget([15, 15, 15, 15, 15, 15], [-1, -1, -1, -1, -1, -1])
    const target = await onForget([15, 15, 15, 15, 5, 5], [15, 15, 15, 5, 5, 5])
    const inputs = { target, gold0: gold, truth0: gold, easyHard: await easyHard(firstHalf) }
    const { figures, subsets } = await reportOf('streisand', { percentile: 0.5 }, inputs)
    expect(numberOf(figures['above'])).toBeCloseTo(5 / 12, 12)
    expect(numberOf(figures['aboveExcess'])).toBeCloseTo(5 / 12 - 1 / 2, 12)
    for (const [easy, hard] of [
      [subsets.trueEasy, subsets.trueHard],
      [subsets.predictedEasy, subsets.predictedHard],
    ]) {
      expect([easy?.['above'], easy?.['aboveExcess']].map(numberOf)).toEqual([1 / 3, 1 / 3])
      expect([hard?.['above'], hard?.['aboveExcess']].map(numberOf)).toEqual([1 / 2, 1 / 2 - 1])
      expect(Object.keys(easy ?? {})).toEqual(Object.keys(figures))
    }
    const alone = await reportOf('streisand', { percentile: 0.5 }, { target, truth0: gold })
    expect(alone.subsets.trueHard?.['above']).toEqual(subsets.trueHard?.['above'])
    expect(alone.subsets.trueHard?.['aboveExcess']).toEqual({ absent: 'There is no gold to compare with.' })
  })

  it('multiply forgetting quality by utility in every part', async () => {
    // Half of the retained and unseen images right, where golds have all; unlearned alike on easy images, apart on hard ones.
    const models = (hard: number, right: readonly number[]) =>
      Promise.all(
        oneTo(4).map((step) =>
          predictions({
            forget: [forget, [...forget].map((i) => (i < 6 ? step : hard + step))],
            evaluation: [unseen, right],
            retain: [retain, right.slice(0, 10)],
          }),
        ),
      )
    const golds = await models(0, oneTo(20))
    const unlearned = await models(
      -10,
      oneTo(20).map((i) => (i % 2 === 0 ? 1 : -1)),
    )
    const named = (name: string, objects: readonly ObjectHash[]) =>
      Object.fromEntries(objects.map((object, i) => [`${name}${i}`, object]))
    const { figures, subsets, notes } = await reportOf(
      'forgetting-quality',
      {},
      {
        ...named('gold', golds),
        ...named('unlearned', unlearned),
        retain: await stored.ids(retain),
        easyHard: await easyHard(firstHalf),
      },
    )
    // ln 4 (1 - 0.01 - 1/4) = ln 2.96.
    expect(notes[0]).toContain("At a delta of 0.01 so few can't show an epsilon above 1.09")
    expect([figures['final'], figures['quality']].map(numberOf)).toEqual([1 / 8, 1 / 2])
    expect([subsets.predictedEasy?.['final'], subsets.predictedEasy?.['quality']].map(numberOf)).toEqual([1 / 4, 1])
    expect([subsets.predictedHard?.['final'], subsets.predictedHard?.['quality']].map(numberOf)).toEqual([0, 0])
  })
})

describe('U-LiRA', () => {
  /** Models of F by halves: the first of each pair learned the even images, the second the odd ones. */
  const models = async (count: number, parity: (model: number) => number) => {
    const inputs: Record<string, ObjectHash> = {}
    for (let model = 0; model < count; model++) {
      const learned = forget.filter((i) => i % 2 === parity(model))
      const margins = [...forget].map((i) => (learned.includes(i) ? 5 : -1) + Math.sin(7 * i + model))
      inputs[`unlearned${model}`] = await predictions({ forget: [forget, margins] })
      inputs[`members${model}`] = await stored.ids(learned)
    }
    return inputs
  }

  it('counts the images of each part, under however many models', async () => {
    const inputs = { ...(await models(4, (model) => model % 2)), easyHard: await easyHard(firstHalf) }
    const { figures, subsets, notes } = await reportOf('ulira', {}, inputs)
    expect(figures['auc']).toMatchObject({ value: 1, n: 12 })
    expect(figures['tprAtFpr01']).toEqual({
      absent: 'With n = 12 a TPR at 1 % cannot be resolved: it takes 100 non-members.',
    })
    expect(subsets.predictedEasy?.['auc']).toMatchObject({ value: 1, n: 6 })
    expect(notes.join(' ')).not.toContain('learned none of F')
  })

  it('takes models with none of F for such that never saw it, and says so', async () => {
    const inputs = await models(6, (model) => model % 2)
    // Of the even images alone: what learned the odd ones learned none of F.
    const evens = forget.filter((i) => i % 2 === 0)
    const report = await reportOf('ulira', {}, { ...inputs, forget: await stored.ids(evens) })
    expect(report.figures['auc']).toMatchObject({ value: 1, n: 6 })
    expect(report.notes.join(' ')).toContain('3 of the 6 shadow models learned none of F')
  })

  it('is absent, with the reason, where no image has models of both kinds to spare', async () => {
    const { figures, notes } = await reportOf('ulira', {}, await models(4, () => 0))
    for (const figure of Object.values(figures)) expect(figure).toHaveProperty('absent')
    expect(notes[0]).toContain('at least 2 shadow models learned and 2 never saw; there is none with 4 shadow models')
  })
})
