import type { Command } from 'commander'
import { counted } from '#main/formats/text.ts'
import { isPresent } from '#shared/domain/metrics.ts'
import { type ComparedMetric, comparedMetrics, type StudySeries, unitOf } from '#shared/domain/statistics.ts'
import { forgetSizeKey, type Study } from '#shared/domain/study.ts'
import { AppError } from '#shared/errors.ts'
import { formatNumber, formatPercent } from '#shared/units.ts'
import type { CommandContext } from '../context.ts'
import { shellWord, table } from '../output.ts'

export function registerSeriesCommand(study: Command, context: CommandContext): void {
  study
    .command('series')
    .argument('<name>')
    .description('what the size of the forget set does: a figure and the predictor’s AUC by size, method by method')
    .option('--metric <name>', 'the figure, for example gap or jsDivergence', 'absGap')
    .action((name: string, options: { metric: string }, command: Command) =>
      context.run(command, 'read', async ({ client, output }) => {
        const metric = parseMetric(options.metric)
        const found = await client.studies.series({ series: name, metric })
        output.result(found, () => describeSeries(found, metric))
        return 0
      }),
    )
}

export function parseMetric(text: string): ComparedMetric {
  const found = comparedMetrics.find(({ name }) => name === text)
  if (found !== undefined) return found.name
  throw new AppError('bad-input', `There is no figure "${text}" to compare methods in.`, {
    hint: `Choose one of ${comparedMetrics.map(({ name }) => name).join(', ')}.`,
  })
}

/** The factors of a sweep without the sizes of F, and these. */
export function sizesOf(factors: Readonly<Record<string, readonly (number | string | boolean)[]>>): {
  readonly sizes: readonly number[] | null
  readonly factors: Record<string, (number | string | boolean)[]>
} {
  const { [forgetSizeKey]: values, ...rest } = factors
  const others = Object.fromEntries(Object.entries(rest).map(([key, list]) => [key, [...list]]))
  if (values === undefined) return { sizes: null, factors: others }
  const sizes = values.filter((value) => typeof value === 'number' && Number.isInteger(value) && value > 0)
  if (sizes.length === values.length && values.length > 1) return { sizes: sizes as number[], factors: others }
  throw new AppError('bad-input', `${forgetSizeKey} needs two numbers of images or more, not "${values.join(',')}".`, {
    hint: `For example --sweep ${forgetSizeKey}=50,100,200.`,
    details: { key: forgetSizeKey },
  })
}

export function describeCreatedSeries(name: string, studies: readonly Study[]): string {
  const lines = studies.map((study) => `  ${study.name}: ${counted(study.config.series?.forgetCount ?? 0, 'image')}`)
  return [
    `${name}: a series of ${counted(studies.length, 'study', 'studies')} that share whatever doesn’t depend on the size of F.`,
    ...lines,
    `Run them: tmu study run ${shellWord(name)}. Then: tmu study series ${shellWord(name)}`,
  ].join('\n')
}

export function describeSeries({ name, studies }: StudySeries, metric: ComparedMetric): string {
  const methods = [...new Set(studies.flatMap(({ statistics }) => statistics.methods))]
  const sizes = studies.map(({ forgetCount }) => `F = ${forgetCount}`)
  const rows = methods.map((method) => [
    method,
    ...studies.map(({ statistics }) => {
      const comparison = statistics.metrics.find((item) => item.metric === metric)
      const figure = comparison?.figures.find((item) => item.method === method)?.figure
      if (!isPresent(figure)) return '–'
      const text = (value: number): string =>
        unitOf(metric) === 'share' ? formatPercent(value) : formatNumber(value, 3)
      return figure.ci === null
        ? text(figure.value)
        : `${text(figure.value)} (${text(figure.ci[0])} to ${text(figure.ci[1])})`
    }),
  ])
  const predicted = methods.filter((method) => studies.some(({ statistics }) => method in statistics.predictors))
  const aucs = predicted.map((method) => [
    method,
    ...studies.map(({ statistics }) => {
      const auc = statistics.predictors[method]
      return auc === undefined ? '–' : auc.toFixed(2)
    }),
  ])
  const open = studies.filter(({ state }) => state !== 'succeeded').map((study) => `${study.name} (${study.state})`)
  return [
    `Series ${name}: ${metric} by the size of the forget set (95 % CI)`,
    table(['METHOD', ...sizes], rows),
    ...(aucs.length === 0 ? [] : ['Predictor’s AUC on the twin', table(['METHOD', ...sizes], aucs)]),
    ...(open.length === 0 ? [] : [`Not finished: ${open.join(', ')}.`]),
  ].join('\n\n')
}
