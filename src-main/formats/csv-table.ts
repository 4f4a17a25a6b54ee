import { CsvError, parse } from 'csv-parse/sync'
import { AppError } from '#shared/errors.ts'
import type { InputFile } from './input-file.ts'
import { quoted } from './text.ts'
import { maxLineBytes, notUtf8 } from './text-lines.ts'

/** A table is parsed in memory; one of paths and labels has about 50 bytes a row. */
const maxTableBytes = 192 * 2 ** 20

export interface CsvTable {
  readonly header: readonly string[]
  /** As many cells as the header has; `line` is where the row begins, from 1. */
  readonly rows: readonly { readonly cells: readonly string[]; readonly line: number }[]
  /** Rows that were left out, and why. */
  readonly skipped: readonly { readonly line: number; readonly reason: string }[]
}

/** Comma, semicolon or tab: the one that the header has most of. */
export function delimiterOf(header: string): ',' | ';' | '\t' {
  const counts = ([',', ';', '\t'] as const).map((mark) => ({ mark, count: header.split(mark).length }))
  return counts.reduce((best, next) => (next.count > best.count ? next : best)).mark
}

/**
 * Reads a CSV or TSV table with a header. Rows of another length are skipped and listed.
 * @throws AppError `bad-input`: not UTF-8, binary, quotes that don't match, too long, two columns of one name.
 */
export async function readCsvTable(file: InputFile): Promise<CsvTable> {
  if (file.size > maxTableBytes) {
    throw refuse(file.path, `is larger than ${maxTableBytes / 2 ** 20} MiB, too large for a table of paths`)
  }
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(await file.read(0, file.size))
  } catch (error) {
    throw error instanceof AppError ? error : notUtf8(file.path)
  }
  if (text.includes('\0')) throw refuse(file.path, 'is not a text file')
  const first = /^[\r\n]*([^\r\n]{0,65536})/.exec(text)?.[1] ?? ''
  let rows: readonly { readonly record: readonly string[]; readonly info: { readonly lines: number } }[]
  try {
    rows = parse(text, {
      delimiter: delimiterOf(first),
      skip_empty_lines: true,
      relax_column_count: true,
      max_record_size: maxLineBytes,
      trim: true,
      info: true,
    }) as unknown as typeof rows
  } catch (error) {
    throw refuse(
      file.path,
      `is not a readable CSV file (${error instanceof CsvError || error instanceof Error ? error.message.slice(0, 200) : String(error)})`,
    )
  }
  const [head, ...body] = rows
  if (head === undefined) throw refuse(file.path, 'is empty')
  const header = head.record
  const twice = header.find((name, index) => name !== '' && header.indexOf(name) !== index)
  if (twice !== undefined) throw refuse(file.path, `has two columns named ${quoted(twice)}`)
  const skipped: { line: number; reason: string }[] = []
  const good: { cells: readonly string[]; line: number }[] = []
  for (const { record, info } of body) {
    if (record.length === header.length) good.push({ cells: record, line: info.lines })
    else skipped.push({ line: info.lines, reason: `has ${record.length} cells where the header has ${header.length}` })
  }
  return { header, rows: good, skipped }
}

function refuse(path: string, what: string): AppError {
  return new AppError('bad-input', `${quoted(path, 200)} ${what}.`, {
    hint: 'Give a CSV file in UTF-8 with a header row.',
    details: { file: path },
  })
}
