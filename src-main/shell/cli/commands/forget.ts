import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { stringify } from 'csv-stringify/sync'
import { counted } from '#main/formats/text.ts'
import { forgetRuleInput } from '#shared/contract/inputs.ts'
import type { ForgetRule, ForgetSet } from '#shared/domain/forget-set.ts'
import { AppError } from '#shared/errors.ts'
import type { WorkbenchClient } from '../../client.ts'
import type { CommandContext } from '../context.ts'
import { ruleText } from '../forget-text.ts'
import { table } from '../output.ts'
import { unpackInt32 } from '../packed.ts'
import { parseInteger, parseNumber } from '../parse.ts'
import { writeTextFile } from '../write-text-file.ts'
import { type ClusterOptions, clusterOf, registerClustersCommand } from './forget-clusters.ts'

interface CreateOptions extends ClusterOptions {
  readonly dataset: string
  readonly split: string
  readonly seed: string
  readonly class?: string
  readonly fraction?: string
  readonly random?: string
  readonly ids?: string
  readonly group?: string
  readonly rule?: string
  readonly aroundIds?: boolean
  readonly versionOf?: string
}

export function registerForgetCommands(program: Command, context: CommandContext): void {
  const forget = program.command('forget').description('forget sets: which members must be forgotten')

  forget
    .command('create')
    .argument('<name>')
    .description(
      'choose by class and share, at random, by group, by likeness, from a file of ids, or by a combined rule',
    )
    .requiredOption('--dataset <name>')
    .option('--class <class>', 'forget a share of this class; with --cluster: clusters of its images')
    .option('--fraction <share>', 'share of the class’s members, 0 to 1 (with --class)')
    .option('--random <number>', 'at random: a share of all members below 1, or a number of them')
    .option('--group <key=value>', 'everybody with this value of a group column, for example patient=C112')
    .option('--cluster <numbers>', 'clusters of images that look alike, by number: see tmu forget clusters')
    .option('--clusters <k>', 'into how many clusters the images are grouped (with --cluster; default: 10)')
    .option('--ids <file>', 'one sample id or image path a line')
    .option(
      '--rule <json>',
      'a rule as JSON, or @FILE that holds it: class, random, group, cluster, picked, union, minus, …',
    )
    .option('--around-ids', 'where chosen samples lie outside D, make a new split that has them in D')
    .option('--version-of <name>', 'the forget set that this is an edited version of')
    .option('--split <name>', 'the split whose members are meant', 'default')
    .option('--seed <seed>', 'seed of the choice', '1')
    .action((name: string, options: CreateOptions, command: Command) =>
      context.run(command, 'write', async ({ client, output }) => {
        const made = await client.forgetSets.create({
          name,
          dataset: options.dataset,
          split: options.split,
          seed: parseInteger(options.seed, '--seed'),
          ...(options.class === undefined ? {} : { className: options.class }),
          ...(options.fraction === undefined ? {} : { fraction: parseNumber(options.fraction, '--fraction') }),
          ...(options.random === undefined ? {} : { random: parseNumber(options.random, '--random') }),
          ...(options.ids === undefined ? {} : { idsFile: resolve(options.ids) }),
          ...(options.group === undefined ? {} : { group: parseGroup(options.group) }),
          ...clusterOf(options),
          ...(options.rule === undefined ? {} : { rule: await parseRule(options.rule) }),
          ...(options.aroundIds === undefined ? {} : { aroundIds: options.aroundIds }),
          ...(options.versionOf === undefined ? {} : { versionOf: options.versionOf }),
        })
        output.result(made, () => describe(made))
        return 0
      }),
    )

  registerClustersCommand(forget, context)

  forget
    .command('list')
    .description('all forget sets')
    .action((_options: unknown, command: Command) =>
      context.run(command, 'read', async ({ client, output }) => {
        const all = await client.forgetSets.list()
        output.result(all, () =>
          all.length === 0
            ? 'No forget sets yet. Make one: tmu forget create NAME --dataset D --class C --fraction 0.3'
            : table(
                ['NAME', 'IMAGES', 'RULE', 'ID'],
                all.map((item) => [item.name, item.count, ruleText(item.rule), item.id]),
              ),
        )
        return 0
      }),
    )

  forget
    .command('show')
    .argument('<name>', 'name or id')
    .description('rule and counts of one forget set; with --ids its sample ids')
    .option('--ids', 'print the sample ids, one a line')
    .action((name: string, options: { ids?: boolean }, command: Command) =>
      context.run(command, 'read', async ({ client, output }) => {
        const found = await client.forgetSets.get({ forgetSet: name })
        if (options.ids === true) {
          const ids = await client.forgetSets.ids({ forgetSet: found.id })
          output.result({ ...found, sampleIds: ids }, () => ids.join('\n'))
        } else output.result(found, () => describe(found))
        return 0
      }),
    )

  forget
    .command('export')
    .argument('<name>', 'name or id')
    .description('the images of one forget set as CSV: index, path, class and groups')
    .requiredOption('--out <file>')
    .action((name: string, options: { out: string }, command: Command) =>
      context.run(command, 'read', async ({ client, output }) => {
        const set = await client.forgetSets.get({ forgetSet: name })
        const rows = await forgetRows(client, set)
        const path = resolve(options.out)
        await writeTextFile(path, stringify([...rows]))
        output.result({ path, images: set.count }, () => `Wrote ${counted(set.count, 'image')} to ${path}`)
        return 0
      }),
    )

  forget
    .command('remove')
    .argument('<name>', 'name or id')
    .description('remove a forget set that no study and no later version needs')
    .action((name: string, _options: unknown, command: Command) =>
      context.run(command, 'write', async ({ client, output }) => {
        const result = await client.forgetSets.remove({ forgetSet: name })
        output.result(result, () => `Removed ${name}`)
        return 0
      }),
    )
}

function describe(set: ForgetSet): string {
  const version = set.version > 1 ? `, version ${set.version}` : ''
  return `${set.name}: ${counted(set.count, 'image')}, ${ruleText(set.rule)} (seed ${set.seed}${version}, id ${set.id})`
}

/** `patient=C112` */
function parseGroup(text: string): { readonly column: string; readonly value: string } {
  const at = text.indexOf('=')
  if (at > 0) return { column: text.slice(0, at), value: text.slice(at + 1) }
  throw new AppError('bad-input', `--group must be KEY=VALUE, not "${text}".`, { hint: 'For example patient=C112.' })
}

async function parseRule(text: string): Promise<ForgetRule> {
  const json = text.startsWith('@') ? await readRule(text.slice(1)) : text
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (error) {
    throw new AppError('bad-input', '--rule is not JSON.', {
      hint: 'For example {"kind":"minus","from":{"kind":"class","className":"cat","fraction":1},"without":{"kind":"random","fraction":0.5}}',
      cause: error,
    })
  }
  const parsed = forgetRuleInput.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const path = issue?.path.map(String).join('.') ?? ''
  throw new AppError(
    'bad-input',
    `--rule is no forget rule: ${path === '' ? '' : `${path}: `}${issue?.message ?? ''}.`,
    {
      hint: 'Kinds are class, random, random-count, group, cluster, picked, union, intersection and minus.',
    },
  )
}

async function readRule(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new AppError('bad-input', `The rule file "${path}" can't be read.`, { cause: error })
  }
}

/** Header and one row an image. */
async function forgetRows(client: WorkbenchClient, set: ForgetSet): Promise<readonly (readonly string[])[]> {
  const [ids, dataset, columns] = await Promise.all([
    client.forgetSets.ids({ forgetSet: set.id }),
    client.datasets.get({ dataset: set.datasetId }),
    client.samples.columns({ dataset: set.datasetId }),
  ])
  const names: string[] = []
  while (names.length < dataset.sampleCount) {
    names.push(...(await client.samples.names({ dataset: set.datasetId, offset: names.length })).names)
  }
  const labels = unpackInt32(columns.labels)
  const groups = columns.groups.map(({ name, values, codes }) => ({ name, values, codes: unpackInt32(codes) }))
  return [
    ['index', 'path', 'class', ...groups.map(({ name }) => name)],
    ...ids.map((id) => [
      String(id),
      names[id] ?? '',
      dataset.classes[labels[id]]?.name ?? '',
      ...groups.map(({ values, codes }) => values[codes[id]] ?? ''),
    ]),
  ]
}
