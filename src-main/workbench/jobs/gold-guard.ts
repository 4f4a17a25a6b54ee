import type { StageNode } from '#main/compute/stages.ts'
import type { StageKind } from '#shared/domain/stage.ts'
import { AppError } from '#shared/errors.ts'
import type { StageKey } from '#shared/ids.ts'

/** The only kinds that may read what comes from a gold; everything else would let it help instead of testify. */
const mayReadGold: ReadonlySet<StageKind> = new Set<StageKind>([
  'predict',
  'evaluate',
  'oracle-label',
  'relearn',
  'cka',
  'attack',
])

/**
 * Follows every path from a gold and refuses a graph in which one reaches a model, a feature or a label, save through
 * `oracle-label` into the oracle control; and every path from a shadow model, which must serve evidence alone. `nodes` come after all that they read.
 */
export function assertGoldIsEvidence(nodes: readonly StageNode[], isOracle: (method: string) => boolean): void {
  for (const _ of guardSteps(nodes, isOracle));
}

/** `assertGoldIsEvidence` in steps, one a node. */
export function* guardSteps(
  nodes: readonly StageNode[],
  isOracle: (method: string) => boolean,
): Generator<void, void, void> {
  const seen = new Set<StageKey>()
  const fromGold = new Set<StageKey>()
  const oracleLabels = new Set<StageKey>()
  const fromShadow = new Set<StageKey>()
  for (const node of nodes) {
    const read = Object.values(node.inputs).flatMap((input) => ('stage' in input ? [input.stage] : []))
    if (!read.every((key) => seen.has(key))) {
      throw new AppError('internal', `The stage ${node.kind} (${node.label}) reads one that isn't before it.`)
    }
    seen.add(node.key)
    if (read.some((key) => fromGold.has(key))) {
      if (!mayReadGold.has(node.kind)) {
        throw new AppError('internal', `The stage ${node.kind} (${node.label}) would read a gold; golds are evidence.`)
      }
      if (node.kind !== 'oracle-label') fromGold.add(node.key)
    }
    if (read.some((key) => oracleLabels.has(key)) && !isOracleUnlearn(node, isOracle)) {
      throw new AppError('internal', `The stage ${node.kind} (${node.label}) would read a gold's labels.`)
    }
    // Shadow models have seen what no model of a study may see. Attacks unlearn from them; what they make is evidence.
    if (node.kind === 'train-shadow' || read.some((key) => fromShadow.has(key))) {
      if (node.scope !== 'evidence') {
        throw new AppError('internal', `The stage ${node.kind} (${node.label}) would read a shadow model's work.`)
      }
      fromShadow.add(node.key)
    }
    if (node.kind === 'train-gold') fromGold.add(node.key)
    if (node.kind === 'oracle-label') oracleLabels.add(node.key)
    yield
  }
}

function isOracleUnlearn(node: StageNode, isOracle: (method: string) => boolean): boolean {
  return node.kind === 'unlearn' && isOracle((node as StageNode<'unlearn'>).params.method)
}
