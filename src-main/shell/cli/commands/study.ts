import { resolve } from 'node:path'
import type { Command } from 'commander'
import { counted } from '#main/formats/text.ts'
import { engineIds } from '#shared/domain/engine.ts'
import { type Priority, priorities, type Queue } from '#shared/domain/queue.ts'
import type { Study, StudyPlan } from '#shared/domain/study.ts'
import type { TwoSampleReport } from '#shared/domain/tmu.ts'
import { AppError } from '#shared/errors.ts'
import { formatDuration, formatPercent, formatPValue } from '#shared/units.ts'
import type { CommandContext } from '../context.ts'
import { runAndFollow } from '../follow.ts'
import { shellWord, table } from '../output.ts'
import { parseInteger, parseList, parseSettings, parseValue } from '../parse.ts'
import { describePlan, twinLines } from '../plan-text.ts'
import { describeResult, exitCodeOfResult } from '../result-text.ts'
import { describeStatistics } from '../statistics-text.ts'
import { type AttackOptions, attackRequest, registerAttackCommand, withAttackOptions } from './study-attack.ts'
import { registerExportCommand } from './study-export.ts'
import { describeCreatedSeries, describeSeries, parseMetric, registerSeriesCommand, sizesOf } from './study-series.ts'

interface CreateOptions extends AttackOptions {
  readonly dataset: string
  readonly forget: string
  readonly arch?: string
  readonly original?: string
  readonly methods?: string
  readonly seeds: string
  readonly golds: string
  readonly engine?: string
  readonly set: readonly string[]
  readonly sweep: readonly string[]
  readonly grid?: boolean
}

export function registerStudyCommands(program: Command, context: CommandContext): void {
  const study = program
    .command('study')
    .description('studies: data set, forget set, methods and seeds, compared with the gold')

  withAttackOptions(study.command('create'))
    .argument('<name>')
    .description('put a study together; nothing is trained yet')
    .requiredOption('--dataset <name>')
    .requiredOption('--forget <name>', 'the forget set')
    .option('--arch <architecture>', 'network (default: by image size)')
    .option('--original <file>', 'start from the weights in this file (safetensors or npz) instead of training them')
    .option('--methods <ids>', 'comma-separated method ids, or all; see tmu method list (default: the usual ones)')
    .option('--seeds <n>', 'number of seeds', '1')
    .option('--golds <k>', 'number of gold models', '2')
    .option('--engine <engine>', `pin the engine: ${engineIds.join(', ')}`)
    .option(
      '--set <key=value...>',
      'epochs, lr, batchSize, optimizer, schedule, momentum, weightDecay, augment, splitSeed, earlyEpoch, threshold or METHOD.KEY',
      [],
    )
    .option(
      '--sweep <method.key=v1,v2...>',
      'a variant of the method for each value, one key at a time; forget.size: a study for each size of F',
      [],
    )
    .option('--grid', 'every combination of the swept keys of a method')
    .action((name: string, options: CreateOptions, command: Command) =>
      context.run(command, 'write', async ({ client, output }) => {
        const { sizes, factors } = sizesOf(parseSweep(options.sweep))
        const input = {
          name,
          dataset: options.dataset,
          forgetSet: options.forget,
          seeds: parseInteger(options.seeds, '--seeds'),
          golds: parseInteger(options.golds, '--golds'),
          settings: parseSettings(options.set),
          ...(Object.keys(factors).length === 0 ? {} : { sweep: { factors, grid: options.grid === true } }),
          ...(options.arch === undefined ? {} : { architecture: options.arch }),
          ...(options.original === undefined ? {} : { original: resolve(options.original) }),
          ...(options.methods === undefined ? {} : { methods: parseList(options.methods) }),
          ...(options.engine === undefined ? {} : { engine: parseEngine(options.engine) }),
          ...attackOf(options),
        }
        if (sizes !== null) {
          const series = await client.studies.createSeries({ ...input, sizes: [...sizes] })
          output.result(series, () => describeCreatedSeries(name, series))
          return 0
        }
        const made = await client.studies.create(input)
        // The number of stages is what a sweep costs: it is said before anything is started.
        const plan = output.json ? null : await client.studies.plan({ study: made.id })
        output.result(made, () => describeCreated(made, plan))
        return 0
      }),
    )

  study
    .command('plan')
    .argument('<name>')
    .description('what a run would compute and what it would reuse')
    .action((name: string, _options: unknown, command: Command) =>
      context.run(command, 'read', async ({ client, output }) => {
        const plan = await client.studies.plan({ study: name })
        output.result(plan, () => describePlan(plan))
        return 0
      }),
    )

  study
    .command('run')
    .argument('<name>')
    .option('--priority <priority>', `which study's stages start first: ${priorities.join(', ')}`)
    .description('run every method and seed of a study, or all studies of a series; what was finished before is reused')
    .action((name: string, options: { readonly priority?: string }, command: Command) =>
      context.run(command, 'write', async (call) => {
        const priority = options.priority === undefined ? undefined : parsePriority(options.priority)
        const studies = await call.client.studies.list()
        const ofSeries = studies.filter(({ config }) => config.series?.name === name)
        if (ofSeries.length === 0 || studies.some((one) => one.name === name || one.id === name)) {
          const result = await runAndFollow(call, name, { priority })
          call.output.result(result, () => describeResult(result))
          return exitCodeOfResult(result)
        }
        let code: 0 | 1 = 0
        for (const { id } of ofSeries) {
          if (exitCodeOfResult(await runAndFollow(call, id, { priority })) !== 0) code = 1
        }
        const series = await call.client.studies.series({ series: name })
        call.output.result(series, () => describeSeries(series, 'absGap'))
        return code
      }),
    )

  // Of studies that another process runs: without one there is nothing to pause, and nothing is made.
  for (const [verb, what] of [
    ['pause', 'stop the stages of a running study at their last checkpoints until it is resumed'],
    ['resume', 'go on with a paused study'],
  ] as const) {
    study
      .command(verb)
      .argument('[name]')
      .option('--all', 'everything that runs')
      .description(what)
      .action((name: string | undefined, options: { readonly all?: boolean }, command: Command) =>
        context.run(command, 'read', async ({ client, output }) => {
          if ((name === undefined) === (options.all !== true)) {
            throw new AppError('bad-input', `Name one study to ${verb}, or give --all.`)
          }
          const queue = await client.queue[verb](name === undefined ? {} : { study: name })
          output.result(queue, () => describeQueue(queue))
          return 0
        }),
      )
  }

  study
    .command('priority')
    .argument('<name>')
    .argument('<priority>', priorities.join(', '))
    .description('let a running study’s stages start before or after those of others')
    .action((name: string, priority: string, _options: unknown, command: Command) =>
      context.run(command, 'read', async ({ client, output }) => {
        const queue = await client.queue.prioritise({ study: name, priority: parsePriority(priority) })
        output.result(queue, () => describeQueue(queue))
        return 0
      }),
    )

  study
    .command('queue')
    .description('the studies at work')
    .action((_options: unknown, command: Command) =>
      context.run(command, 'read', async ({ client, output }) => {
        const queue = await client.queue.get()
        output.result(queue, () => describeQueue(queue))
        return 0
      }),
    )

  study
    .command('show')
    .argument('<name>')
    .description('gate, table of runs and verdicts')
    .action((name: string, _options: unknown, command: Command) =>
      context.run(command, 'read', async ({ client, output }) => {
        const result = await client.studies.result({ study: name })
        output.result(result, () => describeResult(result))
        return 0
      }),
    )

  study
    .command('tune')
    .argument('<name>')
    .description('choose each method\u2019s settings on the twin problem, without any gold, and make a study with them')
    .option('--budget <n>', 'settings tried for each method', '8')
    .option('--seeds <n>', 'seeds that each is tried at', '1')
    .option('--methods <ids>', 'comma-separated method ids (default: all that can be tuned)')
    .action((name: string, options: { budget: string; seeds: string; methods?: string }, command: Command) =>
      context.run(command, 'write', async (call) => {
        const { client, output } = call
        const tuning = await client.studies.tune({
          study: name,
          budget: parseInteger(options.budget, '--budget'),
          seeds: parseInteger(options.seeds, '--seeds'),
          ...(options.methods === undefined ? {} : { methods: parseList(options.methods) }),
        })
        await runAndFollow(call, tuning.id)
        const tuned = await client.studies.adoptTuning({ study: name, tuning: tuning.id })
        output.result({ tuning, tuned }, () => describeTuning(tuning, tuned))
        return 0
      }),
    )

  study
    .command('test')
    .argument('<name>')
    .description('before the run: do the images to forget and their twin pool look alike?')
    .action((name: string, _options: unknown, command: Command) =>
      context.run(command, 'write', async ({ client, output }) => {
        const tests = await client.studies.distributionTest({ study: name })
        output.result(tests, () =>
          tests
            .map(
              ({ methods, report }) =>
                `${tests.length > 1 ? `${methods.join(', ')}: ` : ''}${describeTwoSample(report)}`,
            )
            .join('\n'),
        )
        return 0
      }),
    )

  study
    .command('compare')
    .argument('<name>')
    .description('methods against one of them: paired differences, corrected p-values, what lies on the Pareto front')
    .option('--reference <method>', 'compared with this method (default: tmu, else the first)')
    .option('--metric <name>', 'one figure only, also of those not shown otherwise, for example absGap or klToGold')
    .action((name: string, options: { reference?: string; metric?: string }, command: Command) =>
      context.run(command, 'read', async ({ client, output }) => {
        const metric = options.metric === undefined ? null : parseMetric(options.metric)
        const found = await client.studies.statistics({
          study: name,
          ...(options.reference === undefined ? {} : { reference: options.reference }),
          ...(metric === null ? {} : { metric }),
        })
        output.result(found, () => describeStatistics(found, metric))
        return 0
      }),
    )

  registerAttackCommand(study, context)
  registerExportCommand(study, context)
  registerSeriesCommand(study, context)

  study
    .command('list')
    .description('all studies')
    .action((_options: unknown, command: Command) =>
      context.run(command, 'read', async ({ client, output }) => {
        const all = await client.studies.list()
        output.result(all, () =>
          all.length === 0
            ? 'No studies yet. See one run: tmu demo --fast'
            : table(
                ['NAME', 'STATE', 'METHODS', 'SEEDS', 'GOLDS', 'ENGINE', 'ID'],
                all.map((item) => [
                  item.name,
                  item.state,
                  item.config.methods.length,
                  item.config.seeds.length,
                  item.config.goldSeeds.length,
                  item.engine ?? '–',
                  item.id,
                ]),
              ),
        )
        return 0
      }),
    )
}

function describeTwoSample({ n, accuracy, auc, p }: TwoSampleReport): string {
  const figures = `accuracy ${(100 * accuracy).toFixed(1)} %, AUC ${auc.toFixed(2)}, p ${p < 0.001 ? '' : '= '}${formatPValue(p)}, ${n} images of each`
  return p < 0.05
    ? `A classifier tells the images to forget from their twin pool (${figures}): what holds on the twin may not hold for them.`
    : `No classifier was found that tells the images to forget from their twin pool (${figures}).`
}

function describeTuning(tuning: Study, { name, config }: Study): string {
  const rows = Object.entries(config.tuned ?? {}).map(([method, { tried, score, defaultScore }]) => [
    method,
    tried,
    defaultScore === null ? 'failed' : (100 * defaultScore).toFixed(1),
    (100 * score).toFixed(1),
    Object.entries(tuning.config.methodParams[method] ?? {})
      .flatMap(([key, before]) => {
        const now = config.methodParams[method]?.[key]
        return now === before ? [] : [`${key}=${String(now)}`]
      })
      .join(' ') || 'as before',
  ])
  return [
    'Distance to the twin problem\u2019s gold (avgGap, points), before and after:',
    table(['METHOD', 'TRIED', 'BEFORE', 'TUNED', 'SETTINGS'], rows),
    `The study with these settings: ${name}. Run it: tmu study run ${shellWord(name)}`,
  ].join('\n')
}

function describeCreated({ name, config }: Study, plan: StudyPlan | null): string {
  const { methods, seeds, goldSeeds, architecture } = config
  const stages =
    plan === null
      ? ''
      : ` ${plan.stages.length} stages: ${plan.toCompute} to compute, ${plan.toReuse} ${plan.toReuse === 1 ? 'is' : 'are'} there already.`
  return [
    `${name}: ${counted(methods.length, 'method')}, ${counted(seeds.length, 'seed')}, ${counted(goldSeeds.length, 'gold')}, ${architecture}.${stages} Run it: tmu study run ${shellWord(name)}`,
    ...(plan === null ? [] : twinLines(plan)),
  ].join('\n')
}

function describeQueue({ paused, shortOfMemory, studies }: Queue): string {
  if (studies.length === 0) return paused ? 'Nothing is running, and everything is paused.' : 'Nothing is running.'
  const rows = studies.map((item) => [
    item.name,
    paused || item.paused ? 'paused' : 'running',
    item.priority,
    item.running,
    item.waiting,
    formatPercent(item.value),
    item.etaSeconds === null || paused || item.paused ? '–' : formatDuration(item.etaSeconds),
  ])
  const lines = [table(['STUDY', 'STATE', 'PRIORITY', 'RUNNING', 'WAITING', 'DONE', 'LEFT'], rows)]
  if (shortOfMemory) lines.push('Another stage waits until memory is free.')
  return lines.join('\n')
}

/** Shadows and models of no attack would be forgotten without a word. */
function attackOf(options: AttackOptions) {
  const { attacks, ...numbers } = attackRequest(options)
  if (attacks !== undefined) return { attack: { attacks, ...numbers } }
  if (Object.keys(numbers).length === 0) return {}
  throw new AppError('bad-input', '--shadows and --models are for attacks, and there are none.', {
    hint: 'Name them, for example --attacks lira,rmia.',
  })
}

/** `METHOD.KEY=v1,v2`; a key that is named twice has the values of both. */
function parseSweep(texts: readonly string[]): Record<string, (number | string | boolean)[]> {
  const factors: Record<string, (number | string | boolean)[]> = {}
  for (const text of texts) {
    const at = text.indexOf('=')
    const values = parseList(at === -1 ? '' : text.slice(at + 1))
    if (!/^[a-z][^=]*\.[^=]+=/i.test(text) || values.length === 0) {
      throw new AppError('bad-input', `--sweep needs METHOD.KEY=VALUE,VALUE, not "${text}".`, {
        hint: 'For example --sweep tmu.features=df,cf.',
      })
    }
    const key = text.slice(0, at)
    factors[key] = [...(factors[key] ?? []), ...values.map(parseValue)]
  }
  return factors
}

function parseEngine(text: string): (typeof engineIds)[number] {
  const found = engineIds.find((id) => id === text)
  if (found === undefined)
    throw new AppError('bad-input', `Unknown engine "${text}".`, { hint: `Known engines: ${engineIds.join(', ')}.` })
  return found
}

function parsePriority(text: string): Priority {
  const found = priorities.find((priority) => priority === text)
  if (found !== undefined) return found
  throw new AppError('bad-input', `Unknown priority "${text}".`, { hint: `Priorities: ${priorities.join(', ')}.` })
}
