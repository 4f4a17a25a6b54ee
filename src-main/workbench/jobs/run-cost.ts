import type { StageNode } from '#main/compute/stages.ts'
import type { Cost } from '#shared/domain/stage.ts'
import type { StageKey } from '#shared/ids.ts'
import { dependenciesOf } from './graph.ts'
import { closureOf } from './study-loader.ts'

export const noCost: Cost = { seconds: 0, visitsForward: 0, visitsBackward: 0 }

export function addCosts(costs: readonly Cost[]): Cost {
  return costs.reduce(
    (sum, cost) => ({
      seconds: sum.seconds + cost.seconds,
      visitsForward: sum.visitsForward + cost.visitsForward,
      visitsBackward: sum.visitsBackward + cost.visitsBackward,
    }),
    noCost,
  )
}

/**
 * What a run's model costs, beyond the original. `perRequest` is what one more request would cost by this way;
 * `perClass` what its twin problem costs once a class. Measuring the model is no part of either; the oracle pays for the
 * gold that it reads.
 */
export function costOfModel(
  model: StageKey,
  nodes: ReadonlyMap<StageKey, StageNode>,
  costOf: (key: StageKey) => Cost | null,
): { readonly perRequest: Cost; readonly perClass: Cost } {
  const dependenciesOfKey = (key: StageKey): readonly StageKey[] => {
    const node = nodes.get(key)
    return node === undefined ? [] : dependenciesOf(node)
  }
  const perRequest: Cost[] = []
  const perClass: Cost[] = []
  for (const key of closureOf(model, dependenciesOfKey)) {
    const scope = nodes.get(key)?.scope
    const cost = costOf(key)
    if (cost === null || scope === 'dataset') continue
    if (scope === 'class') perClass.push(cost)
    else perRequest.push(cost)
  }
  return { perRequest: addCosts(perRequest), perClass: addCosts(perClass) }
}
