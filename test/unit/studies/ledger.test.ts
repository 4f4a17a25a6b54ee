import { describe, expect, it } from 'vitest'
import { breakEven, costLedger } from '#main/workbench/comparison/ledger.ts'
import { compileStudy } from '#main/workbench/jobs/graph.ts'
import { closureOf, type PlannedRun } from '#main/workbench/jobs/study-loader.ts'
import type { Cost } from '#shared/domain/stage.ts'
import type { RunId, StageKey } from '#shared/ids.ts'
import { exampleConfig, exampleMaterial } from '../jobs/example-study.ts'

const backward = (visitsBackward: number, seconds = 0): Cost => ({ seconds, visitsForward: 0, visitsBackward })

describe('break-even', () => {
  it('is the first number of requests at which retraining costs more', async () => {
    // 50 for the twin, 10 a request against 30: 2 requests cost 70 and 60, 3 cost 80 and 90.
    expect(breakEven(backward(50), backward(10), backward(30))).toBe(3)
    expect(breakEven(backward(0), backward(10), backward(30))).toBe(1)
    // At exactly equal cost it isn't cheaper yet: 40 + 2 * 10 = 2 * 30.
    expect(breakEven(backward(40), backward(10), backward(30))).toBe(3)
  })

  it('is never where a request costs as much as retraining', async () => {
    expect(breakEven(backward(0), backward(30), backward(30))).toBeNull()
  })
})

describe('cost ledger', () => {
  it('charges the original to the data set, the twin to its class, and labels and unlearning to the request', async () => {
    const methods = ['gold', 'none', 'tmu', 'oracle', 'rewind']
    const { nodes, runs } = compileStudy(exampleConfig({ methods }), exampleMaterial(), 'wasm')
    const price: Partial<Record<string, number>> = {
      'train-original': 1000,
      'train-gold': 900,
      'train-twin': 300,
      features: 7,
      unlearn: 50,
      predict: 1,
      evaluate: 1,
    }
    const costs = new Map(nodes.map((node) => [node.key, backward(price[node.kind] ?? 0, 2)]))
    const planned = runs.map(
      (run, i): PlannedRun => ({ ...run, id: `${i}` as RunId, needs: closureOf(run.evaluate, () => []) }),
    )
    const twin = nodes.find((node) => node.kind === 'train-twin')
    const ledger = await costLedger(
      { nodes, runs: planned },
      {
        costOf: (key: StageKey) => costs.get(key) ?? null,
        hasSucceeded: () => true,
        isReused: (key) => key === twin?.key,
      },
    )
    expect(ledger.perDataset.visitsBackward).toBe(1000)
    // Every stage once, measuring and what is reused too, however many runs need it.
    const counts = Map.groupBy(nodes, (node) => node.kind)
    const work = [...counts].reduce((sum, [kind, { length }]) => sum + length * (price[kind] ?? 0), 0)
    expect(ledger.total).toMatchObject({ stages: nodes.length, visitsBackward: work, seconds: nodes.length * 2 })
    // The twin and the original's predictions on it.
    expect(ledger.perClass.visitsBackward).toBe(301)
    expect(ledger.gold?.visitsBackward).toBe(900)
    // What another study had paid is said apart: the twin's training, but not the predictions on it.
    expect(ledger.reused.perClass).toMatchObject({ stages: 1, visitsBackward: 300 })
    expect(ledger.reused.perDataset).toMatchObject({ stages: 0, visitsBackward: 0 })
    expect(ledger.reused.golds.stages).toBe(0)
    const perRequest = Object.fromEntries(
      Object.entries(ledger.perRequest).map(([method, cost]) => [method, cost.visitsBackward]),
    )
    // tmu: two feature sets and unlearning. The oracle: a gold, its predictions and unlearning.
    expect(perRequest).toEqual({ none: 0, tmu: 64, oracle: 951, rewind: 50 })
    expect(ledger.breakEven).toEqual({ none: 1, tmu: 1, oracle: null, rewind: 1 })
  })

  it('has no gold and no break-even before a gold is trained', async () => {
    const { nodes } = compileStudy(exampleConfig({ methods: ['gold', 'rewind'] }), exampleMaterial(), 'wasm')
    const ledger = await costLedger(
      { nodes, runs: [] },
      { costOf: () => null, hasSucceeded: () => false, isReused: () => false },
    )
    expect(ledger.gold).toBeNull()
    expect(ledger.total).toMatchObject({ stages: 0, seconds: 0 })
    expect(ledger.perRequest).toEqual({})
  })
})
