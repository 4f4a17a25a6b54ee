import { parse } from 'csv-parse/sync'
import { AppError } from '#shared/errors.ts'

/** The columns that hold ids when a file has a header. */
const idColumns = /^(?:ids?|index|indices|sample|sample_?id|path|name|file|file_?name|image)$/i

/**
 * The entries of a list of samples: one id or path a line, or a CSV with a header that names such a column. Empty
 * lines are passed over. A line without a header is an entry as a whole, commas and all.
 * @throws AppError `bad-input` when it isn't text, or a CSV whose quotes don't match.
 */
export function parseIdsFile(bytes: Uint8Array, source: string): readonly string[] {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw refuse(source, 'is not a text file')
  }
  if (text.includes('\0')) throw refuse(source, 'is not a text file')
  const lines = text.split(/\r\n|\n|\r/)
  const header = lines.findIndex((line) => line.trim() !== '')
  if (header < 0) return []
  const columns = lines[header].split(/[,;\t]/).map((column) => column.trim().replace(/^"(.*)"$/, '$1'))
  const column = columns.findIndex((name) => idColumns.test(name))
  if (column < 0) return lines.map((line) => unquote(line.trim())).filter((line) => line !== '')
  try {
    const delimiter = /[,;\t]/.exec(lines[header])?.[0] ?? ','
    const rows: readonly (readonly string[])[] = parse(text, {
      delimiter,
      from: 2,
      skip_empty_lines: true,
      relax_column_count: true,
      trim: true,
    })
    return rows.map((row) => row[column] ?? '').filter((entry) => entry !== '')
  } catch (error) {
    throw refuse(source, `is not a readable CSV file (${error instanceof Error ? error.message : String(error)})`)
  }
}

export interface MatchedIds {
  /** Distinct sample indices, ascending. */
  readonly ids: Int32Array
  /** Entries that name no sample, or a file name that several samples have. */
  readonly unmatched: readonly string[]
  /** Entries that name a sample named before. */
  readonly repeated: number
}

/** Finds each entry among the samples: by name (path below the imported folder), by index, or by a unique file name. */
export function matchIds(entries: readonly string[], names: readonly string[]): MatchedIds {
  const byName = new Map(names.map((name, id) => [name, id]))
  const byFileName = new Map<string, number>()
  names.forEach((name, id) => {
    const fileName = name.slice(name.lastIndexOf('/') + 1)
    byFileName.set(fileName, byFileName.has(fileName) ? -1 : id)
  })
  const found = new Set<number>()
  const unmatched: string[] = []
  let repeated = 0
  for (const entry of entries) {
    const path = entry.replaceAll('\\', '/').replace(/^\.\//, '')
    const index = /^\d{1,15}$/.test(entry) ? Number(entry) : Number.NaN
    const id = byName.get(entry) ?? byName.get(path) ?? (index < names.length ? index : (byFileName.get(path) ?? -1))
    if (id < 0) unmatched.push(entry)
    else if (found.has(id)) repeated++
    else found.add(id)
  }
  return { ids: Int32Array.from(found).sort(), unmatched, repeated }
}

function unquote(line: string): string {
  return /^"(?:[^"]|"")*"$/.test(line) ? line.slice(1, -1).replaceAll('""', '"') : line
}

function refuse(source: string, what: string): AppError {
  return new AppError('bad-input', `The list of samples ${JSON.stringify(source)} ${what}.`, {
    hint: 'Give a text or CSV file with one sample id or image path a line.',
  })
}
