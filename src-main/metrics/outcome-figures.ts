import { Random } from '#shared/random.ts'
import type { Draw, Quantity } from './bootstrap.ts'
import { oncePerDraw, weightedMean } from './bootstrap.ts'
import { euclidean, jensenShannon, kullbackLeibler } from './divergence.ts'
import type { SampleFigures } from './figures.ts'
import { figuresOf, probabilitiesOf } from './figures.ts'
import type { NonMembers } from './non-members.ts'
import { nonMembersOf } from './non-members.ts'
import type { FloatArray, Outcome, SetName } from './outcome.ts'
import { goldNames, unlearnedNames } from './outcome.ts'
import { quantileFromTop } from './quantile.ts'
import type { AttackFigures, Ranking } from './ranking.ts'
import { attackFigures, balancedAccuracyUnderNull, rank } from './ranking.ts'

/** What an attack scores a sample by; higher = more like a member. */
export const attackScores = ['loss', 'confidence', 'entropy', 'margin'] as const
export type AttackScore = (typeof attackScores)[number]

/** The percentile of evaluation losses above which a sample stands out (Streisand effect). */
const outlierShare = 0.99

/** An outcome's figures as functions of a draw, each computed once however many metrics read it. */
export class OutcomeFigures {
  readonly outcome: Outcome
  readonly unlearned: readonly string[]
  readonly golds: readonly string[]
  readonly nonMembers: NonMembers | { readonly absent: string }
  readonly #seed: number
  readonly #samples = new Map<string, SampleFigures>()
  readonly #forgetProbabilities = new Map<string, Float64Array>()
  readonly #quantities = new Map<string, Quantity>()
  readonly #attacks = new Map<string, { ranking: Ranking; at: (draw: Draw) => AttackFigures }>()
  readonly #mass: (draw: Draw) => Float64Array
  readonly #roles: Uint8Array

  constructor(outcome: Outcome, seed: number, className: (index: number) => string) {
    this.outcome = outcome
    this.unlearned = unlearnedNames(outcome)
    this.golds = goldNames(outcome)
    this.nonMembers = nonMembersOf(outcome, className)
    this.#seed = seed
    const { positions, weights } = this.#requireNonMembers({ orNone: true })
    const memberCount = outcome.sets.forget.count
    this.#roles = new Uint8Array(memberCount + positions.length).fill(1, 0, memberCount)
    const mass = new Float64Array(this.#roles.length)
    this.#mass = oncePerDraw(({ counts }) => {
      mass.set(counts.forget)
      for (let j = 0; j < positions.length; j++) mass[memberCount + j] = counts.evaluation[positions[j]] * weights[j]
      return mass
    })
  }

  /** Figures of a model's samples; the outcome must hold its logits on the set. */
  samples(model: string, set: SetName): SampleFigures {
    return cached(this.#samples, `${model}/${set}`, () => {
      const { logits, labels } = this.#predictions(model, set)
      return figuresOf(logits, labels, this.outcome.classCount)
    })
  }

  accuracy(model: string, set: SetName): Quantity {
    return this.#quantity(`accuracy ${model} ${set}`, () => {
      const { correct } = this.samples(model, set)
      return ({ counts }) => weightedMean(correct, counts[set])
    })
  }

  /** Accuracy on the non-members, weighted. */
  classEvaluationAccuracy(model: string): Quantity {
    const { positions, weights } = this.#requireNonMembers()
    const { correct } = this.samples(model, 'evaluation')
    const values = Float64Array.from(positions, (position, j) => correct[position] * weights[j])
    return ({ counts }) => {
      let sum = 0
      let mass = 0
      for (let j = 0; j < values.length; j++) {
        sum += values[j] * counts.evaluation[positions[j]]
        mass += weights[j] * counts.evaluation[positions[j]]
      }
      return sum / mass
    }
  }

  /** Share of forget samples on which two models predict the same class. */
  agreement(a: string, b: string): Quantity {
    const left = this.samples(a, 'forget').predicted
    const right = this.samples(b, 'forget').predicted
    return meanOnForget(Float64Array.from(left, (predicted, i) => (predicted === right[i] ? 1 : 0)))
  }

  /** Share of forget samples that both models get right or both get wrong. */
  easyHardAgreement(a: string, b: string): Quantity {
    return this.#quantity(`easyHardAgreement ${a} ${b}`, () =>
      meanOnForget(correctnessAgreement(this.samples(a, 'forget').correct, this.samples(b, 'forget').correct)),
    )
  }

  jsDivergence(a: string, b: string): Quantity {
    return meanOnForget(jensenShannon(this.#probabilities(a), this.#probabilities(b), this.outcome.classCount))
  }

  /** KL(p_a || p_b). */
  klDivergence(a: string, b: string): Quantity {
    return meanOnForget(kullbackLeibler(this.#probabilities(a), this.#probabilities(b), this.outcome.classCount))
  }

  activationDistance(a: string, b: string): Quantity {
    return meanOnForget(euclidean(this.#probabilities(a), this.#probabilities(b), this.outcome.classCount))
  }

  /** The attack that tells forget samples from non-members by a score. */
  attack(model: string, score: AttackScore): (draw: Draw) => AttackFigures {
    return this.#attack(model, score).at
  }

  balancedAccuracyUnderNull(model: string, score: AttackScore): number {
    const { positions } = this.#requireNonMembers()
    const { forget, evaluation } = this.outcome.sets
    const classes = new Int32Array(this.#roles.length)
    classes.set(forget.labels)
    for (let j = 0; j < positions.length; j++) classes[forget.count + j] = evaluation?.labels[positions[j]] ?? -1
    const mass = new Float64Array(classes.length).fill(1)
    mass.set(this.#requireNonMembers().weights, forget.count)
    const random = Random.of(this.#seed, 'null-floor', score)
    return balancedAccuracyUnderNull(this.#attack(model, score).ranking, classes, mass, random)
  }

  /**
   * Share of forget samples whose loss is above the 99th percentile of the same model's losses of evaluation samples of
   * F's classes. Each of those counts once, whatever F's class mix: the definition of SCIENCE section 3.
   */
  outlierShare(model: string): Quantity {
    const { positions } = this.#requireNonMembers()
    const { loss } = this.samples(model, 'evaluation')
    const order = positions.slice().sort((a, b) => loss[b] - loss[a])
    const descending = Float64Array.from(order, (position) => loss[position])
    const drawn = new Float64Array(order.length)
    const forgetLoss = this.samples(model, 'forget').loss
    return ({ counts }) => {
      for (let k = 0; k < order.length; k++) drawn[k] = counts.evaluation[order[k]]
      const threshold = quantileFromTop(descending, drawn, drawn.length, outlierShare)
      let above = 0
      for (let i = 0; i < forgetLoss.length; i++) if (forgetLoss[i] > threshold) above += counts.forget[i]
      return above / forgetLoss.length
    }
  }

  #attack(model: string, score: AttackScore): { ranking: Ranking; at: (draw: Draw) => AttackFigures } {
    return cached(this.#attacks, `${model} ${score}`, () => {
      const sign = score === 'loss' || score === 'entropy' ? -1 : 1
      const members = this.samples(model, 'forget')[score].map((value) => sign * value)
      const others = this.samples(model, 'evaluation')[score]
      const { positions } = this.#requireNonMembers()
      const ranking = rank(
        members,
        Float64Array.from(positions, (position) => sign * others[position]),
      )
      return { ranking, at: oncePerDraw((draw) => attackFigures(ranking, this.#mass(draw), this.#roles)) }
    })
  }

  #probabilities(model: string): Float64Array {
    return cached(this.#forgetProbabilities, model, () =>
      probabilitiesOf(this.#predictions(model, 'forget').logits, this.outcome.classCount),
    )
  }

  #predictions(model: string, set: SetName): { logits: FloatArray; labels: Int32Array } {
    const logits = this.outcome.models.get(model)?.[set]?.logits
    const labels = this.outcome.sets[set]?.labels
    if (!logits || labels === undefined) throw new RangeError(`no logits of ${model} on ${set}`)
    return { logits, labels }
  }

  #quantity(key: string, make: () => Quantity): Quantity {
    return cached(this.#quantities, key, () => oncePerDraw(make()))
  }

  #requireNonMembers(options: { readonly orNone?: boolean } = {}): NonMembers {
    if (!('absent' in this.nonMembers)) return this.nonMembers
    if (options.orNone) return { positions: new Int32Array(), weights: new Float64Array(), effectiveCount: 0 }
    throw new RangeError(this.nonMembers.absent)
  }
}

/** 1 where both models are right or both wrong, else 0. */
export function correctnessAgreement(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((correct, i) => (correct === b[i] ? 1 : 0))
}

export function meanOnForget(values: Float64Array): Quantity {
  return ({ counts }) => weightedMean(values, counts.forget)
}

function cached<T>(cache: Map<string, T>, key: string, make: () => T): T {
  const known = cache.get(key)
  if (known !== undefined) return known
  const made = make()
  cache.set(key, made)
  return made
}
