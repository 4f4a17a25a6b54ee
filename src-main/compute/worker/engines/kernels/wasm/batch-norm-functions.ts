/**
 * Batch normalisation in WebAssembly, over a row-major matrix [rows, columns] whose columns are the channels. Sums run in
 * float64 and in a fixed order.
 */
import {
  assembleFunction,
  type FunctionBuilder,
  f32,
  f32x4,
  f64,
  f64x2,
  type I32,
  i32,
  type Local,
  type V128,
  v128,
} from './assembler.ts'

/** All ones where `relu` is 0, so that a relu's mask lets everything pass. */
function passAll(f: FunctionBuilder, relu: Local<'i32'>): Local<'v128'> {
  const pass = f.v128(v128.zero())
  f.when(i32.eqz(relu), () => f.set(pass, f32x4.eq(pass, pass)))
  return pass
}

/**
 * Visits every element, four columns at a time and then one at a time. `load` and `store` work at the current place of a
 * matrix, which advances by itself; `loadColumn` reads a vector of one value a column.
 */
function forElements(
  f: FunctionBuilder,
  rows: Local<'i32'>,
  columns: Local<'i32'>,
  matrices: readonly Local<'i32'>[],
  body: (
    load: (matrix: I32) => V128,
    loadColumn: (vector: I32) => V128,
    store: (matrix: I32, value: V128) => void,
  ) => void,
): void {
  const offset = f.i32()
  const rowBytes = f.i32(i32.shl(columns, i32.const(2)))
  const wideBytes = f.i32(i32.sub(rowBytes, i32.const(12)))
  const advance = (bytes: number): void => {
    for (const matrix of matrices) f.advance(matrix, bytes)
    f.advance(offset, bytes)
  }
  f.while(i32.gtS(rows, i32.const(0)), () => {
    f.set(offset, i32.const(0))
    f.while(i32.ltS(offset, wideBytes), () => {
      body(
        (matrix) => v128.load(matrix),
        (vector) => v128.load(i32.add(vector, offset)),
        (matrix, value) => f.store128(matrix, value),
      )
      advance(16)
    })
    f.while(i32.ltS(offset, rowBytes), () => {
      body(
        (matrix) => v128.load32Zero(matrix),
        (vector) => v128.load32Zero(i32.add(vector, offset)),
        (matrix, value) => f.storeLane32(matrix, value, 0),
      )
      advance(4)
    })
    f.advance(rows, -1)
  })
}

/**
 * Runs `four` for four columns at a time and `one` for the rest, with the byte offset of the column's first element; each
 * goes over all rows by itself.
 */
function forColumns(
  f: FunctionBuilder,
  columns: Local<'i32'>,
  four: (offset: Local<'i32'>) => void,
  one: (offset: Local<'i32'>) => void,
): void {
  const offset = f.i32(i32.const(0))
  const left = f.i32(columns)
  f.while(i32.geS(left, i32.const(4)), () => {
    four(offset)
    f.advance(offset, 16)
    f.advance(left, -4)
  })
  f.while(i32.gtS(left, i32.const(0)), () => {
    one(offset)
    f.advance(offset, 4)
    f.advance(left, -1)
  })
}

/** Mean and biased variance of each column: two passes, since the difference of two large sums would lose digits. */
export const columnMoments = assembleFunction(
  { source: 'i32', mean: 'i32', variance: 'i32', rows: 'i32', columns: 'i32', perRow: 'f64' },
  (f, { source, mean, variance, rows, columns, perRow }) => {
    const rowBytes = f.i32(i32.shl(columns, i32.const(2)))
    const at = f.i32()
    const left = f.i32()
    const row = f.v128()
    const [low, high, lowSquares, highSquares, half] = Array.from({ length: 5 }, () => f.v128())
    const scale = f.v128(f64x2.splat(perRow))
    const single = f.f64()
    const squares = f.f64()
    const distance = f.f64()

    const overRows = (offset: I32, body: () => void): void => {
      f.set(at, i32.add(source, offset))
      f.set(left, rows)
      f.while(i32.gtS(left, i32.const(0)), () => {
        body()
        f.advance(at, rowBytes)
        f.advance(left, -1)
      })
    }
    const storeHalves = (target: Local<'i32'>, offset: I32, [first, second]: readonly V128[]): void => {
      const place = i32.add(target, offset)
      f.store32(place, f32.demote(f64.lane(first, 0)))
      f.store32(place, f32.demote(f64.lane(first, 1)), 4)
      f.store32(place, f32.demote(f64.lane(second, 0)), 8)
      f.store32(place, f32.demote(f64.lane(second, 1)), 12)
    }

    forColumns(
      f,
      columns,
      (offset) => {
        for (const sum of [low, high, lowSquares, highSquares]) f.set(sum, v128.zero())
        overRows(offset, () => {
          f.set(row, v128.load(at))
          f.set(low, f64x2.add(low, f64x2.promoteLow(row)))
          f.set(high, f64x2.add(high, f64x2.promoteHigh(row)))
        })
        f.set(low, f64x2.mul(low, scale))
        f.set(high, f64x2.mul(high, scale))
        storeHalves(mean, offset, [low, high])
        overRows(offset, () => {
          f.set(row, v128.load(at))
          f.set(half, f64x2.sub(f64x2.promoteLow(row), low))
          f.set(lowSquares, f64x2.add(lowSquares, f64x2.mul(half, half)))
          f.set(half, f64x2.sub(f64x2.promoteHigh(row), high))
          f.set(highSquares, f64x2.add(highSquares, f64x2.mul(half, half)))
        })
        storeHalves(variance, offset, [f64x2.mul(lowSquares, scale), f64x2.mul(highSquares, scale)])
      },
      (offset) => {
        f.set(single, f64.const(0))
        f.set(squares, f64.const(0))
        overRows(offset, () => f.set(single, f64.add(single, f64.promote(f32.load(at)))))
        f.set(single, f64.mul(single, perRow))
        f.store32(i32.add(mean, offset), f32.demote(single))
        overRows(offset, () => {
          f.set(distance, f64.sub(f64.promote(f32.load(at)), single))
          f.set(squares, f64.add(squares, f64.mul(distance, distance)))
        })
        f.store32(i32.add(variance, offset), f32.demote(f64.mul(squares, perRow)))
      },
    )
  },
)

/** y = relu?((x - mean) scale + shift), with a mean, scale and shift for each column. */
export const normaliseColumns = assembleFunction(
  { x: 'i32', y: 'i32', mean: 'i32', scale: 'i32', shift: 'i32', rows: 'i32', columns: 'i32', relu: 'i32' },
  (f, { x, y, mean, scale, shift, rows, columns, relu }) => {
    // A maximum, not a comparison: a NaN must come through.
    const least = f.v128(v128.zero())
    f.when(i32.eqz(relu), () => f.set(least, f32x4.splat(f32.demote(f64.const(Number.NEGATIVE_INFINITY)))))
    forElements(f, rows, columns, [x, y], (load, loadColumn, store) => {
      const centred = f32x4.sub(load(x), loadColumn(mean))
      store(y, f32x4.max(f32x4.add(f32x4.mul(centred, loadColumn(scale)), loadColumn(shift)), least))
    })
  },
)

/** y = relu(x + bias), with a bias for each column. */
export const biasRelu = assembleFunction(
  { x: 'i32', bias: 'i32', y: 'i32', rows: 'i32', columns: 'i32' },
  (f, { x, bias, y, rows, columns }) => {
    forElements(f, rows, columns, [x, y], (load, loadColumn, store) =>
      store(y, f32x4.max(f32x4.add(load(x), loadColumn(bias)), v128.zero())),
    )
  },
)

/** Float64 sums of each column into `sums` [columns] and `products` [columns]: dz and dz (x - mean), dz = relu?(dy). */
export const batchNormSums = assembleFunction(
  {
    dy: 'i32',
    x: 'i32',
    y: 'i32',
    mean: 'i32',
    sums: 'i32',
    products: 'i32',
    rows: 'i32',
    columns: 'i32',
    relu: 'i32',
  },
  (f, { dy, x, y, mean, sums, products, rows, columns, relu }) => {
    const rowBytes = f.i32(i32.shl(columns, i32.const(2)))
    const pass = passAll(f, relu)
    const offset = f.i32()
    const left = f.i32()
    const average = f.v128()
    const dz = f.v128()
    const centred = f.v128()
    const half = f.v128()
    const [low, high, lowProducts, highProducts] = Array.from({ length: 4 }, () => f.v128())

    const group = (wide: boolean, start: I32): void => {
      const load = wide ? v128.load : v128.load32Zero
      for (const sum of [low, high, lowProducts, highProducts]) f.set(sum, v128.zero())
      f.set(average, load(i32.add(mean, start)))
      f.set(offset, start)
      f.set(left, rows)
      f.while(i32.gtS(left, i32.const(0)), () => {
        const mask = v128.or(pass, f32x4.gt(load(i32.add(y, offset)), v128.zero()))
        f.set(dz, v128.and(load(i32.add(dy, offset)), mask))
        f.set(centred, f32x4.sub(load(i32.add(x, offset)), average))
        f.set(half, f64x2.promoteLow(dz))
        f.set(low, f64x2.add(low, half))
        f.set(lowProducts, f64x2.add(lowProducts, f64x2.mul(half, f64x2.promoteLow(centred))))
        if (wide) {
          f.set(half, f64x2.promoteHigh(dz))
          f.set(high, f64x2.add(high, half))
          f.set(highProducts, f64x2.add(highProducts, f64x2.mul(half, f64x2.promoteHigh(centred))))
        }
        f.advance(offset, rowBytes)
        f.advance(left, -1)
      })
      // A float64 takes twice the place of a float32.
      for (const [target, first, second] of [
        [sums, low, high],
        [products, lowProducts, highProducts],
      ] as const) {
        const place = i32.add(target, i32.shl(start, i32.const(1)))
        f.storeF64(place, f64.lane(first, 0))
        if (!wide) continue
        f.storeF64(place, f64.lane(first, 1), 8)
        f.storeF64(place, f64.lane(second, 0), 16)
        f.storeF64(place, f64.lane(second, 1), 24)
      }
    }

    forColumns(
      f,
      columns,
      (start) => group(true, start),
      (start) => group(false, start),
    )
  },
)

/** dx = scale (dz - shift - (x - mean) slope), with a scale, shift, mean and slope for each column, dz = relu?(dy). */
export const batchNormInput = assembleFunction(
  {
    dy: 'i32',
    x: 'i32',
    y: 'i32',
    dx: 'i32',
    mean: 'i32',
    scale: 'i32',
    shift: 'i32',
    slope: 'i32',
    rows: 'i32',
    columns: 'i32',
    relu: 'i32',
  },
  (f, { dy, x, y, dx, mean, scale, shift, slope, rows, columns, relu }) => {
    const pass = passAll(f, relu)
    forElements(f, rows, columns, [dy, x, y, dx], (load, loadColumn, store) => {
      const dz = v128.and(load(dy), v128.or(pass, f32x4.gt(load(y), v128.zero())))
      const trend = f32x4.mul(f32x4.sub(load(x), loadColumn(mean)), loadColumn(slope))
      store(dx, f32x4.mul(loadColumn(scale), f32x4.sub(f32x4.sub(dz, loadColumn(shift)), trend)))
    })
  },
)
