import { AppError } from '#shared/errors.ts'
import { openInputFile } from './input-file.ts'
import {
  bytesPerElement,
  elementCount,
  maxTensorBytes,
  type NumericDtype,
  type NumericTensor,
  tensorFromBytes,
} from './tensor.ts'
import { quoted } from './text.ts'

/** A header of this size would name a hundred thousand arrays. */
const maxHeaderBytes = 16 * 1024 * 1024
const lengthBytes = 8

export interface Safetensors {
  readonly tensors: ReadonlyMap<string, NumericTensor>
  readonly metadata: Readonly<Record<string, string>>
}

interface Entry {
  readonly name: string
  readonly dtype: NumericDtype
  readonly shape: readonly number[]
  readonly begin: number
  readonly end: number
}

/**
 * Reads a whole safetensors file held in memory (https://huggingface.co/docs/safetensors). Tensors may share its
 * bytes. `source` names it in messages.
 * @throws AppError `bad-input` naming the file and the array: a header that isn't JSON of the known form or exceeds
 * 16 MiB, an unknown dtype, offsets that overlap, leave gaps, don't fit the shape or don't cover the data exactly.
 */
export function parseSafetensors(bytes: Uint8Array, source: string): Safetensors {
  const dataStart = headerEnd(bytes, bytes.byteLength, source)
  const header = parseHeader(bytes.subarray(lengthBytes, dataStart), bytes.byteLength - dataStart, source)
  return assemble(header, bytes.subarray(dataStart), source)
}

/** Like `parseSafetensors`, from a file. Nothing is allocated before the header has been found consistent. */
export async function readSafetensorsFile(path: string): Promise<Safetensors> {
  await using file = await openInputFile(path)
  const { size } = file
  const start = await file.read(0, Math.min(lengthBytes, size))
  const dataStart = headerEnd(start, size, path)
  const headerBytes = await file.read(lengthBytes, dataStart - lengthBytes)
  const header = parseHeader(headerBytes, size - dataStart, path)
  const data = await file.read(dataStart, size - dataStart)
  return assemble(header, data, path)
}

/**
 * Writes tensors in the form that other readers expect: wide types first, so that every array is aligned, names
 * ascending among equals, header padded to 8 bytes. The same tensors always give the same bytes.
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, NumericTensor> | Readonly<Record<string, NumericTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const entries: (readonly [string, NumericTensor])[] =
    tensors instanceof Map ? [...tensors] : Object.entries(tensors as Readonly<Record<string, NumericTensor>>)
  entries.sort(
    ([nameA, a], [nameB, b]) =>
      bytesPerElement[b.dtype] - bytesPerElement[a.dtype] || (nameA < nameB ? -1 : nameA > nameB ? 1 : 0),
  )
  const header: [string, unknown][] = []
  const metadataKeys = Object.keys(metadata).sort()
  if (metadataKeys.length > 0) {
    header.push(['__metadata__', Object.fromEntries(metadataKeys.map((key) => [key, metadata[key]]))])
  }
  let position = 0
  for (const [name, tensor] of entries) {
    if (name === '__metadata__') throw new AppError('internal', 'No array can be called "__metadata__".')
    if (tensor.dtype === 'F16' || tensor.dtype === 'BF16') {
      throw new AppError('internal', `The array ${quoted(name)} was widened from ${tensor.dtype}; write it as F32.`)
    }
    const count = elementCount(tensor.shape)
    if (count !== tensor.data.length) {
      const shape = `[${tensor.shape.join(', ')}]`
      throw new AppError('internal', `The array ${quoted(name)} of shape ${shape} holds ${tensor.data.length} values.`)
    }
    const end = position + tensor.data.byteLength
    header.push([name, { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [position, end] }])
    position = end
  }
  // Entries are written one by one: an object would move names that look like integers to the front.
  const fields = header.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`)
  const text = new TextEncoder().encode(`{${fields.join(',')}}`)
  const headerLength = Math.ceil(text.byteLength / 8) * 8
  const bytes = new Uint8Array(lengthBytes + headerLength + position)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true)
  bytes.fill(0x20, lengthBytes, lengthBytes + headerLength)
  bytes.set(text, lengthBytes)
  let offset = lengthBytes + headerLength
  for (const [, { data }] of entries) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset)
    offset += data.byteLength
  }
  return bytes
}

function headerEnd(start: Uint8Array, size: number, source: string): number {
  if (size < lengthBytes + 2) throw refuse(source, `is too short to be a safetensors file (${size} bytes)`)
  const length = new DataView(start.buffer, start.byteOffset, lengthBytes).getBigUint64(0, true)
  if (length > BigInt(maxHeaderBytes)) throw refuse(source, `has a header of ${length} bytes, which no real file has`)
  const end = lengthBytes + Number(length)
  if (end > size) throw refuse(source, `ends in its header: the file is truncated`)
  if (size > maxTensorBytes) throw refuse(source, `is larger than ${maxTensorBytes / 2 ** 30} GiB`)
  return end
}

function parseHeader(
  bytes: Uint8Array,
  dataLength: number,
  source: string,
): { readonly entries: readonly Entry[]; readonly metadata: Readonly<Record<string, string>> } {
  let json: unknown
  try {
    if (bytes[0] !== 0x7b) throw new SyntaxError('no object')
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw refuse(source, 'has a header that is not JSON')
  }
  if (!isRecord(json)) throw refuse(source, 'has a header that is not a JSON object')
  const entries: Entry[] = []
  let metadata: Readonly<Record<string, string>> = {}
  for (const [name, value] of Object.entries(json)) {
    if (name === '__metadata__') metadata = checkMetadata(value, source)
    else entries.push(checkEntry(name, value, dataLength, source))
  }
  checkLayout(entries, dataLength, source)
  return { entries, metadata }
}

function checkMetadata(value: unknown, source: string): Readonly<Record<string, string>> {
  const isText = (pair: [string, unknown]): pair is [string, string] => typeof pair[1] === 'string'
  const pairs = isRecord(value) ? Object.entries(value) : null
  if (pairs === null || !pairs.every(isText)) throw refuse(source, 'has metadata that are not strings')
  return Object.fromEntries(pairs)
}

function checkEntry(name: string, value: unknown, dataLength: number, source: string): Entry {
  const bad = (what: string): AppError => refuse(source, what, name)
  if (!isRecord(value)) throw bad('has no description')
  const { dtype, shape, data_offsets: offsets } = value
  if (typeof dtype !== 'string' || !isNumericDtype(dtype))
    throw bad(`has the unknown type ${quoted(String(dtype), 20)}`)
  if (!Array.isArray(shape) || shape.length > 32 || !shape.every((length) => typeof length === 'number')) {
    throw bad('has no valid shape')
  }
  const count = elementCount(shape)
  if (count === null) throw bad(`has the impossible shape [${shape.slice(0, 8).join(', ')}]`)
  if (!Array.isArray(offsets) || offsets.length !== 2) throw bad('has no offsets')
  const [begin, end] = offsets as readonly unknown[]
  if (!isOffset(begin) || !isOffset(end) || begin > end) throw bad('has impossible offsets')
  if (end > dataLength) throw bad(`ends at byte ${end} of ${dataLength}: the file is truncated`)
  if (count * bytesPerElement[dtype] !== end - begin) {
    throw bad(
      `has ${end - begin} bytes, but its shape [${shape.join(', ')}] of ${dtype} takes ${count * bytesPerElement[dtype]}`,
    )
  }
  return { name, dtype, shape, begin, end }
}

function checkLayout(entries: readonly Entry[], dataLength: number, source: string): void {
  let position = 0
  for (const entry of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (entry.begin < position) throw refuse(source, 'overlaps another array', entry.name)
    if (entry.begin > position)
      throw refuse(source, `leaves ${entry.begin - position} bytes unused before it`, entry.name)
    position = entry.end
  }
  if (position !== dataLength) throw refuse(source, `has ${dataLength - position} bytes that belong to no array`)
}

function assemble(
  header: { readonly entries: readonly Entry[]; readonly metadata: Readonly<Record<string, string>> },
  data: Uint8Array,
  source: string,
): Safetensors {
  const tensors = new Map<string, NumericTensor>()
  for (const { name, dtype, shape, begin, end } of header.entries) {
    const tensor = tensorFromBytes(dtype, shape, data.subarray(begin, end))
    if (tensor === null) throw refuse(source, 'holds booleans other than 0 and 1', name)
    tensors.set(name, tensor)
  }
  return { tensors, metadata: header.metadata }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isNumericDtype(text: string): text is NumericDtype {
  return Object.hasOwn(bytesPerElement, text)
}

function isOffset(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function refuse(source: string, what: string, array?: string): AppError {
  const culprit = array === undefined ? quoted(source, 200) : `The array ${quoted(array)} of ${quoted(source, 200)}`
  return new AppError('bad-input', `${culprit} ${what}.`, {
    hint: 'Write the file again with the safetensors library.',
    details: array === undefined ? { file: source } : { file: source, array },
  })
}
