import { type AppError, exitCodeOf } from '#shared/errors.ts'

/** stdout carries the result and nothing else; progress, notes and errors go to stderr. */
export interface Output {
  readonly json: boolean
  /** The command's one result: a JSON document with `--json`, else what `text` says. */
  result(value: unknown, text: () => string): void
  note(line: string): void
  readonly terminal: boolean
}

export function createOutput(json: boolean): Output {
  return {
    json,
    terminal: process.stderr.isTTY === true,
    result(value, text) {
      process.stdout.write(json ? `${JSON.stringify(value, null, 2)}\n` : `${text()}\n`)
    },
    note(line) {
      process.stderr.write(`${line}\n`)
    },
  }
}

/** Says what went wrong and what to do; returns the exit code. */
export function reportError(error: AppError, json: boolean): number {
  if (json) process.stdout.write(`${JSON.stringify({ error: error.toJSON() }, null, 2)}\n`)
  process.stderr.write(`${error.code === 'cancelled' ? 'cancelled' : 'error'}: ${error.message}\n`)
  if (error.hint !== undefined) process.stderr.write(`hint: ${error.hint}\n`)
  return exitCodeOf(error.code)
}

/** A name as it's typed in a shell: quoted where it holds anything but letters, digits and the like. */
export function shellWord(name: string): string {
  return /^[\w.,:@%+=-]+$/.test(name) && !name.startsWith('-') ? name : `'${name.replaceAll("'", "'\\''")}'`
}

/** Left-aligned text, right-aligned numbers, two spaces between columns. */
export function table(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = [header, ...rows].map((row) => row.map(String))
  const widths = header.map((_, column) => Math.max(...cells.map((row) => displayWidth(row[column] ?? ''))))
  const numeric = header.map((_, column) => rows.length > 0 && rows.every((row) => isNumberLike(row[column])))
  return cells
    .map((row) =>
      row
        .map((cell, column) => {
          const padding = ' '.repeat(Math.max(0, (widths[column] ?? 0) - displayWidth(cell)))
          return numeric[column] ? padding + cell : cell + padding
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function isNumberLike(cell: string | number | undefined): boolean {
  return typeof cell === 'number' || (cell !== undefined && /^([+−-]?[\d.,]+( ?(%|pts|s))?|–)/.test(cell))
}

/** Wide East Asian characters take two columns. */
function displayWidth(text: string): number {
  let width = 0
  for (const character of text)
    width += /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60]/.test(character) ? 2 : 1
  return width
}
