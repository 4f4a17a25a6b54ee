import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { stringify } from 'csv-stringify/sync'
import type { Dataset, DatasetPreview, GroupReport, RemovedDataset } from '#shared/domain/dataset.ts'
import { AppError } from '#shared/errors.ts'
import { formatCount, formatMebibytes } from '#shared/units.ts'
import type { CommandCall, CommandContext } from '../context.ts'
import { shellWord, table } from '../output.ts'
import { parseInteger } from '../parse.ts'
import { ProgressLine } from '../progress-line.ts'
import { describeQuality, runCheck } from './dataset-check.ts'
import {
  addFormatOptions,
  addGroupOptions,
  parseColumns,
  parseFormat,
  parseGroupRules,
  type SourceOptions,
  showProgress,
} from './dataset-source.ts'

interface ImportOptions extends SourceOptions {
  readonly size?: string
  readonly strict?: boolean
  readonly name?: string
  readonly licence?: string
  readonly check: boolean
}

const sources = 'a folder, data file or archive of images, or "demo"'

export function registerDatasetCommands(program: Command, context: CommandContext): void {
  const dataset = program
    .command('dataset')
    .description('data sets: import, inspect, list, show, groups, check, card, remove')

  addGroupOptions(addFormatOptions(dataset.command('import').argument('<path>', sources)))
    .description('import images and their labels')
    .option('--size <pixels>', 'side length that every image is brought to (default: 28 if all are 28x28, else 32)')
    .option('--strict', 'refuse the whole import when a file is not a readable image')
    .option('--name <name>', 'the data set’s name (default: the folder’s or the file’s)')
    .option('--licence <text>', 'the images’ licence, for the card')
    .addOption(new Option('--no-check', 'don’t look for copies and wrong labels afterwards'))
    .action((path: string, options: ImportOptions, command: Command) =>
      context.run(command, 'write', (call) => runImport(call, path, options)),
    )

  addGroupOptions(addFormatOptions(dataset.command('inspect').argument('<path>', sources)))
    .description('say what a source is and what would be imported; nothing is stored')
    .action((path: string, options: SourceOptions, command: Command) =>
      context.run(command, 'write', (call) => runInspect(call, path, options)),
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
                ['NAME', 'IMAGES', 'CLASSES', 'SHAPE', 'GROUPS', 'ID'],
                all.map((item) => [
                  item.name,
                  item.sampleCount,
                  item.classes.length,
                  item.shape.join('x'),
                  item.groups.map(({ name }) => name).join(', ') || '\u2013',
                  item.id,
                ]),
              ),
        )
        return 0
      }),
    )

  dataset
    .command('show')
    .argument('<name>', 'name or id')
    .description('classes, counts, shape, group columns and problems of one data set')
    .option('--problems <file>', 'write the list of files that were left out as CSV')
    .action((name: string, options: { problems?: string }, command: Command) =>
      context.run(command, 'read', async ({ client, output }) => {
        const found = await client.datasets.get({ dataset: name })
        if (options.problems !== undefined) {
          await writeFile(
            options.problems,
            stringify([...found.problems], { header: true, columns: ['path', 'reason'] }),
          )
          output.note(`${formatCount(found.problems.length)} problems written to ${options.problems}`)
        }
        output.result(found, () => describe(found))
        return 0
      }),
    )

  addGroupOptions(dataset.command('groups').argument('<name>', 'name or id'))
    .description('add group columns (person, patient, site) to a data set')
    .option('--preview', 'say what they would be, and store nothing')
    .action((name: string, options: SourceOptions & { readonly preview?: boolean }, command: Command) =>
      context.run(command, 'write', async ({ client, output }) => {
        const rules = parseGroupRules(options)
        if (rules.length === 0) {
          throw new AppError('bad-input', 'How the groups are found is not said.', {
            hint: 'Give --group-pattern, --group-csv with --group-key, or --group-level.',
          })
        }
        const reports = await client.datasets.previewGroups({ dataset: name, rules })
        if (options.preview === true) {
          output.result(reports, () => describeGroups(reports))
          return 0
        }
        const made = await client.datasets.addGroups({ dataset: name, rules })
        output.result(made, () => `${made.name} has group columns now:\n${describeGroups(reports)}`)
        return 0
      }),
    )

  dataset
    .command('check')
    .argument('<name>', 'name or id')
    .description('look for copies, wrong labels, tiny classes, grey images among colour, and groups on two sides')
    .option('--split <split>', 'whose sides are compared', 'default')
    .option('--forget <name>', 'compare this forget set with what is retained, too')
    .option('--again', 'look again, whatever is known')
    .action((name: string, options: { split: string; forget?: string; again?: boolean }, command: Command) =>
      context.run(command, 'write', async (call) => {
        await runCheck(call, name, options.again === true)
        const { forget, split } = options
        const report = await call.client.datasets.quality({
          dataset: name,
          split,
          ...(forget === undefined ? {} : { forgetSet: forget }),
        })
        if (report === null) throw new AppError('internal', 'The check left no report.')
        const { classes } = await call.client.datasets.get({ dataset: name })
        call.output.result(report, () => describeQuality(report, classes))
        return 0
      }),
    )

  dataset
    .command('card')
    .argument('<name>', 'name or id')
    .description('the data set’s card: Croissant JSON-LD with the checksum of every object')
    .option('--out <file>', 'write it there')
    .action((name: string, options: { out?: string }, command: Command) =>
      context.run(command, 'read', async ({ client, output }) => {
        const card = await client.datasets.card({ dataset: name })
        const text = JSON.stringify(card, null, 2)
        if (options.out !== undefined) await writeFile(options.out, `${text}\n`)
        output.result(card, () => (options.out === undefined ? text : `Written to ${options.out}.`))
        return 0
      }),
    )

  dataset
    .command('remove')
    .argument('<name>', 'name or id')
    .description('put a data set into the bin, with its splits and forget sets; refused while a study uses it')
    .option('--for-good', 'free its space at once; also of one that is in the bin')
    .action((name: string, options: { forGood?: boolean }, command: Command) =>
      context.run(command, 'write', async ({ client, output }) => {
        const removed = await client.datasets.remove({ dataset: name, forGood: options.forGood === true })
        output.result(removed, () => describeRemoved(removed))
        return 0
      }),
    )

  dataset
    .command('bin')
    .description('data sets that were removed and can be restored')
    .option('--empty', 'free the space of all of them')
    .action((options: { empty?: boolean }, command: Command) =>
      context.run(command, options.empty === true ? 'write' : 'read', async ({ client, output }) => {
        if (options.empty === true) {
          const { names, freedBytes } = await client.datasets.emptyBin()
          output.result({ names, freedBytes }, () =>
            names.length === 0
              ? 'The bin was empty.'
              : `${names.join(', ')}: gone for good; ${formatMebibytes(freedBytes)} are free again.`,
          )
          return 0
        }
        const all = await client.datasets.bin()
        output.result(all, () =>
          all.length === 0
            ? 'The bin is empty.'
            : table(
                ['NAME', 'IMAGES', 'FORGET SETS', 'SIZE', 'REMOVED', 'KEPT UNTIL', 'ID'],
                all.map((item) => [
                  item.name,
                  item.sampleCount,
                  item.forgetSets,
                  formatMebibytes(item.bytes),
                  item.removedAt.slice(0, 16).replace('T', ' '),
                  item.keptUntil.slice(0, 10),
                  item.id,
                ]),
              ),
        )
        return 0
      }),
    )

  dataset
    .command('restore')
    .argument('<name>', 'name or id, as in dataset bin')
    .description('take a removed data set out of the bin, as it was')
    .option('--name <name>', 'under another name')
    .action((name: string, options: { name?: string }, command: Command) =>
      context.run(command, 'write', async ({ client, output }) => {
        const restored = await client.datasets.restore({
          dataset: name,
          ...(options.name === undefined ? {} : { name: options.name }),
        })
        for (const { from, to } of restored.renamed) {
          output.note(`There is another forget set named ${from} by now: this one is ${to}.`)
        }
        output.result(restored, () => `${restored.dataset.name} is back.`)
        return 0
      }),
    )
}

function describeRemoved({ name, splits, forgetSets, freedBytes, keptUntil }: RemovedDataset): string {
  const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`
  const what = `${name} is gone, with ${counted(splits, 'split')} and ${counted(forgetSets, 'forget set')}`
  if (keptUntil === null) return `${what}; ${formatMebibytes(freedBytes)} are free again.`
  return `${what}. Until ${keptUntil.slice(0, 10)} it can be had back: tmu dataset restore ${shellWord(name)}`
}

/** The process that reads it may have another working folder. */
function absolute(path: string): string {
  return path === 'demo' ? path : resolve(path)
}

async function runImport(call: CommandCall, path: string, options: ImportOptions): Promise<number> {
  const { client, output, signal } = call
  const line = new ProgressLine(output.terminal)
  const format = parseFormat(options.format ?? 'auto')
  const columns = parseColumns(options.columns)
  let imported: string | null = null
  const request = {
    path: absolute(path),
    format,
    strict: options.strict === true,
    groups: parseGroupRules(options),
    ...(columns === undefined ? {} : { columns }),
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.licence === undefined ? {} : { licence: options.licence }),
    ...(options.size === undefined ? {} : { size: parseInteger(options.size, '--size') }),
  }
  for await (const event of await client.datasets.import(request, { signal })) {
    if (event.kind === 'finished') imported = event.datasetId
    else showProgress(line, event)
  }
  line.clear()
  if (imported === null) throw new AppError('cancelled', 'The import was cancelled; nothing was stored.')
  if (options.check) await checkAfterImport(call, imported)
  const made = await client.datasets.get({ dataset: imported })
  for (const problem of made.problems.slice(0, 20)) output.note(`left out: ${problem.path}: ${problem.reason}`)
  if (made.problems.length > 20) {
    output.note(
      `left out: ${made.problems.length - 20} more; dataset show ${shellWord(made.name)} --problems FILE writes them all`,
    )
  }
  output.result(made, () => describe(made))
  return 0
}

/** What is worth knowing at once; the data set is there whatever becomes of the check. */
async function checkAfterImport(call: CommandCall, dataset: string): Promise<void> {
  try {
    await runCheck(call, dataset, false)
    const report = await call.client.datasets.quality({ dataset })
    if (report === null) return
    const { findings, leakage } = report
    const parts = [
      [findings.exactDuplicates.total, 'groups of exact copies'],
      [findings.nearDuplicates.total, 'groups of near copies'],
      [findings.conflictingLabels.total, 'of them with different labels'],
      [findings.mislabelSuspects.total, 'labels to look at'],
      [leakage.length, 'kinds of leakage between the sides of its split'],
    ] as const
    const found = parts.filter(([count]) => count > 0).map(([count, what]) => `${formatCount(count)} ${what}`)
    if (found.length > 0)
      call.output.note(`quality: ${found.join(', ')}; see: tmu dataset check ${shellWord(report.dataset)}`)
  } catch (error) {
    if (call.signal.aborted) call.output.note('The data set is stored; the check of its images was cancelled.')
    else throw error
  }
}

async function runInspect(
  { client, output, signal }: CommandCall,
  path: string,
  options: SourceOptions,
): Promise<number> {
  const line = new ProgressLine(output.terminal)
  const columns = parseColumns(options.columns)
  const request = {
    path: absolute(path),
    format: parseFormat(options.format ?? 'auto'),
    groups: parseGroupRules(options),
    ...(columns === undefined ? {} : { columns }),
  }
  for await (const event of await client.datasets.preview(request, { signal })) {
    if (event.kind === 'progress') showProgress(line, event)
    else {
      line.clear()
      output.result(event.preview, () => describePreview(event.preview))
      return 0
    }
  }
  throw new AppError('cancelled', 'Cancelled; nothing was stored.')
}

function describe(dataset: Dataset): string {
  const lines = [
    `${dataset.name}: ${dataset.sampleCount} images of ${dataset.shape.join('x')}, ${dataset.classes.length} classes, ${dataset.duplicateCount} duplicates, ${dataset.problems.length} files left out (id ${dataset.id})`,
    table(
      ['CLASS', 'IMAGES'],
      dataset.classes.map((item) => [item.name, item.count]),
    ),
  ]
  if (dataset.groups.length > 0) {
    lines.push(
      table(
        ['GROUP COLUMN', 'VALUES'],
        dataset.groups.map(({ name, values }) => [name, values.length]),
      ),
    )
  }
  return lines.join('\n')
}

function describePreview(preview: DatasetPreview): string {
  const sizes = preview.sizes.map(([width, height]) => `${width}x${height}`).join(', ')
  const given = preview.splits
    .filter(({ name }) => name !== null)
    .map(({ name, count }) => `${name} ${formatCount(count)}`)
  const lines = [
    `${preview.path}: ${preview.format}, ${formatCount(preview.sampleCount)} images (${sizes}), ${preview.classes.length} classes, ${formatCount(preview.problemCount)} problems`,
    ...(given.length === 0 ? [] : [`given splits: ${given.join(', ')}`]),
    table(
      ['CLASS', 'IMAGES'],
      preview.classes.slice(0, 40).map(({ name, count }) => [name, count]),
    ),
    `names, for example: ${preview.nameExamples.join(', ')}`,
  ]
  if (preview.groups.length > 0) lines.push(describeGroups(preview.groups))
  for (const { path, reason } of preview.problems.slice(0, 20)) lines.push(`would be left out: ${path}: ${reason}`)
  return lines.join('\n')
}

function describeGroups(reports: readonly GroupReport[]): string {
  const lines = [
    table(
      ['GROUP COLUMN', 'VALUES', 'IMAGES', 'WITHOUT', 'LARGEST'],
      reports.map(({ name, valueCount, matched, unmatched, examples }) => [
        name,
        valueCount,
        matched,
        unmatched,
        examples
          .slice(0, 3)
          .map(({ value, count }) => `${value} (${count})`)
          .join(', '),
      ]),
    ),
  ]
  for (const { name, unmatchedExamples } of reports) {
    if (unmatchedExamples.length > 0) lines.push(`no ${name}: ${unmatchedExamples.slice(0, 5).join(', ')}`)
  }
  return lines.join('\n')
}
