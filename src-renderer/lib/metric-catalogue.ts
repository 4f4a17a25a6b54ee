import type { MessageKey } from '../messages/locales.ts'

/** How a figure is written: a share of 1, a signed difference of shares, its size, nats, or a plain number. */
export type MetricKind = 'share' | 'gap' | 'distance' | 'nats' | 'number'

export interface MetricInfo {
  readonly name: string
  readonly label: MessageKey
  readonly definition: MessageKey
  readonly kind: MetricKind
  readonly formula?: string
  readonly source?: string
  /** In the table from the start. */
  readonly shown: boolean
  /** The metric that holds the same figure between two golds. */
  readonly floor?: string
}

const info = (
  name: string,
  kind: MetricKind,
  more: { formula?: string; source?: string; shown?: boolean; floor?: string; key?: string } = {},
): MetricInfo => {
  const key = more.key ?? name
  return {
    name,
    label: `metric.${key}.label` as MessageKey,
    definition: `metric.${key}.definition` as MessageKey,
    kind,
    shown: more.shown ?? false,
    ...(more.formula === undefined ? {} : { formula: more.formula }),
    ...(more.source === undefined ? {} : { source: more.source }),
    ...(more.floor === undefined ? {} : { floor: more.floor }),
  }
}

const attackSource = 'Yeom et al. 2018; Carlini et al. 2022'
const scores = ['loss', 'confidence', 'entropy', 'margin'] as const

/** Every metric of an outcome, in the order of the table. */
export const metricCatalogue: readonly MetricInfo[] = [
  info('forgetAccuracy', 'share', { formula: 'acc(u, F)', shown: true }),
  info('gap', 'gap', { formula: 'acc(u, F) − acc(g, F)', shown: true }),
  info('absGap', 'distance', { formula: 'mean |acc(u, F) − acc(g, F)|', floor: 'gapFloor' }),
  info('gapFloor', 'distance', { formula: 'mean |acc(gᵢ, F) − acc(gⱼ, F)|, i < j' }),
  info('agreement', 'share', { formula: 'mean [argmax pᵤ = argmax p_g]', shown: true, floor: 'agreementFloor' }),
  info('agreementFloor', 'share'),
  info('easyHardAgreement', 'share', {
    formula: 'mean [(u correct) = (g correct)]',
    shown: true,
    floor: 'easyHardAgreementFloor',
  }),
  info('easyHardAgreementFloor', 'share'),
  info('jsDivergence', 'nats', {
    formula: 'mean JS(pᵤ, p_g) ≤ ln 2',
    shown: true,
    floor: 'jsFloor',
    source: 'Lin 1991',
  }),
  info('jsFloor', 'nats'),
  info('klToGold', 'nats', { formula: 'mean KL(p_g ‖ pᵤ)' }),
  info('activationDistance', 'number', { formula: 'mean ‖pᵤ − p_g‖₂', source: 'Golatkar et al. 2021' }),
  info('retainAccuracy', 'share', { formula: 'acc(u, R)', shown: true }),
  info('evaluationAccuracy', 'share', { formula: 'acc(u, E)', shown: true }),
  info('classEvaluationAccuracy', 'share', { formula: 'acc(u, E of F’s classes)' }),
  info('avgGap', 'distance', { source: 'Liu et al. 2024' }),
  info('tow', 'number', { formula: '(1 − |d_F|) (1 − |d_R|) (1 − |d_E|)', source: 'Zhao et al. 2024' }),
  ...scores.flatMap((score) => [
    info(`mia.${score}.auc`, 'number', { key: `mia_${score}_auc`, source: attackSource, shown: score === 'loss' }),
    info(`mia.${score}.balancedAccuracy`, 'share', { key: `mia_${score}_balancedAccuracy`, source: attackSource }),
    info(`mia.${score}.tprAtFpr001`, 'share', { key: `mia_${score}_tprAtFpr001`, source: attackSource }),
    info(`mia.${score}.tprAtFpr01`, 'share', { key: `mia_${score}_tprAtFpr01`, source: attackSource }),
  ]),
  info('mia.gap', 'number', { key: 'mia_gap', formula: 'AUC(u) − AUC(g)' }),
  info('streisand', 'gap', { source: 'Golatkar et al. 2020' }),
  info('zrf', 'number', { formula: '1 − mean JS(pᵤ, p_random)', source: 'Chundawat et al. 2023' }),
  info('cka', 'number', { source: 'Kornblith et al. 2019; Nguyen et al. 2021' }),
]

export const metricInfo: ReadonlyMap<string, MetricInfo> = new Map(metricCatalogue.map((entry) => [entry.name, entry]))
