/**
 * Fair tuning: every method gets the same number of settings to try, on the twin problem, whose answer is known without
 * any gold. What comes nearest there is what the method is compared with.
 */
import { completeMethodOptions, type MethodParams, methodOf, parseMethodOptions } from '#main/compute/methods.ts'
import { quoted } from '#main/formats/text.ts'
import { baseMethodOf, type VariantValue, variantId } from '#shared/domain/method-variant.ts'
import { isPresent } from '#shared/domain/metrics.ts'
import type { Run, Study, StudyConfig, TunedSettings } from '#shared/domain/study.ts'
import { AppError, type ErrorCode } from '#shared/errors.ts'
import { Random } from '#shared/random.ts'
import { methodNeeds } from '../jobs/graph/method-settings.ts'
import { worksOnTwinProblem } from '../jobs/graph/twin-problem.ts'
import { noneMethod } from '../jobs/graph.ts'

/** The criterion: mean distance to the gold in accuracy on F, R and E and in the loss attack. The lower the better. */
export const tuningMetric = 'avgGap'

/** Names under which methods have a strength; each is drawn on a logarithmic scale around its default. */
const strengths: readonly string[] = ['lr', 'alpha', 'lambda', 'gamma']
/** From a tenth to ten times the default: published rates were made for other networks. */
const reach = 10

/**
 * Settings to try for a method, the study's own first. Equal seeds draw equal settings; a method without anything to
 * tune has its own alone.
 */
export function candidatesOf(method: string, params: MethodParams, budget: number): readonly MethodParams[] {
  const keys = strengths.filter((key) => typeof params[key] === 'number' && Number(params[key]) > 0)
  const epochs = typeof params['epochs'] === 'number' ? params['epochs'] : null
  const tried: MethodParams[] = [{}]
  if (keys.length === 0 && epochs === null) return tried
  const seen = new Set([JSON.stringify(completed(params, {}))])
  // Draws out of a parameter's range, or met before, are drawn again, but not for ever: few epochs leave few choices.
  for (let attempt = 0; tried.length < budget && attempt < 20 * budget; attempt++) {
    const random = Random.of(1, 'tuning', method, attempt)
    const drawn: Record<string, VariantValue> = {}
    for (const key of keys) drawn[key] = rounded(Number(params[key]) * reach ** (2 * random.uniform() - 1))
    if (epochs !== null) drawn['epochs'] = [Math.max(1, Math.round(epochs / 2)), epochs, 2 * epochs][random.below(3)]
    const key = JSON.stringify(completed(params, drawn))
    if (seen.has(key) || !isAllowed(method, { ...params, ...drawn })) continue
    seen.add(key)
    tried.push(drawn)
  }
  return tried
}

/**
 * The study in which methods of `study` are tried on its twin problem: `none` for comparison, and each method that can
 * be tuned with its candidates. Nothing is written.
 * @throws AppError `unsupported` where nothing can be tuned; `bad-input` for a method that the study hasn't.
 */
export function tuningConfig(
  { name, config }: Study,
  asked: readonly string[] | undefined,
  budget: number,
  seeds: number,
): StudyConfig {
  const own = config.methods.filter((method) => baseMethodOf(method) === method)
  for (const method of asked ?? []) {
    if (own.includes(method)) continue
    throw new AppError('bad-input', `The study "${name}" has no method ${quoted(method)} to tune.`, {
      hint: `It has ${own.join(', ')}.`,
    })
  }
  const tunable = (asked ?? own).filter((method) => isTunable(config, method))
  if (tunable.length === 0) {
    throw new AppError('unsupported', `No method of the study "${name}" can be tuned on the twin problem.`, {
      hint: 'Methods that need a twin or early checkpoints keep their settings, and controls follow the method they control.',
    })
  }
  const methods: string[] = [noneMethod]
  const given: Record<string, MethodParams> = {}
  for (const method of tunable) {
    const params = config.methodParams[method] ?? {}
    given[method] = params
    for (const candidate of candidatesOf(method, params, budget)) {
      const settings = candidate as Readonly<Record<string, VariantValue>>
      const id = Object.keys(settings).length === 0 ? method : variantId(method, settings)
      methods.push(id)
      if (id !== method) given[id] = settings
    }
  }
  return {
    ...config,
    problem: 'twin',
    series: undefined,
    methods,
    methodParams: completeMethodOptions(methods, given),
    seeds: config.seeds.slice(0, seeds),
    goldSeeds: [],
  }
}

export interface Tuned {
  readonly config: StudyConfig
  /** Methods that keep their settings although they were tried, and why. */
  readonly notes: readonly string[]
}

/**
 * The study's configuration with what was found best. A control takes over what was found for the method it follows.
 * @throws AppError `conflict` while runs of the tuning are missing; `diverged`, `unsupported` or what else stopped them
 * where no method has a setting to choose.
 */
export function tunedConfig({ config }: Study, tuning: Study, runs: readonly Run[]): Tuned {
  const scores = new Map<string, number[]>()
  for (const run of runs) {
    const metric = run.metrics?.[tuningMetric]
    if (run.state === 'succeeded' && isPresent(metric))
      scores.set(run.method, [...(scores.get(run.method) ?? []), metric.value])
  }
  const without: Unscored[] = []
  const best = new Map<string, { readonly params: MethodParams; readonly tuned: TunedSettings }>()
  for (const method of new Set(tuning.config.methods.map(baseMethodOf))) {
    if (method === noneMethod) continue
    const tried = tuning.config.methods.filter((id) => baseMethodOf(id) === method)
    const ranked = tried
      .flatMap((id) => {
        const values = scores.get(id) ?? []
        // A setting that diverged at some seed is no setting to recommend.
        return values.length < tuning.config.seeds.length ? [] : [{ id, score: mean(values) }]
      })
      .sort((a, b) => a.score - b.score)
    const [first] = ranked
    if (first === undefined) {
      without.push(
        unscored(
          method,
          runs.filter((run) => tried.includes(run.method)),
          tried.length * tuning.config.seeds.length,
        ),
      )
      continue
    }
    best.set(method, {
      params: tuning.config.methodParams[first.id] ?? {},
      tuned: {
        study: tuning.name,
        tried: tried.length,
        score: first.score,
        defaultScore: ranked.find(({ id }) => id === method)?.score ?? null,
      },
    })
  }
  if (best.size === 0) throw nothingToChoose(tuning.name, without)
  const methodParams: Record<string, MethodParams> = { ...config.methodParams }
  const tuned: Record<string, TunedSettings> = {}
  for (const method of config.methods) {
    const source = best.has(method) ? method : (methodOf(method).follows ?? method)
    const found = best.get(source)
    if (found === undefined || baseMethodOf(method) !== method) continue
    const known = Object.entries(found.params).filter(([key]) => Object.hasOwn(config.methodParams[method] ?? {}, key))
    methodParams[method] = { ...config.methodParams[method], ...Object.fromEntries(known) }
    tuned[method] = found.tuned
  }
  return {
    config: { ...config, methodParams, tuned, series: undefined },
    notes: without.map(({ method, reason }) => `${method} keeps its settings: ${reason}.`),
  }
}

/** Why a method that was tried has no setting to recommend. */
interface Unscored {
  readonly method: string
  readonly code: ErrorCode
  readonly reason: string
  readonly hint: string
}

/** A setting counts only with a score at every seed; `runs` are those of the method's settings, `planned` of them. */
function unscored(method: string, runs: readonly Run[], planned: number): Unscored {
  const ended = runs.filter(({ state }) => state === 'succeeded' || state === 'failed')
  if (ended.length < planned) {
    const reason =
      ended.length === 0
        ? 'it has no finished run'
        : `${ended.length} of its ${planned} runs are finished, and no setting was measured at every seed`
    return { method, code: 'conflict', reason, hint: 'Run it first.' }
  }
  for (const { metrics } of ended) {
    const metric = metrics?.[tuningMetric]
    if (metric === undefined || isPresent(metric)) continue
    return {
      method,
      code: 'unsupported',
      reason: `${tuningMetric}, by which settings are chosen, can't be had: ${metric.absent.replace(/\.$/, '')}`,
      hint: 'Tune on a split and a forget set whose twin problem has it, or set the parameters by hand.',
    }
  }
  const errors = ended.flatMap(({ error }) => error ?? [])
  const diverged = errors.filter(({ code }) => code === 'diverged')
  const isDivergence = errors.length > 0 && diverged.length === errors.length
  const [first] = errors
  return {
    method,
    code: first?.code ?? 'internal',
    reason:
      `every setting that was tried ${isDivergence ? 'diverged' : 'failed'} at one seed at least` +
      (first === undefined ? '' : `, the first thus: ${first.message.replace(/\.$/, '')}`),
    hint: isDivergence
      ? 'Set a lower learning rate or strength for it in the study, or tune with a larger budget.'
      : (first?.hint ?? 'See what failed: tmu run list'),
  }
}

function nothingToChoose(tuning: string, without: readonly Unscored[]): AppError {
  // Nothing can be said for good of a tuning that hasn't ended.
  const told = without.find(({ code }) => code === 'conflict') ?? without.at(0)
  if (told === undefined) throw new AppError('internal', `The tuning "${tuning}" has no method.`)
  const others = without.length > 1 ? ` (${told.method})` : ''
  return new AppError(told.code, `The tuning "${tuning}" has no setting to choose${others}: ${told.reason}.`, {
    hint: told.hint,
    details: { methods: without.map(({ method, reason }) => ({ method, reason })) },
  })
}

function isTunable(config: StudyConfig, method: string): boolean {
  const { run, follows, family } = methodOf(method)
  if (run === null || follows !== undefined || family === 'control') return false
  // The twin problem's early checkpoints are M_o's, which never saw H_c, as a request's have seen F.
  const { epochs = [] } = methodNeeds(config, method)
  return (
    epochs.length === 0 &&
    worksOnTwinProblem(config, method) &&
    candidatesOf(method, config.methodParams[method] ?? {}, 2).length > 1
  )
}

function isAllowed(method: string, params: MethodParams): boolean {
  try {
    parseMethodOptions(method, params)
    return true
  } catch (error) {
    if (error instanceof AppError && error.code === 'bad-input') return false
    throw error
  }
}

function completed(params: MethodParams, drawn: MethodParams): MethodParams {
  return { ...params, ...drawn }
}

/** Two digits: no search is finer. */
function rounded(value: number): number {
  return Number(value.toPrecision(2))
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
