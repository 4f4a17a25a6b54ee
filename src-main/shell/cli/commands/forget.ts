import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { ForgetSet } from '#shared/domain/forget-set.ts'
import type { CommandContext } from '../context.ts'
import { table } from '../output.ts'
import { parseInteger, parseNumber } from '../parse.ts'

interface CreateOptions {
  readonly dataset: string
  readonly split: string
  readonly seed: string
  readonly class?: string
  readonly fraction?: string
  readonly random?: string
  readonly ids?: string
}

export function registerForgetCommands(program: Command, context: CommandContext): void {
  const forget = program.command('forget').description('forget sets: which members must be forgotten')

  forget
    .command('create')
    .argument('<name>')
    .description('choose by class and share, at random, or from a file of ids')
    .requiredOption('--dataset <name>')
    .option('--class <class>', 'forget a share of this class')
    .option('--fraction <share>', 'share of the class’s members, 0 to 1 (with --class)')
    .option('--random <share>', 'share of all members, 0 to 1')
    .option('--ids <file>', 'one sample id or image path a line')
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
        })
        output.result(made, () => describe(made))
        return 0
      }),
    )

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
                all.map((item) => [item.name, item.count, rule(item), item.id]),
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
}

function rule(set: ForgetSet): string {
  switch (set.rule.kind) {
    case 'class':
      return `${percent(set.rule.fraction)} of ${set.rule.className}`
    case 'random':
      return `${percent(set.rule.fraction)} at random`
    case 'ids':
      return `ids of ${set.rule.source}`
  }
}

/** As it was typed: 0.29 is 29 %, whatever binary fractions make of it. */
function percent(fraction: number): string {
  return `${Number((fraction * 100).toPrecision(12))} %`
}

function describe(set: ForgetSet): string {
  return `${set.name}: ${set.count} images, ${rule(set)} (seed ${set.seed}, id ${set.id})`
}
