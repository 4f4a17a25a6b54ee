import { resolve } from 'node:path'
import type { Command } from 'commander'
import { type DatasetFormat, datasetFormats, type GroupRule } from '#shared/domain/dataset.ts'
import { AppError } from '#shared/errors.ts'
import type { DatasetProgress } from '#shared/progress.ts'
import { formatCount } from '#shared/units.ts'
import type { ProgressLine } from '../progress-line.ts'

/** The options of `dataset import`, `inspect` and `groups` that say what is read and how. */
export interface SourceOptions {
  readonly format?: string
  readonly columns?: string
  readonly groupPattern?: readonly string[]
  readonly groupCsv?: string
  readonly groupKey?: string
  readonly groupColumns?: string
  readonly groupLevel?: readonly string[]
}

const repeated = (value: string, before: readonly string[] = []): readonly string[] => [...before, value]

export function addFormatOptions(command: Command): Command {
  return command
    .option('--format <format>', `auto, archive, ${datasetFormats.join(', ')}`, 'auto')
    .option('--columns <list>', 'columns of a table: path=COLUMN,label=COLUMN,split=COLUMN')
}

export function addGroupOptions(command: Command): Command {
  return command
    .option('--group-pattern <regex>', 'named groups of it become group columns: (?<patient>C\\d+)P', repeated)
    .option('--group-csv <file>', 'a table with a row for each file; its columns become group columns')
    .option('--group-key <column>', 'the column of the table that names the file')
    .option('--group-columns <list>', 'those columns of the table alone')
    .option('--group-level <n=name>', 'the n-th folder of a file is the group: 1=person', repeated)
}

export function parseFormat(format: string): DatasetFormat | 'auto' | 'archive' {
  const known = ['auto', 'archive', ...datasetFormats] as const
  const found = known.find((name) => name === format)
  if (found !== undefined) return found
  throw new AppError('bad-input', `Unknown format "${format}".`, { hint: `Known formats: ${known.join(', ')}.` })
}

export function parseColumns(
  text: string | undefined,
): Partial<Record<'path' | 'label' | 'split', string>> | undefined {
  if (text === undefined) return undefined
  const columns: Partial<Record<'path' | 'label' | 'split', string>> = {}
  for (const part of text.split(',')) {
    const equals = part.indexOf('=')
    const [key, value] = [part.slice(0, equals).trim(), part.slice(equals + 1).trim()]
    if ((key !== 'path' && key !== 'label' && key !== 'split') || value === '') {
      throw new AppError('bad-input', `--columns can't be "${text}".`, {
        hint: 'For example --columns path=image,label=diagnosis.',
      })
    }
    columns[key] = value
  }
  return columns
}

export function parseGroupRules(options: SourceOptions): GroupRule[] {
  const rules: GroupRule[] = (options.groupPattern ?? []).map((pattern) => ({ kind: 'pattern', pattern }))
  if (options.groupCsv !== undefined) {
    if (options.groupKey === undefined) {
      throw new AppError('bad-input', 'A table of groups needs the column that names the file.', {
        hint: 'Give --group-key, for example --group-key file.',
      })
    }
    const columns = options.groupColumns?.split(',').map((name) => name.trim())
    rules.push({
      kind: 'csv',
      path: resolve(options.groupCsv),
      key: options.groupKey,
      ...(columns === undefined ? {} : { columns }),
    })
  } else if (options.groupKey !== undefined || options.groupColumns !== undefined) {
    throw new AppError('bad-input', 'A key and columns of groups belong to a table.', {
      hint: 'Give --group-csv FILE.',
    })
  }
  for (const text of options.groupLevel ?? []) {
    const [, level, name] = /^(\d{1,2})=(.+)$/.exec(text) ?? []
    if (level === undefined || name === undefined) {
      throw new AppError('bad-input', `--group-level can't be "${text}".`, {
        hint: 'For example --group-level 1=person.',
      })
    }
    rules.push({ kind: 'level', level: Number(level), name })
  }
  return rules
}

/** `decoding, 12,000 a second` */
export function showProgress(line: ProgressLine, { phase, done, total, rate, etaSeconds }: DatasetProgress): void {
  const speed = rate === null || phase === 'unpacking' ? '' : `, ${formatCount(rate)} a second`
  line.update(total === null || total === 0 ? 0 : done / total, etaSeconds, `${phase}${speed}`)
}
