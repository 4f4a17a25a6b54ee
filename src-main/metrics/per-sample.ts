import { jensenShannon } from './divergence.ts'
import { figuresOf, probabilitiesOf } from './figures.ts'
import type { Outcome } from './outcome.ts'
import { goldNames, unlearnedNames } from './outcome.ts'

/** One forget sample as the models see it; what a wall of images is sorted and marked by. */
export interface SampleComparison {
  /** Position in the forget set. */
  readonly position: number
  readonly id: string | null
  readonly label: number
  /** Predicted class by model: `original`, the unlearned ones and the golds, those that the outcome holds. */
  readonly predicted: Readonly<Record<string, number>>
  /** Mean Jensen-Shannon divergence between unlearned and gold over all pairs, nats; null without a gold. */
  readonly disagreement: number | null
}

/** The forget samples in their order in the outcome. */
export function compareSamples(outcome: Outcome): readonly SampleComparison[] {
  const { forget } = outcome.sets
  const logitsOf = (model: string) => outcome.models.get(model)?.forget?.logits ?? null
  const held = (names: readonly string[]) => names.filter((name) => logitsOf(name) !== null)
  const golds = held(goldNames(outcome))
  const unlearned = held(unlearnedNames(outcome))

  const predicted = new Map<string, Int32Array>()
  const probabilities = new Map<string, Float64Array>()
  for (const model of held(['original', ...unlearned, ...golds])) {
    const logits = logitsOf(model)
    if (logits === null) continue
    predicted.set(model, figuresOf(logits, forget.labels, outcome.classCount).predicted)
    probabilities.set(model, probabilitiesOf(logits, outcome.classCount))
  }
  const divergences = unlearned.flatMap((u) =>
    golds.map((g) => {
      const empty = new Float64Array()
      return jensenShannon(probabilities.get(u) ?? empty, probabilities.get(g) ?? empty, outcome.classCount)
    }),
  )
  return Array.from(forget.labels, (label, position) => ({
    position,
    id: forget.ids?.[position] ?? null,
    label,
    predicted: Object.fromEntries([...predicted].map(([model, classes]) => [model, classes[position]])),
    disagreement:
      divergences.length === 0
        ? null
        : divergences.reduce((sum, values) => sum + values[position], 0) / divergences.length,
  }))
}
