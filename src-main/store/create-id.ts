import { randomInt } from 'node:crypto'

/** Crockford's base 32 in lower case: no i, l, o, u, and in ASCII order, so that ids sort as their numbers do. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
const length = 12
/** 40 bits of milliseconds from here last until 2058, then ids grow to 13 characters. */
const epoch = Date.UTC(2024, 0, 1)
const randomBits = 20n

let last = 0n

/**
 * A new id: 12 characters, 40 bits of time and 20 random ones. Ids of one process always ascend, also within one
 * millisecond and when the clock is set back, so that sorting by id is sorting by creation.
 */
export function createId<Id extends string>(now: number = Date.now()): Id {
  const time = BigInt(Math.max(0, Math.floor(now) - epoch))
  const drawn = (time << randomBits) | BigInt(randomInt(2 ** Number(randomBits)))
  last = drawn > last ? drawn : last + 1n + BigInt(randomInt(16))
  let text = ''
  for (let rest = last; rest > 0n; rest >>= 5n) text = alphabet.charAt(Number(rest & 31n)) + text
  return text.padStart(length, '0') as Id
}
