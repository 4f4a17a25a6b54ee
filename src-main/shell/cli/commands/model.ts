import { resolve } from 'node:path'
import type { Command } from 'commander'
import { type ModelFormat, modelFormats } from '#shared/domain/study.ts'
import { AppError } from '#shared/errors.ts'
import type { CommandContext } from '../context.ts'
import { table } from '../output.ts'

interface ExportOptions {
  readonly out: string
  readonly format: string
  readonly overwrite?: boolean
}

export function registerModelCommands(program: Command, context: CommandContext): void {
  const model = program.command('model').description('models: architectures, and the weights that a run made')

  model
    .command('architectures')
    .description('the networks that a study can use')
    .action((_options: unknown, command: Command) =>
      context.run(command, 'read', async ({ client, output }) => {
        const all = await client.system.architectures()
        output.result(all, () =>
          table(
            ['ID', 'PARAMETERS', 'MFLOP', 'WHAT'],
            all.map(({ id, summary, example }) => [
              id,
              example.parameters,
              (example.operations / 1e6).toFixed(1),
              `${summary} (${example.image.join('x')}, 10 classes)`,
            ]),
          ),
        )
        return 0
      }),
    )

  model
    .command('export')
    .argument('<run>', 'the id of a run, or how it begins')
    .description('write the weights that a run made, for other programs or another study (--original)')
    .requiredOption('--out <file>', 'a .safetensors file; for tfjs a model.json or a folder')
    .option('--format <format>', `one of ${modelFormats.join(', ')}`, 'safetensors')
    .option('--overwrite', 'replace files that are there')
    .action((run: string, options: ExportOptions, command: Command) =>
      context.run(command, 'read', async ({ client, output }) => {
        const made = await client.models.export({
          run,
          path: resolve(options.out),
          format: parseFormat(options.format),
          overwrite: options.overwrite === true,
        })
        output.result(made, () => `${made.run} (${made.architecture}): ${made.files.join(', ')}`)
        return 0
      }),
    )
}

function parseFormat(text: string): ModelFormat {
  const found = modelFormats.find((format) => format === text)
  if (found !== undefined) return found
  throw new AppError('bad-input', `Unknown format "${text}".`, { hint: `Formats are ${modelFormats.join(', ')}.` })
}
