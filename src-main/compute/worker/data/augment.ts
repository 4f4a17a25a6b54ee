/**
 * Random views of training images: horizontal flips, and crops out of the image with a black border (He et al. 2016,
 * section 4.2: 4 pixels around 32x32). Predictions, features and attacks always see the images as they are.
 */
import type { Augmentation } from '#shared/domain/study.ts'
import type { Random } from '#shared/random.ts'

/** A view of each row of a batch. */
export interface Views {
  /** 1: mirrored left to right. */
  readonly flips: Uint8Array
  /** By how many pixels the crop's corner lies below and to the right of the image's; negative: above, to the left. */
  readonly down: Int8Array
  readonly right: Int8Array
}

/** Border around the image that a crop may reach into, in pixels. */
export function cropBorder({ height, width }: { readonly height: number; readonly width: number }): number {
  return Math.min(127, Math.max(1, Math.round(Math.min(height, width) / 8)))
}

/**
 * Draws a view for each of these items. `drawFor` gives an item's own stream, so that its view doesn't depend on where
 * in which batch it stands, and a resumed training draws the same; an item is a visit: a sample that an epoch visits
 * four times has four views.
 */
export function drawViews(
  augmentation: Augmentation,
  size: { readonly height: number; readonly width: number },
  items: Int32Array,
  drawFor: (item: number) => Random,
): Views {
  const border = augmentation === 'flip-crop' ? cropBorder(size) : 0
  const views = {
    flips: new Uint8Array(items.length),
    down: new Int8Array(items.length),
    right: new Int8Array(items.length),
  }
  for (let i = 0; i < items.length; i++) {
    const random = drawFor(items[i])
    views.flips[i] = random.below(2)
    if (border === 0) continue
    views.down[i] = random.below(2 * border + 1) - border
    views.right[i] = random.below(2 * border + 1) - border
  }
  return views
}

interface Image {
  readonly height: number
  readonly width: number
  readonly channels: number
}

/** Copies the image at `from` to `target`: cropped first, then mirrored. What lies outside of it is black (0). */
export function copyView(
  target: Uint8Array,
  bytes: Uint8Array,
  from: number,
  { height, width, channels }: Image,
  view: { readonly flip: boolean; readonly down: number; readonly right: number },
): void {
  target.fill(0)
  for (let y = 0; y < height; y++) {
    const sourceY = y + view.down
    if (sourceY < 0 || sourceY >= height) continue
    for (let x = 0; x < width; x++) {
      const sourceX = (view.flip ? width - 1 - x : x) + view.right
      if (sourceX < 0 || sourceX >= width) continue
      const source = from + (sourceY * width + sourceX) * channels
      const to = (y * width + x) * channels
      for (let c = 0; c < channels; c++) target[to + c] = bytes[source + c]
    }
  }
}
