/** Declared type of a column; `?` marks one that may be NULL. */
export type ColumnType = 'TEXT' | 'TEXT?' | 'INTEGER' | 'INTEGER?'
export type Columns = Readonly<Record<string, ColumnType>>

type ColumnValue<Type extends ColumnType> = Type extends 'TEXT'
  ? string
  : Type extends 'TEXT?'
    ? string | null
    : Type extends 'INTEGER'
      ? number
      : number | null

/** A row as SQLite gives and takes it. */
export type RowOf<T extends Table> = { readonly [Name in keyof T['columns']]: ColumnValue<T['columns'][Name]> }

/**
 * A table as the repositories see it: one declaration gives the row's type, the column list of its statements, and
 * what a test compares with the migrated schema, so that the three can't drift apart.
 */
export interface Table<C extends Columns = Columns> {
  readonly name: string
  readonly columns: C
}

export function defineTable<const C extends Columns>(name: string, columns: C): Table<C> {
  return { name, columns }
}

/** `id, name, …`, or `s.id, s.name, …` with an alias. */
export function columnList(table: Table, alias?: string): string {
  return Object.keys(table.columns)
    .map((column) => (alias === undefined ? column : `${alias}.${column}`))
    .join(', ')
}

/** The statement that inserts a whole row given as named parameters. */
export function insertStatement(table: Table): string {
  const names = Object.keys(table.columns)
  return `INSERT INTO ${table.name} (${names.join(', ')}) VALUES (${names.map((name) => `@${name}`).join(', ')})`
}
