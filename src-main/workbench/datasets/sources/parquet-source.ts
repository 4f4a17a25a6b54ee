import { openParquet, type ParquetFile } from '#main/formats/parquet.ts'
import { counted, firstFew, quoted } from '#main/formats/text.ts'
import { AppError } from '#shared/errors.ts'
import { type ColumnChoice, chooseColumns, groupColumns } from './column-names.ts'
import { decodeEncoded } from './encoded-images.ts'
import type { LeftOut } from './left-out.ts'
import type { LoadedImage, SampleEntry, SampleSource } from './sample-source.ts'
import { joinName, listIfThere, type SourceTree } from './source-tree.ts'

export const parquetNames = /\.parquet$/i

/** Parquet files of a folder, or of its folder `data`, as a data set of Hugging Face is laid out. */
export async function parquetFiles(tree: SourceTree, below: string): Promise<readonly string[]> {
  for (const place of ['', 'data', 'default']) {
    const folder = place === '' ? below : joinName(below, place)
    const found = (await listIfThere(tree, folder))?.files.filter((name) => parquetNames.test(name)) ?? []
    if (found.length > 0) return found.map((name) => joinName(folder, name))
  }
  return []
}

/**
 * Images in Parquet as Hugging Face writes them: a column of structs {bytes, path} (or of bytes) and one of labels,
 * whose names are in the file's metadata. Files called train-…, test-… are given splits. Columns called `group_NAME`
 * are group columns.
 * @throws AppError `bad-input` naming the file and what its columns are.
 */
export async function openParquetSource(
  tree: SourceTree,
  files: readonly string[],
  chosen: Partial<ColumnChoice> = {},
): Promise<SampleSource> {
  const entries: SampleEntry[] = []
  const leftOut: LeftOut[] = []
  const groups = new Map<string, (string | null)[]>()
  const parts: {
    readonly file: string
    readonly image: string
    readonly offset: number
    readonly rowOf: readonly number[]
  }[] = []
  let classNames: readonly string[] | null = null
  for (const file of files) {
    await using input = await tree.open(file)
    const parquet = await openParquet({ ...input, path: file })
    const image = imageColumnOf(parquet, file, chosen.path)
    const columns = chooseColumns(
      parquet.columns.filter((name) => name !== image),
      { label: chosen.label, split: chosen.split },
    )
    if (columns.label === undefined || !parquet.columns.includes(columns.label)) {
      throw refuse(file, `has no column of labels (its columns are ${firstFew(parquet.columns, 12)})`)
    }
    const given = classNamesOf(parquet, columns.label)
    if (classNames !== null && given !== null && given.join('\n') !== classNames.join('\n')) {
      throw refuse(file, 'names its classes otherwise than the file before it')
    }
    classNames ??= given
    const stem = file.slice(file.lastIndexOf('/') + 1).replace(parquetNames, '')
    const split = /^(train|test|validation|valid|val)(?=[-_.]|$)/i.exec(stem)?.[1] ?? null
    const digits = String(Math.max(0, parquet.rowCount - 1)).length
    const groupAt = groupColumns(parquet.columns)
    const rowOf: number[] = []
    parts.push({ file, image, offset: entries.length, rowOf })
    const wanted = [
      columns.label,
      ...(columns.split === undefined ? [] : [columns.split]),
      ...groupAt.map(({ column }) => column),
    ]
    for await (const { first, rows } of parquet.rows(wanted)) {
      for (const [i, row] of rows.entries()) {
        const name = `${stem}/${String(first + i).padStart(digits, '0')}`
        const label = textOf(row[columns.label])
        if (label === null) {
          leftOut.push({ path: name, reason: 'has no label', hidden: false })
          continue
        }
        const className = given === null ? label : given[Number(label)]
        if (className === undefined) {
          leftOut.push({
            path: name,
            reason: `has the label ${label}, and ${counted(given?.length ?? 0, 'class has', 'classes have')} a name`,
            hidden: false,
          })
          continue
        }
        for (const { column, name: group } of groupAt) {
          const values = groups.get(group) ?? []
          while (values.length < entries.length) values.push(null)
          values.push(textOf(row[column]))
          groups.set(group, values)
        }
        entries.push({ name, className, givenSplit: columns.split === undefined ? split : textOf(row[columns.split]) })
        rowOf.push(first + i)
      }
    }
  }
  if (entries.length === 0) throw refuse(tree.root, 'holds no rows with a label')
  for (const values of groups.values()) while (values.length < entries.length) values.push(null)

  async function* load(indices: readonly number[] | null): AsyncGenerator<LoadedImage> {
    for (const { file, image, offset, rowOf } of parts) {
      const mine = indices?.filter((index) => index >= offset && index < offset + rowOf.length)
      if (mine?.length === 0) continue
      await using input = await tree.open(file)
      const parquet = await openParquet({ ...input, path: file })
      const wantedRows = mine?.map((index) => rowOf[index - offset])
      const wanted = wantedRows === undefined ? null : new Set(wantedRows)
      const indexOf = new Map(rowOf.map((row, i) => [row, offset + i]))
      for await (const { first, rows } of parquet.rows([image], wantedRows)) {
        for (const [i, row] of rows.entries()) {
          const index = indexOf.get(first + i)
          if (index === undefined || (wanted !== null && !wanted.has(first + i))) continue
          const bytes = bytesOf(row[image])
          yield bytes === null ? { index, image: null, reason: 'holds no image bytes' } : decodeEncoded(index, bytes)
        }
      }
    }
  }

  return {
    format: 'parquet',
    entries,
    classNames,
    groups: [...groups].map(([name, values]) => ({ name, values })),
    leftOut: [...tree.leftOut, ...leftOut],
    load,
    [Symbol.asyncDispose]: () => tree[Symbol.asyncDispose](),
  }
}

/** The column that the metadata calls an image, a struct with `bytes`, or one that is called so. */
function imageColumnOf(parquet: ParquetFile, file: string, chosen: string | undefined): string {
  if (chosen !== undefined && parquet.columns.includes(chosen)) return chosen
  const features = featuresOf(parquet)
  const declared = parquet.columns.find((name) => features[name]?._type === 'Image')
  const found =
    declared ??
    parquet.columns.find((name) => parquet.fieldsOf(name).includes('bytes')) ??
    parquet.columns.find((name) => /^(?:image|img|picture|bytes|png|jpg|jpeg)$/i.test(name))
  if (found !== undefined) return found
  throw refuse(file, `has no column of images (its columns are ${firstFew(parquet.columns, 12)})`)
}

type Features = Readonly<Record<string, { readonly _type?: unknown; readonly names?: unknown } | undefined>>

function featuresOf(parquet: ParquetFile): Features {
  try {
    const parsed: unknown = JSON.parse(parquet.metadata.get('huggingface') ?? '{}')
    const info = (parsed as { readonly info?: { readonly features?: Features } } | null)?.info
    return info?.features !== null && typeof info?.features === 'object' ? info.features : {}
  } catch {
    return {}
  }
}

function classNamesOf(parquet: ParquetFile, label: string): readonly string[] | null {
  const names = featuresOf(parquet)[label]?.names
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string' && name !== '')) return null
  return new Set(names).size === names.length ? names : null
}

/** A label, split or group as text; null where there is none. Bytes are UTF-8. */
function textOf(value: unknown): string | null {
  if (value instanceof Uint8Array) {
    try {
      const text = new TextDecoder('utf-8', { fatal: true }).decode(value)
      return text === '' ? null : text
    } catch {
      return null
    }
  }
  if (typeof value === 'string') return value === '' ? null : value
  if (typeof value === 'number' && Number.isInteger(value)) return String(value)
  return typeof value === 'bigint' || typeof value === 'boolean' ? String(value) : null
}

function bytesOf(value: unknown): Uint8Array | null {
  if (value instanceof Uint8Array) return value
  const inner = typeof value === 'object' && value !== null && 'bytes' in value ? value.bytes : null
  return inner instanceof Uint8Array ? inner : null
}

function refuse(file: string, what: string): AppError {
  return new AppError('bad-input', `${quoted(file, 200)} ${what}.`, {
    hint: 'Name the columns: --columns path=IMAGE,label=LABEL.',
    details: { file },
  })
}
