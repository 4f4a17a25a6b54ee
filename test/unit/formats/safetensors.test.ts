import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeSafetensors, parseSafetensors } from '#main/formats/safetensors.ts'
import { type NumericTensor, tensorOf } from '#main/formats/tensor.ts'
import { AppError } from '#shared/errors.ts'

const fixture = await readFile(join(import.meta.dirname, 'fixtures', 'numpy.safetensors'))

/** A file with any header text, so that what a well-behaved writer never writes can be tried. */
function fileOf(header: string, dataBytes = 0): Uint8Array {
  const text = new TextEncoder().encode(header)
  const bytes = new Uint8Array(8 + text.byteLength + dataBytes)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.byteLength), true)
  bytes.set(text, 8)
  return bytes
}

function refusal(bytes: Uint8Array): string {
  try {
    parseSafetensors(bytes, 'file.safetensors')
  } catch (error) {
    if (error instanceof AppError && error.code === 'bad-input') return error.message
    throw error
  }
  return 'accepted'
}

describe('writing', () => {
  it('gives the bytes of the format: length, header padded to 8 bytes, data', () => {
    const bytes = encodeSafetensors({ ids: tensorOf(new Int32Array([1, 258])) })
    const header = '{"ids":{"dtype":"I32","shape":[2],"data_offsets":[0,8]}}'
    const padded = header.padEnd(Math.ceil(header.length / 8) * 8)
    const expected = Buffer.concat([
      Buffer.from([padded.length, 0, 0, 0, 0, 0, 0, 0]),
      Buffer.from(padded),
      Buffer.from([1, 0, 0, 0, 2, 1, 0, 0]),
    ])
    expect(Buffer.from(bytes).equals(expected)).toBe(true)
  })

  it('gives the same bytes for the same arrays in another order', () => {
    const a = tensorOf(new Float32Array([1, 2]))
    const b = tensorOf(new Float64Array([3]))
    const c = tensorOf(new Uint8Array([4]))
    expect(encodeSafetensors({ a, b, c })).toEqual(encodeSafetensors({ c, b, a }))
  })

  it('aligns every array to its element size, whatever sizes stand before it', () => {
    const bytes = encodeSafetensors({ a: tensorOf(new Uint8Array([1, 2, 3])), b: tensorOf(new Float64Array([1.5])) })
    const { tensors } = parseSafetensors(bytes, 'x')
    expect(tensors.get('b')?.data.byteOffset).toBe(8 + Number(new DataView(bytes.buffer).getBigUint64(0, true)))
    expect(tensors.get('b')?.data[0]).toBe(1.5)
  })

  it('refuses an array whose shape is not that of its values', () => {
    expect(() => encodeSafetensors({ a: tensorOf(new Float32Array(3), [2, 2]) })).toThrow(
      /"a" of shape \[2, 2\] holds 3/,
    )
  })

  it('is undone by reading, for any arrays and metadata', () => {
    const name = fc
      .string({ minLength: 1, unit: 'binary' })
      .filter((text) => text !== '__metadata__' && text.isWellFormed())
    const data: fc.Arbitrary<NumericTensor['data']> = fc.oneof(
      fc.float32Array(),
      fc.float64Array(),
      fc.int32Array(),
      fc.int16Array(),
      fc.int8Array(),
      fc.uint8Array(),
      fc.uint16Array(),
      fc.uint32Array(),
      fc.bigInt64Array(),
      fc.bigUint64Array(),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(name, data)), fc.dictionary(name, fc.string()), (pairs, metadata) => {
        const tensors = new Map(pairs.map(([key, values]) => [key, tensorOf(values)]))
        const read = parseSafetensors(encodeSafetensors(tensors, metadata), 'x')
        expect(new Map([...read.tensors].sort())).toEqual(new Map([...tensors].sort()))
        expect(Object.entries(read.metadata).sort()).toEqual(Object.entries(metadata).sort())
      }),
    )
  })
})

describe('reading', () => {
  it('copes with data that start at an odd offset of the file', () => {
    const header = '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} '
    const bytes = fileOf(header, 4)
    new DataView(bytes.buffer).setFloat32(8 + header.length, 2.5, true)
    expect(header.length % 4).not.toBe(0)
    expect(parseSafetensors(bytes, 'x').tensors.get('a')?.data).toEqual(new Float32Array([2.5]))
  })

  it('widens bfloat16', () => {
    const bytes = fileOf('{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}', 4)
    bytes.set([0x80, 0x3f, 0x20, 0xc0], bytes.length - 4)
    expect(parseSafetensors(bytes, 'x').tensors.get('a')?.data).toEqual(new Float32Array([1, -2.5]))
  })

  it('refuses a file that was cut off, at every length', () => {
    for (let length = 0; length < fixture.length; length++) {
      expect(refusal(fixture.subarray(0, length)), `${length} bytes`).toMatch(/^(The array .* of )?"file.safetensors" /)
    }
    expect(refusal(fixture)).toBe('accepted')
  })

  it('refuses bytes after the last array', () => {
    expect(refusal(Buffer.concat([fixture, Buffer.alloc(3)]))).toMatch(/3 bytes that belong to no array/)
  })

  const entry = (dtype: string, shape: string, offsets: string): string =>
    `{"dtype":${JSON.stringify(dtype)},"shape":${shape},"data_offsets":${offsets}}`

  it.each<readonly [what: string, header: string, dataBytes: number, sentence: RegExp]>([
    ['a header that is not JSON', '{"a":', 0, /header that is not JSON/],
    ['a header that is a list', '[]', 0, /header that is not JSON/],
    ['an unknown type', `{"a":${entry('Q8', '[1]', '[0,1]')}}`, 1, /"a" .* unknown type "Q8"/],
    ['a type from the prototype', `{"a":${entry('constructor', '[1]', '[0,1]')}}`, 1, /unknown type/],
    ['a negative length', `{"a":${entry('U8', '[-1]', '[0,1]')}}`, 1, /impossible shape/],
    ['a broken length', `{"a":${entry('U8', '[0.5]', '[0,1]')}}`, 1, /impossible shape/],
    [
      'a shape beyond all memory',
      `{"a":${entry('F32', '[9007199254740991,9007199254740991]', '[0,4]')}}`,
      4,
      /impossible shape/,
    ],
    ['a shape that lies', `{"a":${entry('F32', '[1000000000]', '[0,4]')}}`, 4, /has 4 bytes, but its shape/],
    ['an end beyond the file', `{"a":${entry('U8', '[9]', '[0,9]')}}`, 4, /truncated/],
    ['offsets that go backwards', `{"a":${entry('U8', '[1]', '[2,1]')}}`, 4, /impossible offsets/],
    [
      'arrays that overlap',
      `{"a":${entry('U8', '[3]', '[0,3]')},"b":${entry('U8', '[3]', '[1,4]')}}`,
      4,
      /"b" .* overlaps/,
    ],
    [
      'a gap between arrays',
      `{"a":${entry('U8', '[1]', '[0,1]')},"b":${entry('U8', '[1]', '[3,4]')}}`,
      4,
      /"b" .* 2 bytes unused/,
    ],
    [
      'a name given twice',
      `{"a":${entry('U8', '[1]', '[0,1]')},"a":${entry('U8', '[1]', '[1,2]')}}`,
      2,
      /unused before it/,
    ],
    ['metadata that are numbers', '{"__metadata__":{"a":1}}', 0, /metadata that are not strings/],
    ['no description', '{"a":null}', 0, /"a" .* no description/],
  ])('refuses %s', (_what, header, dataBytes, sentence) => {
    expect(refusal(fileOf(header, dataBytes))).toMatch(sentence)
  })

  it('refuses booleans other than 0 and 1', () => {
    const bytes = fileOf(`{"a":${entry('BOOL', '[1]', '[0,1]')}}`, 1)
    bytes[bytes.length - 1] = 2
    expect(refusal(bytes)).toMatch(/"a" .* booleans other than 0 and 1/)
  })

  it('refuses a header length of exabytes without allocating it', () => {
    const bytes = fileOf('{}')
    bytes.fill(0xff, 0, 8)
    expect(refusal(bytes)).toMatch(/header of 18446744073709551615 bytes/)
  })

  it('escapes control characters of an array name in its message', () => {
    expect(refusal(fileOf(JSON.stringify({ 'a\u001b[31m': null })))).toContain('"a\\u001b[31m"')
  })

  it('never does anything but read or refuse, whatever the bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => void refusal(bytes)))
    const change = fc.tuple(fc.nat(fixture.length - 1), fc.nat(255))
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
        const bytes = Uint8Array.from(fixture)
        for (const [at, value] of changes) bytes[at] = value
        refusal(bytes)
      }),
      { numRuns: 2000 },
    )
    fc.assert(
      fc.property(fc.json(), (json) => void refusal(fileOf(json, 16))),
      { numRuns: 500 },
    )
  })
})
