import { createHash } from 'node:crypto'

const bytesPerDigest = 16

/**
 * Finds exact copies among millions of byte strings: an open-addressing table of 128-bit digests in typed arrays, 20 to
 * 44 bytes an entry. Two different strings with one digest are out of the question.
 */
export class DigestIndex {
  #slots = new Int32Array(1024).fill(-1)
  #digests = new Uint32Array((1024 * bytesPerDigest) / 4)
  #count = 0

  /** Adds the next entry; returns the index of the first one with the same bytes, or -1. */
  add(bytes: Uint8Array): number {
    if (2 * (this.#count + 1) > this.#slots.length) this.#grow()
    const digest = createHash('sha256').update(bytes).digest()
    const at = this.#count * 4
    for (let word = 0; word < 4; word++) this.#digests[at + word] = digest.readUInt32LE(4 * word)
    const slot = this.#find(at)
    const found = this.#slots[slot]
    this.#count++
    if (found < 0) this.#slots[slot] = this.#count - 1
    return found
  }

  /** The slot of the digest at that place, or the free one where it belongs. */
  #find(at: number): number {
    const digests = this.#digests
    const mask = this.#slots.length - 1
    for (let slot = digests[at] & mask; ; slot = (slot + 1) & mask) {
      const other = this.#slots[slot] * 4
      if (other < 0) return slot
      if (
        digests[at] === digests[other] &&
        digests[at + 1] === digests[other + 1] &&
        digests[at + 2] === digests[other + 2] &&
        digests[at + 3] === digests[other + 3]
      ) {
        return slot
      }
    }
  }

  #grow(): void {
    const held = this.#slots.filter((entry) => entry >= 0)
    this.#slots = new Int32Array(this.#slots.length * 2).fill(-1)
    const digests = new Uint32Array(this.#slots.length * 2)
    digests.set(this.#digests.subarray(0, this.#count * 4))
    this.#digests = digests
    for (const entry of held) this.#slots[this.#find(entry * 4)] = entry
  }
}
