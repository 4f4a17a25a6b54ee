import type { Command } from 'commander'
import type { Split } from '#shared/domain/dataset.ts'
import { AppError } from '#shared/errors.ts'
import type { CommandContext } from '../context.ts'
import { table } from '../output.ts'
import { parseInteger, parseNumber } from '../parse.ts'

export function registerSplitCommands(program: Command, context: CommandContext): void {
  const split = program.command('split').description('splits of a data set into members, twin pool and evaluation')

  split
    .command('create')
    .argument('<name>')
    .description('deal the samples out anew, stratified by class')
    .requiredOption('--dataset <name>')
    .option('--fractions <D,H,E>', 'percent of members, twin pool and evaluation', '70,15,15')
    .option('--by-group <column>', 'whole groups go to one side; a given test folder is dealt out too')
    .option('--seed <seed>', 'seed of the dealing', '1')
    .action(
      (
        name: string,
        options: { dataset: string; fractions: string; byGroup?: string; seed: string },
        command: Command,
      ) =>
        context.run(command, 'write', async ({ client, output }) => {
          const made = await client.splits.create({
            name,
            dataset: options.dataset,
            fractions: parseFractions(options.fractions),
            ...(options.byGroup === undefined ? {} : { groupKey: options.byGroup }),
            seed: parseInteger(options.seed, '--seed'),
          })
          output.result(made, () => `${made.name}: ${describe(made)}`)
          return 0
        }),
    )

  split
    .command('list')
    .description('splits of one data set, or of all')
    .option('--dataset <name>')
    .action((options: { dataset?: string }, command: Command) =>
      context.run(command, 'read', async ({ client, output }) => {
        const datasets =
          options.dataset === undefined
            ? await client.datasets.list()
            : [await client.datasets.get({ dataset: options.dataset })]
        const rows = await Promise.all(
          datasets.map(async (dataset) => ({ dataset, splits: await client.splits.list({ dataset: dataset.id }) })),
        )
        output.result(
          rows.flatMap(({ splits }) => splits),
          () =>
            table(
              ['DATA SET', 'SPLIT', 'MEMBERS', 'TWIN POOL', 'EVALUATION', 'SEED'],
              rows.flatMap(({ dataset, splits }) =>
                splits.map((item) => [dataset.name, item.name, ...sizes(item), item.seed]),
              ),
            ),
        )
        return 0
      }),
    )
}

function sizes(split: Split): [number, number, number] {
  const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0)
  return [sum(split.counts.members), sum(split.counts.twinPool), sum(split.counts.evaluation)]
}

function describe(split: Split): string {
  const [members, twinPool, evaluation] = sizes(split)
  return `${members} members, ${twinPool} in the twin pool, ${evaluation} for evaluation (seed ${split.seed})`
}

function parseFractions(text: string): [number, number, number] {
  const parts = text.split(',').map((part) => parseNumber(part, '--fractions') / 100)
  const [members, twinPool, evaluation] = parts
  if (parts.length !== 3 || members === undefined || twinPool === undefined || evaluation === undefined) {
    throw new AppError('bad-input', `--fractions needs three percentages, not "${text}".`, {
      hint: 'For example --fractions 70,15,15.',
    })
  }
  return [members, twinPool, evaluation]
}
