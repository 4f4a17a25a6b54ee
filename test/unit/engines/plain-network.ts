/** Layers in float64 and plain loops, written from their definitions: what the tensor kernels are held against. */

export interface Image {
  readonly shape: readonly [batch: number, height: number, width: number, channels: number]
  readonly values: Float64Array
}

export type Pad = 'same' | 'valid'

/** Output length and leading padding of one axis, as TensorFlow defines them. */
export function axisOf(length: number, window: number, stride: number, pad: Pad): { out: number; before: number } {
  if (pad === 'valid') return { out: Math.floor((length - window) / stride) + 1, before: 0 }
  const out = Math.ceil(length / stride)
  return { out, before: Math.floor(Math.max(0, (out - 1) * stride + window - length) / 2) }
}

const indexOf = ([, height, width, channels]: Image['shape'], b: number, y: number, x: number, c: number): number =>
  ((b * height + y) * width + x) * channels + c

export function plainConv2d(
  image: Image,
  filter: { readonly shape: readonly [number, number, number, number]; readonly values: Float64Array },
  bias: Float64Array,
  opts: { readonly strides: readonly [number, number]; readonly pad: Pad; readonly relu: boolean },
): Image {
  const [batch, height, width, channels] = image.shape
  const [kernelHeight, kernelWidth, , filters] = filter.shape
  const rows = axisOf(height, kernelHeight, opts.strides[0], opts.pad)
  const columns = axisOf(width, kernelWidth, opts.strides[1], opts.pad)
  const shape = [batch, rows.out, columns.out, filters] as const
  const values = new Float64Array(batch * rows.out * columns.out * filters)
  for (let b = 0; b < batch; b++) {
    for (let oy = 0; oy < rows.out; oy++) {
      for (let ox = 0; ox < columns.out; ox++) {
        for (let f = 0; f < filters; f++) {
          let sum = bias[f]
          for (let i = 0; i < kernelHeight; i++) {
            for (let j = 0; j < kernelWidth; j++) {
              const y = oy * opts.strides[0] - rows.before + i
              const x = ox * opts.strides[1] - columns.before + j
              if (y < 0 || y >= height || x < 0 || x >= width) continue
              for (let c = 0; c < channels; c++) {
                const weight = filter.values[((i * kernelWidth + j) * channels + c) * filters + f]
                sum += weight * image.values[indexOf(image.shape, b, y, x, c)]
              }
            }
          }
          values[indexOf(shape, b, oy, ox, f)] = opts.relu ? Math.max(0, sum) : sum
        }
      }
    }
  }
  return { shape, values }
}

export function plainMaxPool(
  image: Image,
  opts: { readonly size: number; readonly strides: readonly [number, number]; readonly pad: Pad },
): Image {
  const [batch, height, width, channels] = image.shape
  const rows = axisOf(height, opts.size, opts.strides[0], opts.pad)
  const columns = axisOf(width, opts.size, opts.strides[1], opts.pad)
  const shape = [batch, rows.out, columns.out, channels] as const
  const values = new Float64Array(batch * rows.out * columns.out * channels).fill(Number.NEGATIVE_INFINITY)
  for (let b = 0; b < batch; b++) {
    for (let oy = 0; oy < rows.out; oy++) {
      for (let ox = 0; ox < columns.out; ox++) {
        for (let i = 0; i < opts.size; i++) {
          for (let j = 0; j < opts.size; j++) {
            const y = oy * opts.strides[0] - rows.before + i
            const x = ox * opts.strides[1] - columns.before + j
            if (y < 0 || y >= height || x < 0 || x >= width) continue
            for (let c = 0; c < channels; c++) {
              const at = indexOf(shape, b, oy, ox, c)
              values[at] = Math.max(values[at], image.values[indexOf(image.shape, b, y, x, c)])
            }
          }
        }
      }
    }
  }
  return { shape, values }
}

/** x: [rows, inputs], kernel: [inputs, units], both row-major. */
export function plainDense(
  x: Float64Array,
  kernel: Float64Array,
  bias: Float64Array,
  opts: { readonly relu: boolean },
): Float64Array {
  const units = bias.length
  const inputs = kernel.length / units
  const out = new Float64Array((x.length / inputs) * units)
  for (let row = 0; row < x.length / inputs; row++) {
    for (let unit = 0; unit < units; unit++) {
      let sum = bias[unit]
      for (let i = 0; i < inputs; i++) sum += x[row * inputs + i] * kernel[i * units + unit]
      out[row * units + unit] = opts.relu ? Math.max(0, sum) : sum
    }
  }
  return out
}

/** -sum(target log softmax(logits)) of each row. */
export function plainCrossEntropy(logits: Float64Array, targets: Float64Array, classes: number): Float64Array {
  return Float64Array.from({ length: logits.length / classes }, (_, row) => {
    const z = logits.subarray(row * classes, (row + 1) * classes)
    const largest = Math.max(...z)
    const logPartition = largest + Math.log(z.reduce((sum, value) => sum + Math.exp(value - largest), 0))
    return z.reduce((sum, value, i) => sum + targets[row * classes + i] * (logPartition - value), 0)
  })
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}

/** Central difference of `f` at `point` along `direction`. */
export function slope(
  f: (point: Float64Array) => number,
  point: ArrayLike<number>,
  direction: ArrayLike<number>,
  step = 1e-6,
): number {
  const moved = (sign: number): number =>
    f(Float64Array.from({ length: point.length }, (_, i) => point[i] + sign * step * direction[i]))
  return (moved(1) - moved(-1)) / (2 * step)
}
