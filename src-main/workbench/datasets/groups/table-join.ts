import { readCsvTable } from '#main/formats/csv-table.ts'
import { openInputFile } from '#main/formats/input-file.ts'
import { firstFew, quoted } from '#main/formats/text.ts'
import type { GroupRule } from '#shared/domain/dataset.ts'
import { AppError } from '#shared/errors.ts'
import type { GroupValues } from './group-column.ts'

/**
 * Joins a table to samples by a key column: a sample's name, its file name, or that without its ending; else the
 * longest key that the file name begins with (and that isn't cut in the middle of a number), as slides and patients
 * often are. The first row of a key counts.
 * @throws AppError `bad-input`: no such column, no readable table.
 */
export async function groupsFromTable(
  { path, key, columns: wanted }: Extract<GroupRule, { kind: 'csv' }>,
  names: readonly string[],
): Promise<readonly GroupValues[]> {
  await using file = await openInputFile(path)
  const { header, rows } = await readCsvTable(file)
  const at = (column: string): number => {
    const index = header.indexOf(column)
    if (index >= 0) return index
    throw new AppError('bad-input', `${quoted(path, 200)} has no column ${quoted(column)}.`, {
      hint: `Its columns are ${firstFew(header, 12)}.`,
      details: { columns: header },
    })
  }
  const keyAt = at(key)
  const columns = wanted ?? header.filter((name) => name !== key && name !== '')
  if (columns.length === 0)
    throw new AppError('bad-input', `${quoted(path, 200)} has no column beside ${quoted(key)}.`, {
      hint: `To group by the key itself, name it as a column too.`,
    })
  const places = columns.map(at)
  const rowOf = new Map<string, readonly string[]>()
  for (const { cells } of rows) {
    const normal = cells[keyAt].replaceAll('\\', '/').replace(/^\.\//, '')
    if (normal !== '' && !rowOf.has(normal)) rowOf.set(normal, cells)
  }
  const find = createLookup(rowOf)
  const values: (string | null)[][] = columns.map(() => [])
  for (const name of names) {
    const cells = find(name)
    places.forEach((place, index) => void values[index].push(cells?.[place] || null))
  }
  return columns.map((name, index) => ({ name, values: values[index] }))
}

function createLookup<T>(rows: ReadonlyMap<string, T>): (name: string) => T | undefined {
  const lengths = [...new Set(Array.from(rows.keys(), (key) => key.length))].sort((a, b) => b - a)
  return (name) => {
    const fileName = name.slice(name.lastIndexOf('/') + 1)
    const exact = rows.get(name) ?? rows.get(fileName) ?? rows.get(fileName.replace(/\.[^.]*$/, ''))
    if (exact !== undefined) return exact
    for (const length of lengths) {
      if (length >= fileName.length) continue
      const beginning = fileName.slice(0, length)
      if (/\d$/.test(beginning) && /\d/.test(fileName[length])) continue
      const found = rows.get(beginning)
      if (found !== undefined) return found
    }
    return undefined
  }
}
