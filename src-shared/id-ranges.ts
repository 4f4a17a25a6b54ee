import { AppError } from './errors.ts'

/**
 * Ascending sample indices as text, runs as ranges: `0-4,7,9-12`. Short for what people select (a folder, a page, a
 * class), readable in a stored rule, and exact.
 */
export function encodeIdRanges(ids: ArrayLike<number>): string {
  const parts: string[] = []
  for (let i = 0; i < ids.length; ) {
    let end = i
    while (end + 1 < ids.length && ids[end + 1] === ids[end] + 1) end++
    parts.push(end === i ? String(ids[i]) : `${ids[i]}-${ids[end]}`)
    i = end + 1
  }
  return parts.join(',')
}

/**
 * The indices of such a text, ascending and distinct, whatever order it names them in.
 * @throws AppError `bad-input` for anything else, and for indices from `limit` on.
 */
export function decodeIdRanges(text: string, limit: number): Int32Array {
  if (text.trim() === '') return new Int32Array()
  const chosen = new Uint8Array(limit)
  let count = 0
  for (const part of text.split(',')) {
    const match = /^\s*(\d{1,10})(?:-(\d{1,10}))?\s*$/.exec(part)
    if (match === null) {
      throw new AppError(
        'bad-input',
        `${JSON.stringify(part.slice(0, 40))} is neither a sample's number nor a range.`,
        {
          hint: 'Write numbers and ranges between commas: 0-4,7,9-12.',
        },
      )
    }
    const first = Number(match[1])
    const last = match[2] === undefined ? first : Number(match[2])
    if (first > last || last >= limit) {
      throw new AppError('bad-input', `There are no samples ${part.trim()}: they are numbered 0 to ${limit - 1}.`)
    }
    for (let id = first; id <= last; id++) {
      count += 1 - chosen[id]
      chosen[id] = 1
    }
  }
  return idsOfMask(chosen, count)
}

/** Where the mask is set, ascending. */
export function idsOfMask(mask: Uint8Array, count = countMask(mask)): Int32Array {
  const ids = new Int32Array(count)
  for (let id = 0, at = 0; at < count; id++) if (mask[id] !== 0) ids[at++] = id
  return ids
}

export function countMask(mask: Uint8Array): number {
  let count = 0
  for (let id = 0; id < mask.length; id++) if (mask[id] !== 0) count++
  return count
}

export function maskOfIds(ids: ArrayLike<number>, length: number): Uint8Array {
  const mask = new Uint8Array(length)
  for (let i = 0; i < ids.length; i++) mask[ids[i]] = 1
  return mask
}
