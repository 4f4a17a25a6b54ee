import type { StageNode } from '#main/compute/stages.ts'
import type { Cost } from '#shared/domain/stage.ts'
import type { CostLedger, StagesCost } from '#shared/domain/study.ts'
import type { StageKey } from '#shared/ids.ts'
import { goldMethod } from '../jobs/graph.ts'
import { addCosts, costOfModel, noCost } from '../jobs/run-cost.ts'
import type { LoadedStudy, PlannedRun } from '../jobs/study-loader.ts'
import { mapInTurns, nextTurn } from '../turns.ts'

/**
 * What the study's models cost, apart by how often it is paid: the original once a data set, the twin problem once a
 * class, the rest with every request. Runs that haven't succeeded are left out.
 */
export async function costLedger(
  { nodes, runs }: Pick<LoadedStudy, 'nodes' | 'runs'>,
  {
    costOf,
    hasSucceeded,
    isReused,
  }: {
    readonly costOf: (key: StageKey) => Cost | null
    readonly hasSucceeded: (run: PlannedRun) => boolean
    /** Whether another study had the stage computed. */
    readonly isReused: (key: StageKey) => boolean
  },
): Promise<CostLedger> {
  const totalOf = (among: readonly StageNode[]): StagesCost => {
    const paid = among.flatMap((node) => costOf(node.key) ?? [])
    return { stages: paid.length, ...addCosts(paid) }
  }
  const reusedOf = (among: readonly StageNode[]): StagesCost => totalOf(among.filter((node) => isReused(node.key)))
  const byKey = new Map(nodes.map((node) => [node.key, node]))
  const costs = await mapInTurns(runs.filter(hasSucceeded), (run) => ({
    method: run.method,
    ...costOfModel(run.model.stage, byKey, costOf),
  }))
  await nextTurn()
  const byMethod = Map.groupBy(costs, (cost) => cost.method)
  const meanOf = (method: string, part: 'perRequest' | 'perClass'): Cost =>
    mean((byMethod.get(method) ?? []).map((cost) => cost[part]))
  const present = [...byMethod.keys()]
  const others = present.filter((method) => method !== goldMethod)
  const gold = present.includes(goldMethod) ? meanOf(goldMethod, 'perRequest') : trainingOfGolds(nodes, costOf)
  return {
    total: totalOf(nodes),
    perDataset: perSeed(nodes, 'dataset', costOf),
    ...(nodes.some((node) => node.kind === 'given-original') ? { isOriginalGiven: true } : {}),
    perClass: perSeed(nodes, 'class', costOf),
    reused: {
      perDataset: reusedOf(nodes.filter((node) => node.scope === 'dataset')),
      perClass: reusedOf(nodes.filter((node) => node.scope === 'class')),
      golds: reusedOf(nodes.filter((node) => node.kind === 'train-gold')),
    },
    perRequest: Object.fromEntries(others.map((method) => [method, meanOf(method, 'perRequest')])),
    gold,
    breakEven: Object.fromEntries(
      others.map((method) => [
        method,
        gold === null ? null : breakEven(meanOf(method, 'perClass'), meanOf(method, 'perRequest'), gold),
      ]),
    ),
  }
}

/**
 * The least number of requests n at which n golds cost more than the twin problem and n requests together, in backward
 * visits: seconds depend on the machine. The original isn't counted, since it was trained for its own sake.
 */
export function breakEven(perClass: Cost, perRequest: Cost, gold: Cost): number | null {
  const saved = gold.visitsBackward - perRequest.visitsBackward
  if (saved <= 0) return null
  return Math.floor(perClass.visitsBackward / saved) + 1
}

/** Total of a scope's stages for one seed: its mean over seeds. */
function perSeed(
  nodes: readonly StageNode[],
  scope: 'dataset' | 'class',
  costOf: (key: StageKey) => Cost | null,
): Cost {
  const bySeed = new Map<number, Cost[]>()
  for (const node of nodes) {
    const cost = node.scope === scope ? costOf(node.key) : null
    if (cost === null) continue
    bySeed.set(node.seed, [...(bySeed.get(node.seed) ?? []), cost])
  }
  return mean([...bySeed.values()].map(addCosts))
}

function trainingOfGolds(nodes: readonly StageNode[], costOf: (key: StageKey) => Cost | null): Cost | null {
  const costs = nodes.flatMap((node) => (node.kind === 'train-gold' ? (costOf(node.key) ?? []) : []))
  return costs.length === 0 ? null : mean(costs)
}

function mean(costs: readonly Cost[]): Cost {
  if (costs.length === 0) return noCost
  const { seconds, visitsForward, visitsBackward } = addCosts(costs)
  const n = costs.length
  return { seconds: seconds / n, visitsForward: visitsForward / n, visitsBackward: visitsBackward / n }
}
