import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { Dataset } from '#shared/domain/dataset.ts'
import { AppError } from '#shared/errors.ts'
import type { CommandContext } from '../context.ts'
import { table } from '../output.ts'
import { parseInteger } from '../parse.ts'
import { ProgressLine } from '../progress-line.ts'

interface ImportOptions {
  readonly size?: string
  readonly strict?: boolean
  readonly name?: string
  readonly format: string
}

export function registerDatasetCommands(program: Command, context: CommandContext): void {
  const dataset = program.command('dataset').description('data sets: import, list, show')

  dataset
    .command('import')
    .argument('<path>', 'a folder of class folders (NAME/[split/]CLASS/FILE), or "demo"')
    .description('import images and their labels')
    .option('--size <pixels>', 'side length that every image is brought to (default: 28 if all are 28x28, else 32)')
    .option('--strict', 'refuse the whole import when a file is not a readable image')
    .option('--name <name>', 'the data set’s name (default: the folder’s)')
    .option('--format <format>', 'auto, folder or demo', 'auto')
    .action((path: string, options: ImportOptions, command: Command) =>
      context.run(command, 'write', async ({ client, output, signal }) => {
        const line = new ProgressLine(output.terminal)
        const format = parseFormat(options.format)
        let imported: string | null = null
        for await (const event of await client.datasets.import(
          {
            // The process that reads it may have another working folder.
            path: path === 'demo' ? path : resolve(path),
            format,
            strict: options.strict === true,
            ...(options.name === undefined ? {} : { name: options.name }),
            ...(options.size === undefined ? {} : { size: parseInteger(options.size, '--size') }),
          },
          { signal },
        )) {
          if (event.kind === 'finished') imported = event.datasetId
          else
            line.update(
              event.total === null || event.total === 0 ? 0 : event.done / event.total,
              event.etaSeconds,
              event.phase,
            )
        }
        line.clear()
        if (imported === null) throw new AppError('cancelled', 'The import was cancelled; nothing was stored.')
        const made = await client.datasets.get({ dataset: imported })
        for (const problem of made.problems.slice(0, 20)) output.note(`left out: ${problem.path}: ${problem.reason}`)
        if (made.problems.length > 20)
          output.note(`left out: ${made.problems.length - 20} more; see dataset show ${made.name} --json`)
        output.result(made, () => describe(made))
        return 0
      }),
    )

  dataset
    .command('list')
    .description('all data sets')
    .action((_options: unknown, command: Command) =>
      context.run(command, 'read', async ({ client, output }) => {
        const all = await client.datasets.list()
        output.result(all, () =>
          all.length === 0
            ? 'No data sets yet. Import one: tmu dataset import FOLDER (or: tmu dataset import demo)'
            : table(
                ['NAME', 'IMAGES', 'CLASSES', 'SHAPE', 'ID'],
                all.map((item) => [item.name, item.sampleCount, item.classes.length, item.shape.join('x'), item.id]),
              ),
        )
        return 0
      }),
    )

  dataset
    .command('show')
    .argument('<name>', 'name or id')
    .description('classes, counts, shape and problems of one data set')
    .action((name: string, _options: unknown, command: Command) =>
      context.run(command, 'read', async ({ client, output }) => {
        const found = await client.datasets.get({ dataset: name })
        output.result(found, () => describe(found))
        return 0
      }),
    )
}

function describe(dataset: Dataset): string {
  return [
    `${dataset.name}: ${dataset.sampleCount} images of ${dataset.shape.join('x')}, ${dataset.classes.length} classes, ${dataset.duplicateCount} duplicates, ${dataset.problems.length} files left out (id ${dataset.id})`,
    table(
      ['CLASS', 'IMAGES'],
      dataset.classes.map((item) => [item.name, item.count]),
    ),
  ].join('\n')
}

function parseFormat(format: string): 'auto' | 'folder' | 'demo' {
  if (format === 'auto' || format === 'folder' || format === 'demo') return format
  throw new AppError('bad-input', `Unknown format "${format}".`, { hint: 'Known formats: auto, folder, demo.' })
}
