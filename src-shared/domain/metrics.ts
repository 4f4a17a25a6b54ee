/** A metric with its 95 % bootstrap interval, or the reason why it can't be had (SCIENCE: metrics). */
export type Metric =
  | {
      readonly value: number
      readonly ci: readonly [low: number, high: number] | null
      /** Size of the smallest set of samples that the figure reads; below 10 there is no interval. */
      readonly n: number
      /** The value of each pair (`unlearned0/gold1`) or model, where there are several. */
      readonly perModel?: Readonly<Record<string, number>>
      /** 90 % interval, for metrics that a verdict tests for equivalence. */
      readonly ci90?: readonly [low: number, high: number] | null
      /** For a figure whose chance level isn't 0.5: the level under the null. */
      readonly nullFloor?: number
    }
  | { readonly absent: string }

export type MetricTable = Readonly<Record<string, Metric>>

export function isPresent(metric: Metric | undefined): metric is Extract<Metric, { value: number }> {
  return metric !== undefined && 'value' in metric
}

/** What an outcome's evaluation found (stage `evaluate`, output `metrics`). */
export interface Evaluation {
  readonly metrics: MetricTable
  /**
   * Paired differences to the count-matched random control on the same samples and draws; null: none that differs from
   * the method in its labels alone.
   */
  readonly paired: { readonly easyHardAgreement: Metric } | null
  /** Signed differences of accuracy to the golds, with a 90 % interval: what verdicts and gates read beside `gap`. */
  readonly differences: {
    /** Unlearned minus gold on retain. */
    readonly retain: Metric
    /** Unlearned minus gold on evaluation. */
    readonly evaluation: Metric
    /** Original minus gold on forget: how much there was to forget. */
    readonly original: Metric
  }
  readonly evidence: ForgetEvidence
}

/** Counts behind the sentences. Means over golds (and repeats) where there are several, so they may be fractional. */
export interface ForgetEvidence {
  readonly forgetCount: number
  readonly goldCount: number
  /** Accuracy on forget; null where the outcome lacks the model. */
  readonly originalForgetAccuracy: number | null
  readonly goldForgetAccuracy: number | null
  /** Forget samples that the gold gets wrong. */
  readonly hardCount: number | null
  /** Of those, how many the unlearned model still gets right. */
  readonly stillKnown: number | null
  /** Forget samples that the gold gets right and the unlearned model gets wrong. */
  readonly lost: number | null
}

export type VerdictValue = 'pass' | 'fail' | 'inconclusive'

/** DESIGN section 11: rules, not adjectives. */
export interface Verdict {
  readonly method: string
  readonly seed: number
  readonly value: VerdictValue
  readonly label: 'aligned' | 'under-forgotten' | 'over-forgotten' | 'utility-lost' | 'cannot tell'
  /** One plain sentence. */
  readonly sentence: string
  /** The rules with what each found, in the order they are tested. */
  readonly checks: readonly GateCheck[]
  /** The accepted gap that was used, a fraction: the plan's or the gold-gold floor's upper bound. */
  readonly margin: number
  /** True with a single gold: the margin is the plan's alone. */
  readonly noFloor: boolean
  /** Inconclusive only: how many samples of the failing figure's set would decide; null when no practical number would. */
  readonly decidingCount: number | null
}

export interface GateCheck {
  readonly name: string
  /** null: not applicable, with the reason in `note`. */
  readonly passed: boolean | null
  readonly value: number | null
  readonly required: string
  readonly note?: string
}

/** SCIENCE section 4: whether a study can decide anything at all. */
export interface Gate {
  readonly passed: boolean
  readonly checks: readonly GateCheck[]
}
