import { AppError } from '#shared/errors.ts'
import {
  bytesPerElement,
  elementCount,
  maxTensorBytes,
  type NumericDtype,
  type Tensor,
  tensorFromBytes,
} from './tensor.ts'
import { quoted } from './text.ts'

/** numpy itself refuses to evaluate longer ones. */
const maxHeaderBytes = 64 * 1024
const prefixBytes = 8
const magic = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59)

/** Where the array is, for messages. */
export interface NpySource {
  readonly file: string
  readonly array: string
}

type ElementType =
  | { readonly kind: 'number'; readonly dtype: NumericDtype; readonly bytes: number; readonly bigEndian: boolean }
  /** `S`: bytes that must be UTF-8; `U`: UTF-32 code points. */
  | { readonly kind: 'text'; readonly encoding: 'S' | 'U'; readonly bytes: number; readonly bigEndian: boolean }

export interface NpyHeader {
  readonly type: ElementType
  readonly shape: readonly number[]
  readonly fortranOrder: boolean
  /** Elements of the shape. */
  readonly count: number
  /** Bytes before the elements, and of the elements. */
  readonly headerBytes: number
  readonly dataBytes: number
}

/**
 * How many bytes of a .npy file hold its header, from its first 12 bytes.
 * @throws AppError `bad-input` when they aren't the start of one.
 */
export function npyHeaderBytes(start: Uint8Array, source: NpySource): number {
  if (start.byteLength < prefixBytes || !magic.every((byte, i) => start[i] === byte)) {
    throw refuse(source, 'is not in numpy format')
  }
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength)
  const major = start[6]
  if (major < 1 || major > 3) throw refuse(source, `has the unknown format version ${major}`)
  const lengthFieldBytes = major === 1 ? 2 : 4
  if (start.byteLength < prefixBytes + lengthFieldBytes) throw refuse(source, 'ends in its header')
  const length = major === 1 ? view.getUint16(prefixBytes, true) : view.getUint32(prefixBytes, true)
  if (length > maxHeaderBytes) throw refuse(source, `has a header of ${length} bytes, which no real array has`)
  return prefixBytes + lengthFieldBytes + length
}

/**
 * Reads the header (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html). `bytes` are at least
 * the first `npyHeaderBytes`.
 * @throws AppError `bad-input`: object arrays (they are pickles), structured, complex and date types, impossible
 * shapes, anything that isn't the dictionary that numpy writes.
 */
export function parseNpyHeader(bytes: Uint8Array, source: NpySource): NpyHeader {
  const headerBytes = npyHeaderBytes(bytes, source)
  if (bytes.byteLength < headerBytes) throw refuse(source, 'ends in its header')
  const start = bytes[6] === 1 ? prefixBytes + 2 : prefixBytes + 4
  let text: string
  try {
    // Versions 1 and 2 are Latin-1, but all that a valid header of theirs holds is ASCII.
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(start, headerBytes))
  } catch {
    throw refuse(source, 'has a header that is not text')
  }
  const fields = parseDictionary(text, source)
  const type = parseElementType(fields.descr, source)
  const count = elementCount(fields.shape)
  const shapeText = `[${fields.shape.slice(0, 8).join(', ')}]`
  if (count === null || count * type.bytes > maxTensorBytes)
    throw refuse(source, `has the impossible shape ${shapeText}`)
  if (type.bytes === 0 && count > 0) throw refuse(source, `holds ${count} texts of no length`)
  return {
    type,
    shape: fields.shape,
    fortranOrder: fields.fortranOrder,
    count,
    headerBytes,
    dataBytes: count * type.bytes,
  }
}

/**
 * Decodes the elements. `data` holds exactly `header.dataBytes`; it may be changed and kept. Fortran order is turned
 * into row-major, trailing zeros of texts are dropped as numpy does.
 */
export function decodeNpy(header: NpyHeader, data: Uint8Array, source: NpySource): Tensor {
  if (data.byteLength !== header.dataBytes) {
    throw refuse(source, `has ${data.byteLength} bytes where its shape takes ${header.dataBytes}`)
  }
  const { type, shape } = header
  const ordered = header.fortranOrder ? toRowMajor(data, shape, type.bytes) : data
  if (type.kind === 'text') return { dtype: 'STRING', shape, data: decodeTexts(ordered, type, header.count, source) }
  if (type.bigEndian && type.bytes > 1) swapBytes(ordered, type.bytes)
  const tensor = tensorFromBytes(type.dtype, shape, ordered)
  if (tensor === null) throw refuse(source, 'holds booleans other than 0 and 1')
  return tensor
}

/** The dictionary that numpy writes is Python source; only its few forms are understood, nothing is evaluated. */
function parseDictionary(
  text: string,
  source: NpySource,
): { readonly descr: string; readonly fortranOrder: boolean; readonly shape: readonly number[] } {
  const bad = (): AppError => refuse(source, 'has a header that numpy would not write')
  const outer = /^\{(.*)\}\s*$/s.exec(text)
  if (outer === null) throw bad()
  let rest = outer[1].trim()
  let descr: string | null = null
  let fortranOrder: boolean | null = null
  let shape: readonly number[] | null = null
  while (rest !== '') {
    const key = /^(['"])(descr|fortran_order|shape)\1\s*:\s*/.exec(rest)
    if (key === null) throw bad()
    rest = rest.slice(key[0].length)
    let value: RegExpExecArray | null
    if (key[2] === 'descr') {
      if (rest.startsWith('[')) throw refuse(source, 'has a structured type, which is not read')
      value = /^(['"])([^'"\\]{1,40})\1/.exec(rest)
      if (value === null || descr !== null) throw bad()
      descr = value[2]
    } else if (key[2] === 'fortran_order') {
      value = /^(?:True|False)\b/.exec(rest)
      if (value === null || fortranOrder !== null) throw bad()
      fortranOrder = value[0] === 'True'
    } else {
      value = /^\(\s*((?:\d{1,19}L?\s*,\s*)*(?:\d{1,19}L?\s*)?)\)/.exec(rest)
      if (value === null || shape !== null) throw bad()
      const lengths = value[1].split(',').map((length) => length.trim())
      // "(3)" is a number to Python, "(3,)" a shape.
      if (lengths.length === 1 && lengths[0] !== '') throw bad()
      shape = lengths.filter((length) => length !== '').map((length) => Number.parseInt(length, 10))
      if (shape.length > 32) throw bad()
    }
    rest = rest.slice(value[0].length).trim()
    if (rest === '') break
    if (!rest.startsWith(',')) throw bad()
    rest = rest.slice(1).trim()
  }
  if (descr === null || fortranOrder === null || shape === null) throw bad()
  return { descr, fortranOrder, shape }
}

function parseElementType(descr: string, source: NpySource): ElementType {
  const match = /^([<>|=]?)([a-zA-Z?])(\d{0,9})$/.exec(descr)
  if (match === null) throw refuse(source, `has the unknown type ${quoted(descr)}`)
  const [, order, letter, digits] = match
  const bigEndian = order === '>'
  const size = digits === '' ? 0 : Number.parseInt(digits, 10)
  if (letter === 'O') throw refuse(source, 'is an object array: it holds a Python pickle, which is never read')
  if (letter === 'S' || letter === 'a') return { kind: 'text', encoding: 'S', bytes: size, bigEndian }
  if (letter === 'U') return { kind: 'text', encoding: 'U', bytes: size * 4, bigEndian }
  const dtype = numericTypes[letter === '?' ? 'b1' : `${letter}${size}`]
  if (dtype === undefined) throw refuse(source, `has the type ${quoted(descr)}, which is not read`)
  return { kind: 'number', dtype, bytes: bytesPerElement[dtype], bigEndian }
}

const numericTypes: Readonly<Record<string, NumericDtype | undefined>> = {
  b1: 'BOOL',
  f2: 'F16',
  f4: 'F32',
  f8: 'F64',
  i1: 'I8',
  i2: 'I16',
  i4: 'I32',
  i8: 'I64',
  u1: 'U8',
  u2: 'U16',
  u4: 'U32',
  u8: 'U64',
}

function decodeTexts(
  bytes: Uint8Array,
  type: { readonly encoding: 'S' | 'U'; readonly bytes: number; readonly bigEndian: boolean },
  count: number,
  source: NpySource,
): readonly string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const texts: string[] = []
  for (let i = 0; i < count; i++) {
    const start = i * type.bytes
    let end = start + type.bytes
    try {
      if (type.encoding === 'S') {
        while (end > start && bytes[end - 1] === 0) end--
        texts.push(utf8.decode(bytes.subarray(start, end)))
      } else {
        while (end > start && view.getUint32(end - 4) === 0) end -= 4
        let text = ''
        for (let at = start; at < end; at += 4) text += String.fromCodePoint(view.getUint32(at, !type.bigEndian))
        if (!text.isWellFormed()) throw new RangeError('a lone surrogate')
        texts.push(text)
      }
    } catch {
      throw refuse(source, `holds a text that is not Unicode at position ${i}`)
    }
  }
  return texts
}

/** Column-major to row-major, whatever the element's width. */
function toRowMajor(data: Uint8Array, shape: readonly number[], width: number): Uint8Array {
  if (shape.length < 2) return data
  const result = new Uint8Array(data.byteLength)
  const count = width === 0 ? 0 : data.byteLength / width
  const strides: number[] = []
  for (let axis = 0, stride = 1; axis < shape.length; stride *= shape[axis], axis++) strides.push(stride)
  const index = shape.map(() => 0)
  let from = 0
  for (let to = 0; to < count; to++) {
    for (let byte = 0; byte < width; byte++) result[to * width + byte] = data[from * width + byte]
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]++
      from += strides[axis]
      if (index[axis] < shape[axis]) break
      from -= strides[axis] * shape[axis]
      index[axis] = 0
    }
  }
  return result
}

function swapBytes(bytes: Uint8Array, width: number): void {
  for (let start = 0; start < bytes.byteLength; start += width) bytes.subarray(start, start + width).reverse()
}

function refuse(source: NpySource, what: string): AppError {
  return new AppError('bad-input', `The array ${quoted(source.array)} of ${quoted(source.file, 200)} ${what}.`, {
    hint: 'Write it again with numpy.savez, as plain numbers or text.',
    details: { file: source.file, array: source.array },
  })
}
