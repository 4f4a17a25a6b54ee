import { onScopeDispose, shallowRef, triggerRef } from 'vue'
import { bytesOfBase64 } from '../lib/unpack.ts'
import { client } from '../rpc/workbench.ts'

/** Pictures a page: small enough that unpacking one page costs less than a frame. */
const pageSize = 128
const perRow = 16
/** Pages that are kept: about 16,000 pictures of 32x32, 64 MiB. */
const keptPages = 128
const inFlight = 3

interface Page {
  readonly bitmap: ImageBitmap
  readonly samples: readonly number[]
}

/** Where a sample's picture is. */
export interface SheetPlace {
  readonly bitmap: ImageBitmap
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/**
 * Small pictures of a data set's samples, fetched a page at a time as they come into sight. What is wanted is asked for
 * only when there is room: scrolling past thousands asks for none of those that are out of sight again.
 */
export function useSheets(dataset: string) {
  const places = new Map<number, SheetPlace>()
  const pages: Page[] = []
  const asked = new Set<number>()
  /** Moves whenever pictures have come. */
  const arrived = shallowRef({ pages: 0 })
  const controller = new AbortController()
  let wanted: readonly number[] = []
  let running = 0

  onScopeDispose(() => {
    controller.abort()
    for (const { bitmap } of pages) bitmap.close()
  })

  /** The samples that are in sight now, the most important first. */
  function want(samples: readonly number[]): void {
    wanted = samples
    pump()
  }

  function pump(): void {
    while (running < inFlight) {
      const missing: number[] = []
      for (const sample of wanted) {
        if (places.has(sample) || asked.has(sample)) continue
        missing.push(sample)
        if (missing.length === pageSize) break
      }
      if (missing.length === 0) return
      void load(missing)
    }
  }

  async function load(samples: readonly number[]): Promise<void> {
    running++
    let came = false
    for (const sample of samples) asked.add(sample)
    try {
      const { shape, pixels } = await client.samples.sheet(
        { dataset, indices: [...samples] },
        { signal: controller.signal },
      )
      const bitmap = await createImageBitmap(sheetImage(shape, bytesOfBase64(pixels), samples.length))
      if (controller.signal.aborted) return bitmap.close()
      keep({ bitmap, samples }, shape[1], shape[0])
      came = true
    } catch {
      // A picture that didn't come is asked for again when it is next in sight; its place stays empty meanwhile.
    } finally {
      for (const sample of samples) asked.delete(sample)
      running--
    }
    if (came) pump()
  }

  function keep(page: Page, width: number, height: number): void {
    pages.push(page)
    page.samples.forEach((sample, i) => {
      const [x, y] = [(i % perRow) * width, Math.floor(i / perRow) * height]
      places.set(sample, { bitmap: page.bitmap, x, y, width, height })
    })
    if (pages.length > keptPages) {
      const oldest = pages.shift()
      for (const sample of oldest?.samples ?? []) {
        if (places.get(sample)?.bitmap === oldest?.bitmap) places.delete(sample)
      }
      oldest?.bitmap.close()
    }
    arrived.value.pages++
    triggerRef(arrived)
  }

  return { places, want, arrived }
}

/** uint8 [n, h, w, c] as one picture, sixteen a row. */
function sheetImage(shape: readonly [number, number, number], bytes: Uint8Array, count: number): ImageData {
  const [height, width, channels] = shape
  const sheetWidth = perRow * width
  const sheetHeight = Math.ceil(count / perRow) * height
  const target = new Uint32Array(sheetWidth * sheetHeight)
  let from = 0
  for (let n = 0; n < count; n++) {
    const left = (n % perRow) * width
    const top = Math.floor(n / perRow) * height
    for (let y = 0; y < height; y++) {
      let at = (top + y) * sheetWidth + left
      for (let x = 0; x < width; x++) {
        const red = bytes[from]
        const green = channels >= 3 ? bytes[from + 1] : red
        const blue = channels >= 3 ? bytes[from + 2] : red
        target[at++] = 0xff000000 | (blue << 16) | (green << 8) | red
        from += channels
      }
    }
  }
  return new ImageData(new Uint8ClampedArray(target.buffer), sheetWidth, sheetHeight)
}
