/**
 * What an early checkpoint has learned of F itself: it went over F for its epochs as over every member, and never over the
 * twin samples. How much surer that made it is measured on all members of F's classes, of which there are more than F has,
 * so that what is easier or harder about F's own samples stays.
 */
import { softmax } from '../features/logits.ts'

/** Samples under one model. */
export interface LabelledLogits {
  /** [n, K] */
  readonly logits: Float32Array
  readonly labels: Int32Array
}

/** Nothing learned in a few epochs is worth more than this, in nats of the own label's logit. */
const most = 8

/**
 * The constant, at most 0, to add to the logit of each seen sample's own label, so that their mean probability of it
 * becomes the unseen samples'. Labels count as often as `mix` (F's labels) has them; those that either side lacks don't.
 */
export function exposureShift(
  seen: LabelledLogits,
  unseen: LabelledLogits,
  mix: Int32Array,
  classCount: number,
): number {
  const [before, after] = [ownProbabilities(seen, classCount), ownProbabilities(unseen, classCount)]
  const shared = Map.groupBy(mix, (label) => label)
    .entries()
    .flatMap(([label, { length: weight }]) => {
      const [own, other] = [before.get(label), after.get(label)]
      return own === undefined || other === undefined ? [] : [{ weight, own, target: mean(other) }]
    })
    .toArray()
  const excess = (shift: number): number => {
    const factor = Math.exp(shift)
    return shared.reduce((sum, { weight, own, target }) => {
      return sum + weight * (mean(own.map((p) => (p * factor) / (p * factor + 1 - p))) - target)
    }, 0)
  }
  if (excess(0) <= 0) return 0
  let [low, high] = [-most, 0]
  for (let step = 0; step < 40; step++) {
    const middle = (low + high) / 2
    if (excess(middle) > 0) high = middle
    else low = middle
  }
  return (low + high) / 2
}

/** Logits with `shift` added to each row's own label. */
export function shiftedOwn({ logits, labels }: LabelledLogits, shift: number, classCount: number): Float32Array {
  const out = logits.slice()
  labels.forEach((label, i) => {
    out[i * classCount + label] += shift
  })
  return out
}

/** By label: each row's probability of it. */
function ownProbabilities({ logits, labels }: LabelledLogits, classCount: number): ReadonlyMap<number, number[]> {
  const probabilities = softmax(logits, classCount)
  const own = new Map<number, number[]>()
  labels.forEach((label, i) => {
    const rows = own.get(label) ?? []
    rows.push(probabilities[i * classCount + label])
    own.set(label, rows)
  })
  return own
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
