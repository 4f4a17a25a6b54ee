import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { type FileMetaData, parquetMetadataAsync, parquetReadObjects, parquetSchema } from 'hyparquet'
import { AppError } from '#shared/errors.ts'
import type { InputFile } from './input-file.ts'
import { type ColumnChunkPlace, checkPages } from './parquet-pages.ts'
import { grouped, quoted } from './text.ts'

/** One row group is in memory at a time; what writers of images make has a few megabytes to a hundred. */
const maxGroupBytes = 1 << 30
const maxMetadataBytes = 64 * 2 ** 20
const maxRows = 100_000_000

/** A file's schema and rows, read by row groups; the file stays the caller's. */
export interface ParquetFile {
  readonly rowCount: number
  /** Names of the top-level columns. */
  readonly columns: readonly string[]
  /** Names of the fields of a column that is a struct. */
  fieldsOf(column: string): readonly string[]
  readonly metadata: ReadonlyMap<string, string>
  /** Rows of some columns, row group by row group, or of those groups that hold wanted rows. */
  rows(columns: readonly string[], wanted?: readonly number[]): AsyncGenerator<ParquetRows>
}

export interface ParquetRows {
  readonly first: number
  readonly rows: readonly Readonly<Record<string, unknown>>[]
}

/** @throws AppError `bad-input` for what is no Parquet file, is damaged, or has row groups of more than a gigabyte. */
export async function openParquet(file: InputFile): Promise<ParquetFile> {
  const buffer = {
    byteLength: file.size,
    slice: async (start: number, end = file.size): Promise<ArrayBuffer> => {
      const from = Math.max(0, start < 0 ? file.size + start : start)
      return (await file.read(from, Math.max(0, Math.min(end, file.size) - from))).buffer
    },
  }
  let metadata: FileMetaData
  try {
    if (file.size < 12) throw new Error('too short')
    const tail = await file.read(file.size - 8, 8)
    const length = new DataView(tail.buffer).getUint32(0, true)
    if (length > Math.min(maxMetadataBytes, file.size - 12)) throw new Error('its footer says an impossible length')
    metadata = await parquetMetadataAsync(buffer)
  } catch (error) {
    throw damaged(file.path, error)
  }
  const groups = groupsOf(metadata, file)
  const schema = attempt(file.path, () => parquetSchema(metadata))
  if (!schema.children.every((child) => typeof child.element.name === 'string')) {
    throw refuse(file.path, 'is damaged: a column has no name')
  }
  const rowCount = groups.reduce((sum, { rows }) => sum + rows, 0)
  if (rowCount > maxRows) throw refuse(file.path, `says it has ${grouped(rowCount)} rows, which no data set has`)

  async function* rows(columns: readonly string[], wanted?: readonly number[]): AsyncGenerator<ParquetRows> {
    for (const { first, rows: count, bytesOf, chunksOf } of groups) {
      if (count === 0) continue
      if (wanted !== undefined && !wanted.some((row) => row >= first && row < first + count)) continue
      const bytes = bytesOf(columns)
      if (bytes > maxGroupBytes)
        throw refuse(
          file.path,
          `has a row group of ${grouped(Math.ceil(bytes / 2 ** 20))} MiB; at most ${maxGroupBytes / 2 ** 20} are read`,
        )
      try {
        for (const chunk of chunksOf(columns)) await checkPages(file, chunk)
        const found = await parquetReadObjects({
          file: buffer,
          metadata,
          columns: [...columns],
          rowStart: first,
          rowEnd: first + count,
          compressors,
          utf8: false,
        })
        yield { first, rows: found }
      } catch (error) {
        throw damaged(file.path, error)
      }
    }
  }
  return {
    rowCount,
    columns: schema.children.map((child) => child.element.name),
    fieldsOf: (column) =>
      schema.children.find((child) => child.element.name === column)?.children.map((child) => child.element.name) ?? [],
    metadata: new Map((metadata.key_value_metadata ?? []).map(({ key, value }) => [key, value ?? ''])),
    rows,
  }
}

/** Decompressors that unpack no more than the page says. */
const compressors = {
  GZIP: (input: Uint8Array, length: number) => gunzipSync(input, { maxOutputLength: Math.max(1, length) }),
  BROTLI: (input: Uint8Array, length: number) => brotliDecompressSync(input, { maxOutputLength: Math.max(1, length) }),
  ZSTD: (input: Uint8Array, length: number) => zstdDecompressSync(input, { maxOutputLength: Math.max(1, length) }),
}

interface RowGroup {
  readonly first: number
  readonly rows: number
  readonly bytesOf: (columns: readonly string[]) => number
  readonly chunksOf: (columns: readonly string[]) => readonly ColumnChunkPlace[]
}

/** Every size is checked here: the decoder believes them. */
function groupsOf(metadata: FileMetaData, file: InputFile): readonly RowGroup[] {
  const groups: RowGroup[] = []
  let first = 0
  for (const group of metadata.row_groups ?? []) {
    const rows = Number(group.num_rows)
    if (!Number.isSafeInteger(rows) || rows < 0) throw refuse(file.path, 'says an impossible number of rows')
    const sizes = new Map<string, number>()
    const chunks: { readonly top: string; readonly place: ColumnChunkPlace }[] = []
    for (const { meta_data: column } of group.columns ?? []) {
      if (column === undefined) throw refuse(file.path, 'is damaged: a column has no metadata')
      const [packed, unpacked] = [Number(column.total_compressed_size), Number(column.total_uncompressed_size)]
      const offset = Number(column.dictionary_page_offset ?? column.data_page_offset)
      if (!(packed >= 0 && unpacked >= 0 && offset >= 0 && offset + packed <= file.size))
        throw refuse(file.path, 'is damaged or truncated: a column lies beyond its end')
      const values = Number(column.num_values)
      if (!(values >= 0 && values <= maxRows)) throw refuse(file.path, 'says an impossible number of values')
      const [top] = column.path_in_schema
      chunks.push({ top, place: { offset, bytes: packed, values } })
      sizes.set(top, (sizes.get(top) ?? 0) + Math.max(packed, unpacked))
    }
    groups.push({
      first,
      rows,
      chunksOf: (columns) => chunks.filter(({ top }) => columns.includes(top)).map(({ place }) => place),
      bytesOf: (columns) => columns.reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0),
    })
    first += rows
  }
  return groups
}

function attempt<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw damaged(path, error)
  }
}

function damaged(path: string, error: unknown): AppError {
  if (error instanceof AppError) return error
  const reason = error instanceof Error ? error.message.replace(/\s+/g, ' ').slice(0, 150) : String(error)
  return refuse(path, `is not a readable Parquet file (${reason})`)
}

function refuse(path: string, what: string): AppError {
  return new AppError('bad-input', `${quoted(path, 200)} ${what}.`, {
    hint: 'The file may be truncated: copy it again.',
    details: { file: path },
  })
}
