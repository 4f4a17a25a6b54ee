import type { Command } from 'commander'
import type { Run } from '#shared/domain/study.ts'
import { describeAttacks } from '../attack-text.ts'
import type { CommandContext } from '../context.ts'
import { runAndFollow } from '../follow.ts'
import { table } from '../output.ts'
import { exitCodeOfResult } from '../result-text.ts'
import { describeMetrics } from './outcome.ts'

export function registerRunCommands(program: Command, context: CommandContext): void {
  const run = program.command('run').description('runs: one method of a study at one seed')

  run
    .command('list')
    .description('the history of runs')
    .option('--study <name>', 'only runs of this study')
    .action((options: { study?: string }, command: Command) =>
      context.run(command, 'read', async ({ client, output }) => {
        const runs = await client.runs.list(options.study === undefined ? {} : { study: options.study })
        output.result(runs, () =>
          runs.length === 0
            ? 'No runs yet. See one: tmu demo --fast'
            : table(
                ['ID', 'STUDY', 'METHOD', 'SEED', 'STATE', 'FINISHED'],
                runs.map((item) => [
                  item.id,
                  item.studyName,
                  item.method,
                  item.seed,
                  item.state,
                  item.finishedAt ?? '–',
                ]),
              ),
        )
        return 0
      }),
    )

  run
    .command('show')
    .argument('<id>')
    .description('state, metrics, cost and outcome file of one run')
    .action((id: string, _options: unknown, command: Command) =>
      context.run(command, 'read', async ({ client, output }) => {
        const found = await client.runs.get({ run: id })
        const { attacks } = await client.studies.result({ study: found.studyId })
        // Those on its method as a whole are about this run, too.
        const own = attacks.filter(
          ({ method, seed }) => method === found.method && (seed === null || seed === found.seed),
        )
        output.result({ ...found, attacks: own }, () =>
          [describe(found), describeAttacks(own)].filter((part) => part !== '').join('\n\n'),
        )
        return 0
      }),
    )

  run
    .command('cancel')
    .argument('<id>')
    .description('cancel a queued or running run; finished stages are kept')
    .action((id: string, _options: unknown, command: Command) =>
      context.run(command, 'write', async ({ client, output }) => {
        const found = await client.runs.cancel({ run: id })
        output.result(found, () => `${found.id} (${found.method}, seed ${found.seed}) is ${found.state}.`)
        return 0
      }),
    )

  run
    .command('resume')
    .argument('<id>')
    .description('go on with a cancelled, interrupted or failed run, to its end')
    .action((id: string, _options: unknown, command: Command) =>
      context.run(command, 'write', async (call) => {
        const resumed = await call.client.runs.resume({ run: id })
        const result = await runAndFollow(call, resumed.studyName, { start: false })
        const after = await call.client.runs.get({ run: resumed.id })
        call.output.result(after, () => describe(after))
        return after.state === 'succeeded' ? 0 : exitCodeOfResult(result)
      }),
    )
}

function describe(run: Run): string {
  const head = `${run.id}: ${run.method} of ${run.studyName}, seed ${run.seed}, ${run.state}`
  const error = run.error === null ? '' : `\nfailed: ${run.error.message}`
  const outcome = run.outcomePath === null ? '' : `\noutcome: ${run.outcomePath}`
  return `${head}${error}${outcome}${run.metrics === null ? '' : `\n${describeMetrics(run.metrics)}`}`
}
