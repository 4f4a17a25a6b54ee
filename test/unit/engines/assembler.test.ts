import { describe, expect, test } from 'vitest'
import {
  type AssembledFunction,
  assembleFunction,
  assembleModule,
  f32,
  f32x4,
  i32,
  shuffle32,
  v128,
} from '#main/compute/worker/engines/kernels/wasm/assembler.ts'

interface Wasm {
  readonly Memory: new (limits: { initial: number }) => { readonly buffer: ArrayBuffer }
  instantiate(
    bytes: Uint8Array,
    imports: unknown,
  ): Promise<{ instance: { exports: Record<string, (...values: number[]) => void> } }>
}
const { WebAssembly: wasm } = globalThis as unknown as { WebAssembly: Wasm }

async function assembled(
  source: AssembledFunction,
): Promise<{ run: (...values: number[]) => void; ints: Int32Array; floats: Float32Array }> {
  const memory = new wasm.Memory({ initial: 1 })
  const { instance } = await wasm.instantiate(assembleModule({ run: source }), { host: { memory } })
  return {
    run: instance.exports.run,
    ints: new Int32Array(memory.buffer),
    floats: new Float32Array(memory.buffer),
  }
}

describe('the assembler', () => {
  test.each([0, 1, -1, 63, 64, -64, -65, 127, 128, 8191, 8192, -8193, 65535, 2 ** 31 - 1, -(2 ** 31)])(
    'encodes the constant %d',
    async (value) => {
      const { run, ints } = await assembled(assembleFunction({}, (f) => f.store32(i32.const(0), i32.const(value))))
      run()
      expect(ints[0]).toBe(value)
    },
  )

  test.each([0, 4, 124, 128, 16380, 16384])('encodes the offset %d', async (offset) => {
    const { run, ints } = await assembled(
      assembleFunction({ value: 'i32' }, (f, { value }) => f.store32(i32.const(0), value, offset)),
    )
    run(7)
    expect(ints[offset / 4]).toBe(7)
  })

  test('passes parameters in their order and keeps more than 127 locals apart', async () => {
    const { run, ints } = await assembled(
      assembleFunction({ first: 'i32', second: 'f32', third: 'i32' }, (f, { first, second, third }) => {
        const many = Array.from({ length: 200 }, (_, i) => f.i32(i32.const(i)))
        f.store32(i32.const(0), i32.sub(first, third))
        f.store32(i32.const(4), second)
        f.store32(i32.const(8), many[199])
      }),
    )
    run(10, 0.5, 3)
    expect(ints[0]).toBe(7)
    expect(new Float32Array(ints.buffer)[1]).toBe(0.5)
    expect(ints[2]).toBe(199)
  })

  test('runs nested loops and both branches', async () => {
    const { run, ints } = await assembled(
      assembleFunction({ count: 'i32' }, (f, { count }) => {
        const i = f.i32()
        const j = f.i32()
        const even = f.i32(i32.const(0))
        const odd = f.i32(i32.const(0))
        f.range(i, count, 1, () =>
          f.range(j, i, 1, () =>
            f.when(
              i32.and(j, i32.const(1)),
              () => f.advance(odd, 1),
              () => f.advance(even, 1),
            ),
          ),
        )
        f.store32(i32.const(0), even)
        f.store32(i32.const(4), odd)
      }),
    )
    run(6)
    // Pairs j < i < 6: j = 0, 2, 4 occur 5 + 3 + 1 times, j = 1, 3 occur 4 + 2 times.
    expect([...ints.subarray(0, 2)]).toEqual([9, 6])
    run(0)
    expect([...ints.subarray(0, 2)]).toEqual([0, 0])
  })

  test('computes on vectors and shuffles their lanes', async () => {
    const { run, floats } = await assembled(
      assembleFunction({}, (f) => {
        const a = f.v128(v128.load(i32.const(0)))
        const b = f.v128(v128.load(i32.const(16)))
        f.store128(i32.const(32), shuffle32(a, b, [3, 4, 0, 7]))
        f.store128(i32.const(48), f32x4.sqrt(f32x4.add(f32x4.mul(a, a), b)))
        f.store32(i32.const(64), f32.add(f32x4.lane(a, 2), f32.load(i32.const(16))))
      }),
    )
    floats.set([1, 2, 3, 4, 8, 12, 16, 20])
    run()
    expect([...floats.subarray(8, 17)]).toEqual([4, 8, 1, 20, 3, 4, 5, 6, 11])
  })

  test('clears a range and nothing beside it', async () => {
    const { run, ints } = await assembled(
      assembleFunction({ at: 'i32', bytes: 'i32' }, (f, { at, bytes }) => f.clear(at, bytes)),
    )
    ints.fill(5, 0, 8)
    run(8, 12)
    expect([...ints.subarray(0, 8)]).toEqual([5, 5, 0, 0, 0, 5, 5, 5])
  })
})
