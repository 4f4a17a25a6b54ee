import type { Evaluation, ForgetEvidence, Metric } from '#shared/domain/metrics.ts'

export const absent: Metric = { absent: 'The outcome has no such thing.' }

/** A metric whose intervals reach `reach` (95 %) and 0.84 of it (90 %) to either side. */
export function around(value: number, reach: number, n = 300): Metric {
  const near = 0.84 * reach
  return { value, n, ci: [value - reach, value + reach], ci90: [value - near, value + near] }
}

export interface Found {
  readonly gap?: Metric
  readonly gapFloor?: Metric
  readonly agreement?: Metric
  readonly agreementFloor?: Metric
  readonly paired?: Metric | null
  readonly retain?: Metric
  readonly evaluation?: Metric
  readonly original?: Metric
  readonly evidence?: Partial<ForgetEvidence>
}

/** An evaluation with two golds that meets every rule, but for what is given. */
export function evaluationWith(found: Found = {}): Evaluation {
  const paired = found.paired === undefined ? around(0.1, 0.05) : found.paired
  return {
    metrics: {
      gap: found.gap ?? around(0.01, 0.03),
      gapFloor: found.gapFloor ?? { value: 0.01, ci: [0, 0.04], n: 300 },
      easyHardAgreement: found.agreement ?? around(0.88, 0.03),
      easyHardAgreementFloor: found.agreementFloor ?? around(0.89, 0.03),
    },
    paired: paired === null ? null : { easyHardAgreement: paired },
    differences: {
      retain: found.retain ?? around(-0.01, 0.01, 1000),
      evaluation: found.evaluation ?? around(-0.01, 0.01, 10_000),
      original: found.original ?? around(0.22, 0.05),
    },
    evidence: {
      forgetCount: 300,
      goldCount: 2,
      originalForgetAccuracy: 0.99,
      goldForgetAccuracy: 0.77,
      hardCount: 69.5,
      stillKnown: 21.5,
      lost: 18,
      ...found.evidence,
    },
  }
}

/** One gold: no floor. */
export const oneGold: Found = {
  gapFloor: absent,
  agreementFloor: absent,
  evidence: { goldCount: 1, hardCount: 92, stillKnown: 31 },
}
