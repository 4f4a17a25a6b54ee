import type { ObjectStore } from '#main/artifacts/object-store.ts'
import { probabilitiesOf } from '#main/metrics/figures.ts'
import { goldNames, type Outcome, unlearnedNames } from '#main/metrics/outcome.ts'
import { compareSamples } from '#main/metrics/per-sample.ts'
import type { ForgetSample } from '#shared/domain/tmu.ts'
import { AppError } from '#shared/errors.ts'
import type { ObjectHash } from '#shared/ids.ts'
import { easyHardLabels } from './easy-hard-labels.ts'
import { readOutcome } from './outcome-object.ts'

export interface ForgetSamplesSource {
  readonly outcome: ObjectHash
  /** The run's easy/hard labels; null where it used none. */
  readonly labels: ObjectHash | null
  /** Name of every sample of the data set. */
  names(): Promise<readonly string[]>
}

export interface ForgetSamplesQuery {
  readonly sort: 'disagreement' | 'index'
  readonly descending: boolean
  readonly offset: number
  readonly limit: number
}

const mostCached = 4

/** The images of F under a run, against the golds; sorted and paged without reading the outcome again. */
export class ForgetSamples {
  readonly #objects: ObjectStore
  readonly #cached = new Map<string, Promise<readonly ForgetSample[]>>()

  constructor(objects: ObjectStore) {
    this.#objects = objects
  }

  async page(
    source: ForgetSamplesSource,
    { sort, descending, offset, limit }: ForgetSamplesQuery,
  ): Promise<{ readonly total: number; readonly samples: readonly ForgetSample[] }> {
    const samples = await this.#all(source)
    const sign = descending ? -1 : 1
    const order = (a: ForgetSample, b: ForgetSample): number =>
      sort === 'index' ? sign * (a.index - b.index) : sign * (a.disagreement - b.disagreement) || a.index - b.index
    return { total: samples.length, samples: samples.toSorted(order).slice(offset, offset + limit) }
  }

  #all(source: ForgetSamplesSource): Promise<readonly ForgetSample[]> {
    const name = `${source.outcome} ${source.labels ?? ''}`
    const known = this.#cached.get(name)
    if (known !== undefined) return known
    const made = this.#read(source)
    this.#cached.set(name, made)
    made.catch(() => this.#cached.delete(name))
    for (const oldest of this.#cached.keys()) {
      if (this.#cached.size <= mostCached) break
      this.#cached.delete(oldest)
    }
    return made
  }

  async #read(source: ForgetSamplesSource): Promise<readonly ForgetSample[]> {
    const [outcome, names] = await Promise.all([readOutcome(this.#objects, source.outcome), source.names()])
    const easy = source.labels === null ? null : await easyHardLabels(this.#objects, source.labels)
    const golds = goldNames(outcome)
    const [unlearned] = unlearnedNames(outcome)
    const confidence = confidences(outcome, unlearned)
    const goldConfidences = golds.map((gold) => confidences(outcome, gold))
    return compareSamples(outcome).map(({ position, id, label, predicted, disagreement }) => {
      const index = Number(id)
      return {
        index,
        name: names[index] ?? `sample ${index}`,
        label,
        // Without a gold there is nothing to differ from.
        disagreement: disagreement ?? 0,
        predicted: predicted[unlearned],
        confidence: confidence[position],
        goldPredicted: golds.map((gold) => predicted[gold]),
        goldConfidence:
          golds.length === 0 ? 0 : goldConfidences.reduce((sum, values) => sum + values[position], 0) / golds.length,
        originalPredicted: predicted['original'],
        easy: easy?.get(index) ?? null,
      }
    })
  }
}

/** Probability of the true class of each forget sample. */
function confidences(outcome: Outcome, model: string): Float64Array {
  const { labels } = outcome.sets.forget
  const logits = outcome.models.get(model)?.forget?.logits
  if (logits === undefined || logits === null) throw new AppError('corrupt', `The outcome lacks ${model} on forget.`)
  const probabilities = probabilitiesOf(logits, outcome.classCount)
  return Float64Array.from(labels, (label, i) => probabilities[i * outcome.classCount + label])
}
