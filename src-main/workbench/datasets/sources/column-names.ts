/** How the columns of tables of images are usually called; first match wins. */
export interface ColumnChoice {
  readonly path: string | undefined
  readonly label: string | undefined
  readonly split: string | undefined
}

const pathNames = /^(?:path|file|file_?name|file_?path|image|img|image_?(?:path|file|name|id)|filepath|filename)$/i
const labelNames = /^(?:label|labels|class|class_?name|class_?id|target|category|y|diagnosis|dx|fine_label)$/i
const splitNames = /^(?:split|subset|set|partition|fold_?name)$/i

/** Finds the columns by name; what the user chose goes before. */
export function chooseColumns(header: readonly string[], chosen: Partial<ColumnChoice> = {}): ColumnChoice {
  const find = (pattern: RegExp): string | undefined => header.find((name) => pattern.test(name.trim()))
  return {
    path: chosen.path ?? find(pathNames),
    label: chosen.label ?? find(labelNames),
    split: chosen.split ?? find(splitNames),
  }
}

/** `group_patient` is the group column `patient`. */
export function groupColumns(header: readonly string[]): readonly { readonly column: string; readonly name: string }[] {
  return header
    .filter((column) => /^group_./i.test(column.trim()))
    .map((column) => ({ column, name: column.trim().slice('group_'.length) }))
}
