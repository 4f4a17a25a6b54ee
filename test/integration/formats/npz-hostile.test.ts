import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readTensorFile } from '#main/formats/tensor-file.ts'
import { AppError } from '#shared/errors.ts'
import { npyOf, type ZipMember, zipOf } from './zip-writer.ts'

const fixtures = join(import.meta.dirname, '..', '..', 'unit', 'formats', 'fixtures')
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tmu-npz-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function outcomeOf(bytes: Uint8Array): Promise<string> {
  const path = join(folder, 'file.npz')
  await writeFile(path, bytes)
  try {
    await readTensorFile(path)
  } catch (error) {
    if (error instanceof AppError && error.code === 'bad-input') return error.message
    throw error
  }
  return 'accepted'
}

const dictionary = (descr = '<f4', shape = '(2,)', order = 'False'): string =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }\n`
const eight = new Uint8Array(8)
const one = (content: Uint8Array, more: Partial<ZipMember> = {}): Buffer => zipOf([{ name: 'a.npy', content, ...more }])

describe('a damaged archive', () => {
  it.each(['stored.npz', 'deflated.npz'])('is refused wherever it was cut off (%s)', async (name) => {
    const bytes = await readFile(join(fixtures, name))
    for (let length = 0; length < bytes.length; length++) {
      expect(await outcomeOf(bytes.subarray(0, length)), `${length} bytes`).toMatch(/file\.npz" is /)
    }
  })

  it.each(['stored.npz', 'deflated.npz'])(
    'is read or refused, never anything else, when bytes of it change (%s)',
    async (name) => {
      const original = await readFile(join(fixtures, name))
      const change = fc.tuple(fc.nat(original.length - 1), fc.nat(255))
      await fc.assert(
        fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
          const bytes = Uint8Array.from(original)
          for (const [at, value] of changes) bytes[at] = value
          await outcomeOf(bytes)
        }),
        { numRuns: 600 },
      )
    },
  )

  it('is refused when a stored byte changed, by its checksum', async () => {
    expect(await outcomeOf(one(npyOf(dictionary(), eight)))).toBe('accepted')
    expect(await outcomeOf(one(npyOf(dictionary(), eight), { checksum: 1 }))).toMatch(/"a" .* checksum/)
  })

  it('leaves no file open behind a refusal', async () => {
    const open = async (): Promise<number> => (await readdir('/proc/self/fd').catch(() => [])).length
    const bytes = await readFile(join(fixtures, 'deflated.npz'))
    const before = await open()
    for (let i = 0; i < 30; i++) await outcomeOf(bytes.subarray(0, bytes.length - 40 * i - 1))
    for (let i = 0; i < 30; i++) await outcomeOf(one(npyOf(dictionary('|O'), eight)))
    await expect.poll(open).toBeLessThanOrEqual(before)
  })
})

describe('an archive that lies', () => {
  it('about a size, promising terabytes in a kilobyte, is refused before anything is allocated', async () => {
    const huge = npyOf(dictionary('<f4', '(1000000000000,)'), eight)
    expect(await outcomeOf(one(huge))).toMatch(/"a" .* impossible shape \[1000000000000\]/)
    const large = npyOf(dictionary('<f4', '(500000000,)'), eight)
    expect(await outcomeOf(one(large))).toMatch(/"a" .* has 8 bytes where its shape takes 2000000000/)
    expect(await outcomeOf(one(large, { deflate: true, uncompressedSize: 0xfffffff0 }))).toMatch(
      /says it unpacks to more than/,
    )
  })

  it('as a zip bomb is refused', async () => {
    const bomb = npyOf(dictionary('|u1', '(300000000,)'), new Uint8Array(300_000_000))
    expect(await outcomeOf(one(bomb, { deflate: true }))).toMatch(/unpacks to more than/)
  })

  it.each<readonly [what: string, bytes: Buffer, sentence: RegExp]>([
    [
      'with fewer bytes than its shape',
      one(npyOf(dictionary('<f4', '(3,)'), eight)),
      /has 8 bytes where its shape takes 12/,
    ],
    [
      'with more bytes than its shape',
      one(npyOf(dictionary('<f4', '(1,)'), eight)),
      /has 8 bytes where its shape takes 4/,
    ],
    [
      'with a member unpacking to more than it said',
      one(npyOf(dictionary(), eight), { deflate: true, uncompressedSize: 20 }),
      /"a" .*damaged|ends in its header/,
    ],
    ['with a pickle in it', zipOf([{ name: 'data.pkl', content: eight }]), /holds "data\.pkl", which is not an array/],
    ['with an object array', one(npyOf(dictionary('|O'), eight)), /object array: it holds a Python pickle/],
    [
      'with the same array twice',
      zipOf([
        { name: 'a.npy', content: eight },
        { name: 'a.npy', content: eight },
      ]),
      /array "a" twice/,
    ],
    ['with an encrypted member', one(npyOf(dictionary(), eight), { flags: 1, deflate: true }), /"a" .* encrypted/],
    ['with another compression', one(npyOf(dictionary(), eight), { method: 12 }), /unknown method 12/],
    ['with a path out of the folder', zipOf([{ name: '../a.npy', content: eight }]), /not a readable npz archive/],
    ['with a member that is not numpy', one(eight), /"a" .* not in numpy format/],
    ['with an empty member', one(new Uint8Array(0)), /"a" .* ends in its header/],
    ['with a future version', one(npyOf(dictionary(), eight, 4)), /unknown format version 4/],
    ['with a giant header', one(npyOf(' '.repeat(70_000), eight, 2)), /header of 70000 bytes/],
    [
      'with code in its header',
      one(npyOf("{'descr': '<f4', 'fortran_order': False, 'shape': (__import__('os').system('x'),)}", eight)),
      /numpy would not write/,
    ],
    ['with a number for a shape', one(npyOf(dictionary('<f4', '(2)'), eight)), /numpy would not write/],
    ['with a missing key', one(npyOf("{'descr': '<f4', 'shape': (2,), }", eight)), /numpy would not write/],
    [
      'with a repeated key',
      one(npyOf("{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (2,), }", eight)),
      /numpy would not write/,
    ],
    ['with endless empty texts', one(npyOf(dictionary('<U0', '(9000000000000000,)'))), /texts of no length/],
    [
      'with a text beyond Unicode',
      one(npyOf(dictionary('<U1', '(2,)'), new Uint8Array(8).fill(0xff))),
      /not Unicode at position 0/,
    ],
    [
      'with bytes that are not UTF-8',
      one(npyOf(dictionary('|S4', '(2,)'), new Uint8Array(8).fill(0xff))),
      /not Unicode at position 0/,
    ],
    [
      'with booleans of 7',
      one(npyOf(dictionary('|b1', '(8,)'), new Uint8Array(8).fill(7))),
      /booleans other than 0 and 1/,
    ],
    ['with a date type', one(npyOf(dictionary('<M8', '(1,)'), eight)), /type "<M8", which is not read/],
  ])('%s is refused', async (_what, bytes, sentence) => {
    expect(await outcomeOf(bytes)).toMatch(sentence)
  })

  it.each(['2', '3'])('does not hide that format version %s is fine', async (version) => {
    expect(await outcomeOf(one(npyOf(dictionary(), eight, Number(version))))).toBe('accepted')
  })
})
