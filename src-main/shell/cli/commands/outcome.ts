import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { MetricTable } from '#shared/domain/metrics.ts'
import type { CommandContext } from '../context.ts'
import { table } from '../output.ts'

export function registerOutcomeCommands(program: Command, context: CommandContext): void {
  const outcome = program.command('outcome').description('outcomes: stored predictions, made here or elsewhere')
  outcome
    .command('evaluate')
    .argument('<file>', 'a safetensors or npz file of labels and logits')
    .description('every metric that the file’s arrays allow')
    .action((file: string, _options: unknown, command: Command) =>
      context.run(command, 'machine', async ({ client, output, signal }) => {
        const evaluation = await client.outcomes.evaluate({ path: resolve(file) }, { signal })
        output.result(evaluation, () => describeMetrics(evaluation.metrics))
        return 0
      }),
    )
}

export function describeMetrics(metrics: MetricTable): string {
  return table(
    ['METRIC', 'VALUE', 'N', '95 % CI'],
    Object.entries(metrics).map(([name, metric]) =>
      'absent' in metric
        ? [name, '–', '–', metric.absent]
        : [
            name,
            metric.value.toFixed(4),
            metric.n,
            metric.ci === null ? '–' : `${metric.ci[0].toFixed(4)} to ${metric.ci[1].toFixed(4)}`,
          ],
    ),
  )
}
