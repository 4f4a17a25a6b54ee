/** Elementwise work, sums and parameter updates in WebAssembly. Sums run in float64 and in a fixed order. */
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

/**
 * Runs `body` over `count` floats, four at a time and then one at a time (the other three lanes read as zero). `load` and
 * `store` work at the current place of an array, which advances by itself.
 */
function elementwise(
  f: FunctionBuilder,
  count: Local<'i32'>,
  arrays: readonly Local<'i32'>[],
  body: (load: (array: I32) => V128, store: (array: I32, value: V128) => void) => void,
): void {
  const advance = (floats: number): void => {
    for (const array of arrays) f.advance(array, 4 * floats)
    f.advance(count, -floats)
  }
  f.while(i32.geS(count, i32.const(4)), () => {
    body(
      (array) => v128.load(array),
      (array, value) => f.store128(array, value),
    )
    advance(4)
  })
  f.while(i32.gtS(count, i32.const(0)), () => {
    body(
      (array) => v128.load32Zero(array),
      (array, value) => f.storeLane32(array, value, 0),
    )
    advance(1)
  })
}

/** dz = y > 0 ? dy : 0, where y = relu(z). */
export const reluGradient = assembleFunction(
  { dy: 'i32', y: 'i32', dz: 'i32', count: 'i32' },
  (f, { dy, y, dz, count }) => {
    elementwise(f, count, [dy, y, dz], (load, store) => store(dz, v128.and(load(dy), f32x4.gt(load(y), v128.zero()))))
  },
)

/** y = relu(a + b) */
export const addRelu = assembleFunction({ a: 'i32', b: 'i32', y: 'i32', count: 'i32' }, (f, { a, b, y, count }) => {
  // A maximum, not a comparison: a NaN must come through.
  elementwise(f, count, [a, b, y], (load, store) => store(y, f32x4.max(f32x4.add(load(a), load(b)), v128.zero())))
})

/** target[row, c] = source[c] scale, for every row. */
export const repeatRow = assembleFunction(
  { source: 'i32', target: 'i32', rows: 'i32', columns: 'i32', scale: 'f32' },
  (f, { source, target, rows, columns, scale }) => {
    const factor = f.v128(f32x4.splat(scale))
    const from = f.i32()
    const count = f.i32()
    f.while(i32.gtS(rows, i32.const(0)), () => {
      f.set(from, source)
      f.set(count, columns)
      elementwise(f, count, [from, target], (load, store) => store(target, f32x4.mul(load(from), factor)))
      f.advance(rows, -1)
    })
  },
)

/** target[c] = scale times the sum over rows of source[row, c]; source is row-major without gaps. */
export const columnSums = assembleFunction(
  { source: 'i32', target: 'i32', rows: 'i32', columns: 'i32', scale: 'f64' },
  (f, { source, target, rows, columns, scale }) => {
    const rowBytes = f.i32(i32.shl(columns, i32.const(2)))
    const from = f.i32()
    const left = f.i32()
    const row = f.v128()
    const sums = Array.from({ length: 8 }, () => f.v128())

    /** Sums of `groups` times four columns at once. */
    const columnGroup = (groups: number): void => {
      const used = sums.slice(0, 2 * groups)
      for (const sum of used) f.set(sum, v128.zero())
      f.set(from, source)
      f.set(left, rows)
      f.while(i32.gtS(left, i32.const(0)), () => {
        used.forEach((sum, index) => {
          if (index % 2 === 0) f.set(row, v128.load(from, 8 * index))
          f.set(sum, f64x2.add(sum, index % 2 === 0 ? f64x2.promoteLow(row) : f64x2.promoteHigh(row)))
        })
        f.advance(from, rowBytes)
        f.advance(left, -1)
      })
      used.forEach((sum, index) => {
        f.store32(target, f32.demote(f64.mul(f64.lane(sum, 0), scale)), 8 * index)
        f.store32(target, f32.demote(f64.mul(f64.lane(sum, 1), scale)), 8 * index + 4)
      })
      f.advance(source, 16 * groups)
      f.advance(target, 16 * groups)
      f.advance(columns, -4 * groups)
    }
    const single = f.f64()

    f.while(i32.geS(columns, i32.const(16)), () => columnGroup(4))
    f.while(i32.geS(columns, i32.const(4)), () => columnGroup(1))
    f.while(i32.gtS(columns, i32.const(0)), () => {
      f.set(single, f64.const(0))
      f.set(from, source)
      f.set(left, rows)
      f.while(i32.gtS(left, i32.const(0)), () => {
        f.set(single, f64.add(single, f64.promote(f32.load(from))))
        f.advance(from, rowBytes)
        f.advance(left, -1)
      })
      f.store32(target, f32.demote(f64.mul(single, scale)))
      f.advance(source, 4)
      f.advance(target, 4)
      f.advance(columns, -1)
    })
  },
)

/** The float64 at `total` += sum of source^2. */
export const addSquares = assembleFunction(
  { source: 'i32', count: 'i32', total: 'i32' },
  (f, { source, count, total }) => {
    const low = f.v128(v128.zero())
    const high = f.v128(v128.zero())
    const value = f.v128()
    const half = f.v128()
    elementwise(f, count, [source], (load) => {
      f.set(value, load(source))
      f.set(half, f64x2.promoteLow(value))
      f.set(low, f64x2.add(low, f64x2.mul(half, half)))
      f.set(half, f64x2.promoteHigh(value))
      f.set(high, f64x2.add(high, f64x2.mul(half, half)))
    })
    f.set(low, f64x2.add(low, high))
    f.storeF64(total, f64.add(f64.load(total), f64.add(f64.lane(low, 0), f64.lane(low, 1))))
  },
)

/** The same arithmetic, operation by operation, as the composed kernel. */
export const adam = assembleFunction(
  {
    parameter: 'i32',
    gradient: 'i32',
    mean: 'i32',
    square: 'i32',
    newParameter: 'i32',
    newMean: 'i32',
    newSquare: 'i32',
    count: 'i32',
    beta1: 'f32',
    beta1Rest: 'f32',
    beta2: 'f32',
    beta2Rest: 'f32',
    stepSize: 'f32',
    rootScale: 'f32',
    epsilon: 'f32',
    weightDecay: 'f32',
  },
  (f, p) => {
    const beta1 = f.v128(f32x4.splat(p.beta1))
    const beta1Rest = f.v128(f32x4.splat(p.beta1Rest))
    const beta2 = f.v128(f32x4.splat(p.beta2))
    const beta2Rest = f.v128(f32x4.splat(p.beta2Rest))
    const stepSize = f.v128(f32x4.splat(p.stepSize))
    const rootScale = f.v128(f32x4.splat(p.rootScale))
    const epsilon = f.v128(f32x4.splat(p.epsilon))
    const weightDecay = f.v128(f32x4.splat(p.weightDecay))
    const parameter = f.v128()
    const gradient = f.v128()
    const mean = f.v128()
    const square = f.v128()
    const arrays = [p.parameter, p.gradient, p.mean, p.square, p.newParameter, p.newMean, p.newSquare]
    elementwise(f, p.count, arrays, (load, store) => {
      f.set(parameter, load(p.parameter))
      f.set(gradient, f32x4.add(load(p.gradient), f32x4.mul(weightDecay, parameter)))
      f.set(mean, f32x4.add(f32x4.mul(beta1, load(p.mean)), f32x4.mul(beta1Rest, gradient)))
      f.set(square, f32x4.add(f32x4.mul(beta2, load(p.square)), f32x4.mul(f32x4.mul(beta2Rest, gradient), gradient)))
      const scale = f32x4.add(f32x4.mul(f32x4.sqrt(square), rootScale), epsilon)
      store(p.newParameter, f32x4.sub(parameter, f32x4.div(f32x4.mul(stepSize, mean), scale)))
      store(p.newMean, mean)
      store(p.newSquare, square)
    })
  },
)

/** The same arithmetic, operation by operation, as the composed kernel. */
export const sgd = assembleFunction(
  {
    parameter: 'i32',
    gradient: 'i32',
    velocity: 'i32',
    newParameter: 'i32',
    newVelocity: 'i32',
    count: 'i32',
    lr: 'f32',
    momentum: 'f32',
    weightDecay: 'f32',
  },
  (f, p) => {
    const lr = f.v128(f32x4.splat(p.lr))
    const momentum = f.v128(f32x4.splat(p.momentum))
    const weightDecay = f.v128(f32x4.splat(p.weightDecay))
    const parameter = f.v128()
    const gradient = f.v128()
    const velocity = f.v128()
    const arrays = [p.parameter, p.gradient, p.velocity, p.newParameter, p.newVelocity]
    elementwise(f, p.count, arrays, (load, store) => {
      f.set(parameter, load(p.parameter))
      f.set(gradient, f32x4.add(load(p.gradient), f32x4.mul(weightDecay, parameter)))
      f.set(velocity, f32x4.add(f32x4.mul(momentum, load(p.velocity)), gradient))
      store(p.newParameter, f32x4.sub(parameter, f32x4.mul(lr, velocity)))
      store(p.newVelocity, velocity)
    })
  },
)
