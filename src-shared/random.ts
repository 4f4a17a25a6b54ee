/**
 * Seeded randomness, the same bits on every engine and machine. Generator: xoshiro128** (Blackman and
 * Vigna 2018), seeded through splitmix32 from a seed and a list of labels, so that each use has a
 * stream of its own and adding a use never shifts another one's draws.
 */
export type RandomState = readonly [number, number, number, number]

export class Random {
  #a: number
  #b: number
  #c: number
  #d: number

  private constructor(state: RandomState) {
    this.#a = state[0] | 0
    this.#b = state[1] | 0
    this.#c = state[2] | 0
    this.#d = state[3] | 0
  }

  /** A stream for `seed` (any finite number) and labels that name the use: `Random.of(7, 'split', 'H')`. */
  static of(seed: number, ...labels: readonly (string | number)[]): Random {
    let hash = fnv1a(String(seed))
    for (const label of labels) hash = fnv1a(`\u0000${label}`, hash)
    const next = (): number => {
      hash = (hash + 0x9e3779b9) | 0
      let z = hash
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
      return z ^ (z >>> 15)
    }
    const random = new Random([next(), next(), next(), next()])
    for (let i = 0; i < 8; i++) random.uint32()
    return random
  }

  static restore(state: RandomState): Random {
    return new Random(state)
  }

  get state(): RandomState {
    return [this.#a, this.#b, this.#c, this.#d]
  }

  /** Uniform integer in [0, 2^32). */
  uint32(): number {
    const b = this.#b
    const product = Math.imul(b, 5)
    const result = Math.imul((product << 7) | (product >>> 25), 9)
    const shifted = b << 9
    this.#c ^= this.#a
    this.#d ^= b
    this.#b ^= this.#c
    this.#a ^= this.#d
    this.#c ^= shifted
    this.#d = (this.#d << 11) | (this.#d >>> 21)
    return result >>> 0
  }

  /** Uniform in [0, 1) with 53 random bits. */
  uniform(): number {
    return ((this.uint32() >>> 5) * 67108864 + (this.uint32() >>> 6)) / 9007199254740992
  }

  /** Uniform integer in [0, bound), unbiased. */
  below(bound: number): number {
    const limit = 4294967296 - (4294967296 % bound)
    for (;;) {
      const draw = this.uint32()
      if (draw < limit) return draw % bound
    }
  }

  /** Standard normal (Box-Muller; the second value is dropped so that the state alone says what comes next). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()))
    return radius * Math.cos(2 * Math.PI * this.uniform())
  }

  /** Fisher-Yates, in place; returns its argument. */
  shuffle<T extends { [index: number]: number; readonly length: number } | unknown[]>(items: T): T {
    const list = items as { [index: number]: unknown; readonly length: number }
    for (let i = list.length - 1; i > 0; i--) {
      const j = this.below(i + 1)
      const held = list[i]
      list[i] = list[j]
      list[j] = held
    }
    return items
  }
}

function fnv1a(text: string, start = 0x811c9dc5): number {
  let hash = start
  for (let i = 0; i < text.length; i++) {
    hash ^= text.charCodeAt(i)
    hash = Math.imul(hash, 0x01000193)
  }
  return hash | 0
}
