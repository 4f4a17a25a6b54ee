/**
 * Matrix product in WebAssembly, float32.
 *
 * The right-hand matrix is packed into panels of 8 columns ([columns / 8][depth][8], the last one padded with zeros), so
 * that the inner loop reads it in one stream whatever its layout was. A tile of 4 x 8 results stays in registers; larger
 * tiles spill on x64, which has 15 usable vector registers (measured: 4 x 8 is 1.7 times as fast as 6 x 8).
 *
 * Multiplication and addition are separate instructions on purpose: relaxed SIMD's fused one is at most a tenth faster
 * here and rounds differently from processor to processor, and these results must not.
 */
import {
  assembleFunction,
  type F32,
  type FunctionBuilder,
  f32,
  f32x4,
  type I32,
  i32,
  type Local,
  shuffle32,
  v128,
} from './assembler.ts'

const panelWidth = 8
const tileRows = 4
const panelBytes = 4 * panelWidth
const lanes = [0, 1, 2, 3] as const

/** Runs `body` for each of the first `count` (1 to 7) values of a row of the tile. */
function forColumns(
  f: FunctionBuilder,
  count: Local<'i32'>,
  low: Local<'v128'>,
  high: Local<'v128'>,
  body: (value: F32, offset: number) => void,
): void {
  for (const lane of lanes) {
    f.when(i32.gtS(count, i32.const(lane)), () => body(f32x4.lane(low, lane), 4 * lane))
  }
  for (const lane of lanes.slice(0, 3)) {
    f.when(i32.gtS(count, i32.const(4 + lane)), () => body(f32x4.lane(high, lane), 16 + 4 * lane))
  }
}

/** Packs a row-major [depth, columns] matrix. */
export const packRows = assembleFunction(
  { source: 'i32', rowBytes: 'i32', target: 'i32', depth: 'i32', columns: 'i32' },
  (f, { source, rowBytes, target, depth, columns }) => {
    const left = f.i32(columns)
    const column = f.i32(source)
    const from = f.i32()
    const k = f.i32()
    const lane = f.i32()
    f.while(i32.gtS(left, i32.const(0)), () => {
      f.set(from, column)
      f.set(k, depth)
      f.when(
        i32.geS(left, i32.const(panelWidth)),
        () =>
          f.while(i32.gtS(k, i32.const(0)), () => {
            f.store128(target, v128.load(from))
            f.store128(target, v128.load(from, 16), 16)
            f.advance(from, rowBytes)
            f.advance(target, panelBytes)
            f.advance(k, -1)
          }),
        () =>
          f.while(i32.gtS(k, i32.const(0)), () => {
            f.store128(target, v128.zero())
            f.store128(target, v128.zero(), 16)
            f.range(lane, left, 1, () => {
              const offset = i32.shl(lane, i32.const(2))
              f.store32(i32.add(target, offset), f32.load(i32.add(from, offset)))
            })
            f.advance(from, rowBytes)
            f.advance(target, panelBytes)
            f.advance(k, -1)
          }),
      )
      f.advance(column, panelBytes)
      f.advance(left, -panelWidth)
    })
  },
)

/** Packs the transpose of a row-major [columns, depth] matrix. */
export const packColumns = assembleFunction(
  { source: 'i32', rowBytes: 'i32', target: 'i32', depth: 'i32', columns: 'i32' },
  (f, { source, rowBytes, target, depth, columns }) => {
    const left = f.i32(columns)
    const rows = Array.from({ length: panelWidth }, () => f.i32())
    const [a, b, c, d] = [f.v128(), f.v128(), f.v128(), f.v128()] as const
    const [acLow, bdLow, acHigh, bdHigh] = [f.v128(), f.v128(), f.v128(), f.v128()] as const
    const k = f.i32()
    const lane = f.i32()
    const row = rows[0]
    const to = f.i32()

    /** Rows `first` to `first + 3`, four steps of depth. */
    const transposeFour = (first: number): void => {
      ;[a, b, c, d].forEach((vector, index) => f.set(vector, v128.load(rows[first + index])))
      f.set(acLow, shuffle32(a, c, [0, 4, 1, 5]))
      f.set(bdLow, shuffle32(b, d, [0, 4, 1, 5]))
      f.set(acHigh, shuffle32(a, c, [2, 6, 3, 7]))
      f.set(bdHigh, shuffle32(b, d, [2, 6, 3, 7]))
      const offset = 4 * first
      f.store128(target, shuffle32(acLow, bdLow, [0, 4, 1, 5]), offset)
      f.store128(target, shuffle32(acLow, bdLow, [2, 6, 3, 7]), offset + panelBytes)
      f.store128(target, shuffle32(acHigh, bdHigh, [0, 4, 1, 5]), offset + 2 * panelBytes)
      f.store128(target, shuffle32(acHigh, bdHigh, [2, 6, 3, 7]), offset + 3 * panelBytes)
    }

    f.while(i32.gtS(left, i32.const(0)), () => {
      f.set(k, depth)
      f.when(
        i32.geS(left, i32.const(panelWidth)),
        () => {
          for (const row of rows) {
            f.set(row, source)
            f.advance(source, rowBytes)
          }
          f.while(i32.geS(k, i32.const(4)), () => {
            transposeFour(0)
            transposeFour(4)
            for (const row of rows) f.advance(row, 16)
            f.advance(target, 4 * panelBytes)
            f.advance(k, -4)
          })
          f.while(i32.gtS(k, i32.const(0)), () => {
            rows.forEach((row, index) => {
              f.store32(target, f32.load(row), 4 * index)
              f.advance(row, 4)
            })
            f.advance(target, panelBytes)
            f.advance(k, -1)
          })
        },
        () => {
          f.clear(target, i32.mul(depth, i32.const(panelBytes)))
          f.range(lane, left, 1, () => {
            f.set(row, source)
            f.set(to, i32.add(target, i32.shl(lane, i32.const(2))))
            f.set(k, depth)
            f.while(i32.gtS(k, i32.const(0)), () => {
              f.store32(to, f32.load(row))
              f.advance(row, 4)
              f.advance(to, panelBytes)
              f.advance(k, -1)
            })
            f.advance(source, rowBytes)
          })
        },
      )
      f.advance(left, -panelWidth)
    })
  },
)

/**
 * c = a b + bias, then max(c, 0) if `relu`. a: [rows, depth], b: packed, c: [rows, columns], both row-major with rows of
 * the given bytes. bias: packed like a matrix of depth 1, or 0 for none.
 */
export const multiply = assembleFunction(
  {
    a: 'i32',
    aRowBytes: 'i32',
    packed: 'i32',
    c: 'i32',
    cRowBytes: 'i32',
    rows: 'i32',
    columns: 'i32',
    depth: 'i32',
    bias: 'i32',
    relu: 'i32',
  },
  (f, { a, aRowBytes, packed, c, cRowBytes, rows, columns, depth, bias, relu }) => {
    const unroll = 4
    const left = f.i32(columns)
    const row = f.i32()
    const k = f.i32()
    const b = f.i32()
    const last = f.i32(i32.sub(rows, i32.const(1)))
    const aRows = Array.from({ length: tileRows }, () => f.i32())
    const cRow = f.i32()
    const tile = Array.from({ length: tileRows }, () => ({ low: f.v128(), high: f.v128() }))
    const biasLow = f.v128(v128.zero())
    const biasHigh = f.v128(v128.zero())
    const bLow = f.v128()
    const bHigh = f.v128()
    const value = f.v128()

    /** Tiles at the lower edge repeat the last row, so that there is only one kind of tile. */
    const rowOf = (index: number): I32 => {
      const wanted = i32.add(row, i32.const(index))
      return index === 0 ? row : i32.select(i32.ltS(wanted, rows), wanted, last)
    }
    const step = (u: number): void => {
      f.set(bLow, v128.load(b, panelBytes * u))
      f.set(bHigh, v128.load(b, panelBytes * u + 16))
      tile.forEach(({ low, high }, index) => {
        f.set(value, v128.load32Splat(aRows[index], 4 * u))
        f.set(low, f32x4.add(low, f32x4.mul(value, bLow)))
        f.set(high, f32x4.add(high, f32x4.mul(value, bHigh)))
      })
    }
    const next = (steps: number): void => {
      f.advance(b, panelBytes * steps)
      for (const aRow of aRows) f.advance(aRow, 4 * steps)
      f.advance(k, -steps)
    }

    f.while(i32.gtS(left, i32.const(0)), () => {
      f.when(bias, () => {
        f.set(biasLow, v128.load(bias))
        f.set(biasHigh, v128.load(bias, 16))
        f.advance(bias, panelBytes)
      })
      f.range(row, rows, tileRows, () => {
        aRows.forEach((aRow, index) => {
          f.set(aRow, i32.add(a, i32.mul(aRowBytes, rowOf(index))))
        })
        for (const { low, high } of tile) {
          f.set(low, biasLow)
          f.set(high, biasHigh)
        }
        f.set(b, packed)
        f.set(k, depth)
        f.while(i32.geS(k, i32.const(unroll)), () => {
          for (let u = 0; u < unroll; u++) step(u)
          next(unroll)
        })
        f.while(i32.gtS(k, i32.const(0)), () => {
          step(0)
          next(1)
        })
        f.when(relu, () => {
          for (const { low, high } of tile) {
            f.set(low, f32x4.max(low, v128.zero()))
            f.set(high, f32x4.max(high, v128.zero()))
          }
        })
        tile.forEach(({ low, high }, index) => {
          f.set(cRow, i32.add(c, i32.mul(cRowBytes, rowOf(index))))
          f.when(
            i32.geS(left, i32.const(panelWidth)),
            () => {
              f.store128(cRow, low)
              f.store128(cRow, high, 16)
            },
            () => forColumns(f, left, low, high, (result, offset) => f.store32(cRow, result, offset)),
          )
        })
      })
      f.advance(packed, i32.mul(depth, i32.const(panelBytes)))
      f.advance(c, panelBytes)
      f.advance(left, -panelWidth)
    })
  },
)

/** c += transpose(a) b. a: [depth, rows] row-major, b: packed [depth, columns], c: [rows, columns] row-major. */
export const multiplyTransposed = assembleFunction(
  {
    a: 'i32',
    aRowBytes: 'i32',
    packed: 'i32',
    c: 'i32',
    cRowBytes: 'i32',
    rows: 'i32',
    columns: 'i32',
    depth: 'i32',
  },
  (f, { a, aRowBytes, packed, c, cRowBytes, rows, columns, depth }) => {
    const left = f.i32(columns)
    const rowsLeft = f.i32()
    const k = f.i32()
    const aColumn = f.i32()
    const from = f.i32()
    const b = f.i32()
    const cRow = f.i32()
    const tile = Array.from({ length: tileRows }, () => ({ low: f.v128(), high: f.v128() }))
    const bLow = f.v128()
    const bHigh = f.v128()
    const value = f.v128()

    const tileOf = (height: number): void => {
      const used = tile.slice(0, height)
      for (const { low, high } of used) {
        f.set(low, v128.zero())
        f.set(high, v128.zero())
      }
      f.set(from, aColumn)
      f.set(b, packed)
      f.set(k, depth)
      const step = (u: number): void => {
        f.set(bLow, v128.load(b, panelBytes * u))
        f.set(bHigh, v128.load(b, panelBytes * u + 16))
        used.forEach(({ low, high }, index) => {
          f.set(value, v128.load32Splat(from, 4 * index))
          f.set(low, f32x4.add(low, f32x4.mul(value, bLow)))
          f.set(high, f32x4.add(high, f32x4.mul(value, bHigh)))
        })
        f.advance(from, aRowBytes)
      }
      f.while(i32.geS(k, i32.const(4)), () => {
        for (let u = 0; u < 4; u++) step(u)
        f.advance(b, 4 * panelBytes)
        f.advance(k, -4)
      })
      f.while(i32.gtS(k, i32.const(0)), () => {
        step(0)
        f.advance(b, panelBytes)
        f.advance(k, -1)
      })
      for (const { low, high } of used) {
        f.when(
          i32.geS(left, i32.const(panelWidth)),
          () => {
            f.store128(cRow, f32x4.add(v128.load(cRow), low))
            f.store128(cRow, f32x4.add(v128.load(cRow, 16), high), 16)
          },
          () =>
            forColumns(f, left, low, high, (result, offset) =>
              f.store32(cRow, f32.add(f32.load(cRow, offset), result), offset),
            ),
        )
        f.advance(cRow, cRowBytes)
      }
      f.advance(aColumn, 4 * height)
      f.advance(rowsLeft, -height)
    }

    f.while(i32.gtS(left, i32.const(0)), () => {
      f.set(aColumn, a)
      f.set(cRow, c)
      f.set(rowsLeft, rows)
      f.while(i32.geS(rowsLeft, i32.const(tileRows)), () => tileOf(tileRows))
      f.while(i32.geS(rowsLeft, i32.const(2)), () => tileOf(2))
      f.while(i32.geS(rowsLeft, i32.const(1)), () => tileOf(1))
      f.advance(packed, i32.mul(depth, i32.const(panelBytes)))
      f.advance(c, panelBytes)
      f.advance(left, -panelWidth)
    })
  },
)

/** Floats of a packed [depth, columns] matrix. */
export function packedLength(depth: number, columns: number): number {
  return depth * panelWidth * Math.ceil(columns / panelWidth)
}
