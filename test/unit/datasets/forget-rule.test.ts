import { describe, expect, it } from 'vitest'
import { chooseForgetSet, type ForgetContext, outsideMembers } from '#main/workbench/forget-sets/forget-rule.ts'
import { matchIds, parseIdsFile } from '#main/workbench/forget-sets/ids-file.ts'
import { AppError } from '#shared/errors.ts'

/** 40 samples: even ones cats, odd ones dogs; the first 30 are members. No horse is. */
const labels = Int32Array.from({ length: 40 }, (_, id) => (id >= 38 ? 2 : id % 2))
const names = Array.from(labels, (label, id) => `${['cat', 'dog', 'horse'][label]}/${id}.png`)
const members = Int32Array.from({ length: 30 }, (_, id) => id)
const context: ForgetContext = { members, labels, classNames: ['cat', 'dog', 'horse'], names }

function errorOf(work: () => unknown): AppError {
  try {
    work()
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('was not refused')
}

describe('a fraction of a class', () => {
  it('is that share of the members of the class, and nothing else', () => {
    const { ids } = chooseForgetSet({ kind: 'class', className: 'dog', fraction: 0.4 }, context, 1)
    expect(ids).toHaveLength(6)
    expect([...ids].every((id) => id < 30 && id % 2 === 1)).toBe(true)
    expect(ids).toEqual(ids.toSorted())
  })

  it('is the same for the same seed, another for another, and grows by adding', () => {
    const choose = (fraction: number, seed: number): Int32Array =>
      chooseForgetSet({ kind: 'class', className: 'dog', fraction }, context, seed).ids
    expect(choose(0.4, 7)).toEqual(choose(0.4, 7))
    expect(choose(0.4, 7)).not.toEqual(choose(0.4, 8))
    expect([...choose(0.8, 7)]).toEqual(expect.arrayContaining([...choose(0.4, 7)]))
  })

  it('may be the whole class', () => {
    const { ids } = chooseForgetSet({ kind: 'class', className: 'cat', fraction: 1 }, context, 1)
    expect([...ids]).toEqual(Array.from({ length: 15 }, (_, i) => 2 * i))
  })

  it.each<readonly [string, string, number, RegExp]>([
    ['an unknown class', 'fox', 0.5, /no class "fox"/],
    ['a class without members', 'horse', 0.5, /"horse" has no members/],
    ['so little that nobody is chosen', 'dog', 0.01, /1 % of the 15 members of the class "dog" is no image at all/],
    ['a fraction of 0', 'dog', 0, /does not lie between 0 and 1/],
    ['a fraction above 1', 'dog', 30, /does not lie between 0 and 1/],
  ])('refuses %s', (_what, className, fraction, sentence) => {
    const error = errorOf(() => chooseForgetSet({ kind: 'class', className, fraction }, context, 1))
    expect(error.code).toBe('bad-input')
    expect(error.message).toMatch(sentence)
  })

  it('names the classes there are, and the one that may be meant', () => {
    const error = errorOf(() => chooseForgetSet({ kind: 'class', className: 'Dogs', fraction: 1 }, context, 1))
    expect(error.hint).toBe('Did you mean "dog"? Its classes are "cat", "dog", "horse".')
  })
})

describe('a random share', () => {
  it('is drawn from all members', () => {
    const { ids } = chooseForgetSet({ kind: 'random', fraction: 0.5 }, context, 1)
    expect(ids).toHaveLength(15)
    expect(Math.max(...ids)).toBeLessThan(30)
  })

  it('is refused when it is everything', () => {
    expect(() => chooseForgetSet({ kind: 'random', fraction: 1 }, context, 1)).toThrow(/nothing would be retained/)
  })
})

describe('a list of samples', () => {
  const choose = (entries: readonly string[]): ReturnType<typeof chooseForgetSet> =>
    chooseForgetSet({ kind: 'ids', source: 'list.csv' }, { ...context, entries }, 1)

  it('names them by path, by index or by a file name that only one has', () => {
    expect([...choose(['dog/7.png', '4', './cat/2.png', '9.png', 'cat\\12.png']).ids]).toEqual([2, 4, 7, 9, 12])
  })

  it('counts entries that name a sample once more', () => {
    expect(choose(['dog/7.png', '7', '3'])).toMatchObject({ ids: Int32Array.from([3, 7]), repeated: 1 })
  })

  it('refuses entries that name nothing, with all of them', () => {
    const error = errorOf(() => choose(['3', 'fox/1.png', '40', '-1', '1e3']))
    expect(error.message).toMatch(
      /^4 of the 5 entries of "list.csv" name no sample of the data set: "fox\/1.png", "40", "-1" and "1e3"/,
    )
    expect(error.details).toEqual({ unmatched: ['fox/1.png', '40', '-1', '1e3'] })
  })

  it('refuses samples outside the members, with all of them', () => {
    const { ids, outside } = choose(['3', '35', 'cat/36.png'])
    expect([...outside]).toEqual([35, 36])
    const error = outsideMembers(outside, ids.length, names, '"list.csv"')
    expect(error.message).toMatch(
      /^2 of the 3 samples of "list.csv" are not members of this split: "dog\/35.png" and "cat\/36.png"/,
    )
    expect(error.details).toEqual({ outside: [35, 36], names: ['dog/35.png', 'cat/36.png'] })
  })

  it('refuses an empty list and one of all members', () => {
    expect(() => choose([])).toThrow(/names no samples/)
    expect(() => choose([...members].map(String))).toThrow(/nothing would be retained/)
  })

  it('does not take a file name that several samples have', () => {
    expect(matchIds(['1.png'], ['a/1.png', 'b/1.png']).unmatched).toEqual(['1.png'])
  })
})

describe('the file of a list', () => {
  const parse = (text: string): readonly string[] => parseIdsFile(new TextEncoder().encode(text), 'list.txt')

  it('has one entry a line, with any line ends and without empty lines', () => {
    expect(parse('a/1.png\r\n\r\n  a/2.png \na/3.png')).toEqual(['a/1.png', 'a/2.png', 'a/3.png'])
  })

  it('may hold names with commas when it has no header', () => {
    expect(parse('a/b, c.png\n"a/d.png"\n')).toEqual(['a/b, c.png', 'a/d.png'])
  })

  it('may have a header, and other columns', () => {
    expect(parse('id\n3\n4\n')).toEqual(['3', '4'])
    expect(parse('patient,path,age\nP1,"a/b, c.png",7\nP2,a/2.png,8\n')).toEqual(['a/b, c.png', 'a/2.png'])
    expect(parse('patient;file\nP1;1.png\n')).toEqual(['1.png'])
  })

  it('may start with a byte order mark', () => {
    expect(parse('\ufeffid\n3\n')).toEqual(['3'])
  })

  it('may be empty', () => {
    expect(parse('')).toEqual([])
    expect(parse('\n\n')).toEqual([])
  })

  it('is refused when it is no text', () => {
    expect(() => parseIdsFile(Uint8Array.of(0xff, 0xfe, 0x41), 'list.txt')).toThrow(/"list.txt" is not a text file/)
    expect(() => parse('a\0b')).toThrow(/not a text file/)
  })
})
