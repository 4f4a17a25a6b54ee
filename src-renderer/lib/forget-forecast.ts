/** What can be said of a forget set before anything is trained (SCIENCE section 4), and what can't. */

export interface Forecast {
  readonly key: 'size' | 'hard' | 'wholeClass' | 'twin' | 'evaluation' | 'after'
  readonly state: 'good' | 'bad' | 'open'
  readonly values: Readonly<Record<string, number | string>>
}

export interface ForecastInput {
  /** Per class of F, of D, of H, of E. */
  readonly forget: readonly number[]
  readonly members: readonly number[]
  readonly twinPool: readonly number[]
  readonly evaluation: readonly number[]
  readonly classNames: readonly string[]
}

/** SCIENCE section 4. */
export const leastForget = 250
const leastHard = 30
/** Golds that the gate accepts get 60 to 92 % of F right, so that this share of it is hard. */
const hardShares = [0.08, 0.4] as const

export function forecastGate({
  forget,
  members,
  twinPool,
  evaluation,
  classNames,
}: ForecastInput): readonly Forecast[] {
  const count = forget.reduce((sum, part) => sum + part, 0)
  const classes = forget.flatMap((part, label) => (part > 0 ? [label] : []))
  const missing = (of: readonly number[]): string =>
    classes
      .filter((label) => (of[label] ?? 0) === 0)
      .map((label) => classNames[label] ?? String(label))
      .join(', ')
  const whole = classes.filter((label) => forget[label] === members[label]).map((label) => classNames[label])
  const [least, most] = hardShares.map((share) => Math.round(count * share))
  const noTwin = missing(twinPool)
  const noEvaluation = missing(evaluation)
  const twins = twinCount(forget, twinPool)
  return [
    { key: 'size', state: count >= leastForget ? 'good' : 'bad', values: { count, least: leastForget } },
    {
      key: 'hard',
      state: least >= leastHard ? 'good' : most < leastHard ? 'bad' : 'open',
      values: { least, most, needed: leastHard },
    },
    { key: 'wholeClass', state: whole.length === 0 ? 'good' : 'bad', values: { names: whole.join(', ') } },
    {
      key: 'twin',
      state: noTwin !== '' ? 'bad' : twins < count ? 'open' : 'good',
      values: { names: noTwin, twins, count },
    },
    { key: 'evaluation', state: noEvaluation === '' ? 'good' : 'bad', values: { names: noEvaluation } },
    { key: 'after', state: 'open', values: {} },
  ]
}

/** H_c as a study draws it: one class, all of its pool; several, as many as keep F's class mix. */
export function twinCount(forget: readonly number[], twinPool: readonly number[]): number {
  const classes = forget.flatMap((part, label) => (part > 0 ? [label] : []))
  if (classes.length === 0) return 0
  const scale = Math.min(...classes.map((label) => (twinPool[label] ?? 0) / (forget[label] ?? 1)))
  return classes.reduce((sum, label) => sum + Math.floor((forget[label] ?? 0) * scale + 1e-9), 0)
}
