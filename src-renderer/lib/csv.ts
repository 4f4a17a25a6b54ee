/** A table as it is drawn or listed: what every chart exports and shows to screen readers. */
export interface TableData {
  readonly columns: readonly { readonly id: string; readonly label: string }[]
  /** Numbers in full precision; null where there is nothing. */
  readonly rows: readonly (readonly (string | number | boolean | null)[])[]
}

/** RFC 4180 with a header line of column ids. A text that a spreadsheet would run as a formula is quoted by an apostrophe. */
export function toCsv(table: TableData): string {
  const lines = [table.columns.map((column) => cell(column.id)), ...table.rows.map((row) => row.map(cell))]
  return `${lines.map((line) => line.join(',')).join('\r\n')}\r\n`
}

/** The same for the clipboard: tabs between cells, which spreadsheets and documents take for a table. */
export function toTsv(table: TableData): string {
  const plain = (value: string | number | boolean | null): string =>
    value === null ? '' : String(value).replaceAll(/[\t\r\n]+/g, ' ')
  const lines = [table.columns.map((column) => plain(column.label)), ...table.rows.map((row) => row.map(plain))]
  return lines.map((line) => line.join('\t')).join('\n')
}

function cell(value: string | number | boolean | null): string {
  if (value === null) return ''
  if (typeof value !== 'string') return String(value)
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
