import { type DecodedImage, dropEqualChannels } from '#main/formats/images.ts'

/** How the values of a raw image are laid out. */
export type ChannelOrder = 'interleaved' | 'planar'

/** A raw uint8 image as the decoders would give it: RGB interleaved, one channel where all three are equal. */
export function rawImage(
  bytes: Uint8Array,
  width: number,
  height: number,
  channels: 1 | 3,
  order: ChannelOrder = 'interleaved',
): DecodedImage {
  if (channels === 1) return { width, height, channels, pixels: bytes }
  if (order === 'interleaved') return dropEqualChannels({ width, height, channels, pixels: bytes })
  const count = width * height
  const pixels = new Uint8Array(count * 3)
  for (let i = 0, to = 0; i < count; i++) {
    pixels[to++] = bytes[i]
    pixels[to++] = bytes[count + i]
    pixels[to++] = bytes[2 * count + i]
  }
  return dropEqualChannels({ width, height, channels, pixels })
}

/** Groups of consecutive wanted rows, at most `maxRows` each: what one read brings. */
export function* rowRuns(
  indices: readonly number[] | null,
  count: number,
  maxRows: number,
): Generator<{ readonly first: number; readonly count: number }> {
  if (indices === null) {
    for (let first = 0; first < count; first += maxRows) yield { first, count: Math.min(maxRows, count - first) }
    return
  }
  for (let at = 0; at < indices.length; ) {
    let run = 1
    while (run < maxRows && at + run < indices.length && indices[at + run] === indices[at] + run) run++
    yield { first: indices[at], count: run }
    at += run
  }
}
