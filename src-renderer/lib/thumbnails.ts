/** One sample's picture, RGBA. */
export interface Thumbnail {
  readonly width: number
  readonly height: number
  readonly rgba: Uint8ClampedArray<ArrayBuffer>
}

/** uint8 [n, h, w, c] in base64, c = 1 (grey) or 3 (RGB), to one RGBA picture each. */
export function decodeThumbnails(shape: readonly [number, number, number], base64: string): readonly Thumbnail[] {
  const [height, width, channels] = shape
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
  const pixels = height * width
  const count = Math.floor(bytes.length / (pixels * channels))
  return Array.from({ length: count }, (_, n) => {
    const rgba = new Uint8ClampedArray(pixels * 4)
    for (let pixel = 0; pixel < pixels; pixel++) {
      const from = (n * pixels + pixel) * channels
      for (let channel = 0; channel < 3; channel++)
        rgba[pixel * 4 + channel] = bytes[from + (channels >= 3 ? channel : 0)] ?? 0
      rgba[pixel * 4 + 3] = 255
    }
    return { width, height, rgba }
  })
}
