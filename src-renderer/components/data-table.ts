import type { TableData } from '../lib/csv.ts'

export interface TableColumn<Row> {
  readonly id: string
  readonly label: string
  /** For sorting and export: full precision; null sorts last. */
  readonly value: (row: Row) => string | number | null
  /** For the eye, where no `cell-ID` slot is given. */
  readonly text?: (row: Row) => string
  readonly numeric?: boolean
  /** CSS pixels; columns grow in proportion when there is room. */
  readonly width: number
  /** Shown unless the person hides it; false: hidden until chosen. */
  readonly shown?: boolean
  /** Can't be hidden. */
  readonly fixed?: boolean
  readonly help?: { readonly definition: string; readonly formula?: string; readonly source?: string }
}

export interface TableSort {
  readonly id: string
  readonly desc: boolean
}

/** The listed rows and columns, as they stand, for export. */
export function tableData<Row>(columns: readonly TableColumn<Row>[], rows: readonly Row[]): TableData {
  return {
    columns: columns.map(({ id, label }) => ({ id, label })),
    rows: rows.map((row) => columns.map((column) => column.value(row))),
  }
}
