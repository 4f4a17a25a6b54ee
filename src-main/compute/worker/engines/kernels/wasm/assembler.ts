/**
 * A small WebAssembly assembler: typed expressions and structured statements, no more than the training kernels need.
 *
 * The stock wasm backend has no kernel for the filter gradient of a convolution and slow ones for other gradients. The
 * kernels in this folder are written with this assembler, assembled when the engine loads (a few milliseconds) and run
 * on the backend's own memory. That keeps them readable sources: no binary in the repository, no compiler at install.
 *
 * Opcodes: WebAssembly core specification 3.0, section 5.4 (binary format, instructions).
 */
export type ValueType = 'i32' | 'f32' | 'f64' | 'v128'

type Code = readonly (number | Code)[]

/** A value on the stack, described by the instructions that compute it. */
export interface Expr<T extends ValueType> {
  readonly type: T
  readonly code: Code
}
export type I32 = Expr<'i32'>
export type F32 = Expr<'f32'>
export type F64 = Expr<'f64'>
export type V128 = Expr<'v128'>

/** A local variable; reading it is an expression. */
export interface Local<T extends ValueType> extends Expr<T> {
  readonly index: number
}

const typeCode: Readonly<Record<ValueType, number>> = { i32: 0x7f, f32: 0x7d, f64: 0x7c, v128: 0x7b }
const emptyBlock = 0x40
const simdPrefix = 0xfd

function unsigned(value: number): number[] {
  const bytes: number[] = []
  let rest = value >>> 0
  do {
    const low = rest & 0x7f
    rest >>>= 7
    bytes.push(rest === 0 ? low : low | 0x80)
  } while (rest !== 0)
  return bytes
}

function signed(value: number): number[] {
  const bytes: number[] = []
  let rest = value | 0
  for (;;) {
    const low = rest & 0x7f
    rest >>= 7
    if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) {
      bytes.push(low)
      return bytes
    }
    bytes.push(low | 0x80)
  }
}

function expression<T extends ValueType>(type: T, ...code: Code): Expr<T> {
  return { type, code }
}

const binary =
  <R extends ValueType, A extends ValueType>(type: R, opcode: Code) =>
  (left: Expr<A>, right: Expr<A>): Expr<R> =>
    expression(type, left.code, right.code, opcode)

const unary =
  <R extends ValueType, A extends ValueType>(type: R, opcode: Code) =>
  (value: Expr<A>): Expr<R> =>
    expression(type, value.code, opcode)

const simd = (opcode: number): Code => [simdPrefix, ...unsigned(opcode)]

/** Alignment hint 0 (any) and a constant byte offset. */
const at = (offset: number): Code => [0, ...unsigned(offset)]

const load =
  <T extends ValueType>(type: T, opcode: Code) =>
  (address: I32, offset = 0): Expr<T> =>
    expression(type, address.code, opcode, at(offset))

export const i32 = {
  const: (value: number): I32 => expression('i32', 0x41, ...signed(value)),
  load: load('i32', [0x28]),
  add: binary<'i32', 'i32'>('i32', [0x6a]),
  sub: binary<'i32', 'i32'>('i32', [0x6b]),
  mul: binary<'i32', 'i32'>('i32', [0x6c]),
  divU: binary<'i32', 'i32'>('i32', [0x6e]),
  remU: binary<'i32', 'i32'>('i32', [0x70]),
  and: binary<'i32', 'i32'>('i32', [0x71]),
  shl: binary<'i32', 'i32'>('i32', [0x74]),
  eqz: unary<'i32', 'i32'>('i32', [0x45]),
  ltS: binary<'i32', 'i32'>('i32', [0x48]),
  ltU: binary<'i32', 'i32'>('i32', [0x49]),
  leU: binary<'i32', 'i32'>('i32', [0x4d]),
  gtS: binary<'i32', 'i32'>('i32', [0x4a]),
  geS: binary<'i32', 'i32'>('i32', [0x4e]),
  geU: binary<'i32', 'i32'>('i32', [0x4f]),
  select: (condition: I32, yes: I32, no: I32): I32 => expression('i32', yes.code, no.code, condition.code, 0x1b),
}

export const f32 = {
  load: load('f32', [0x2a]),
  add: binary<'f32', 'f32'>('f32', [0x92]),
  sub: binary<'f32', 'f32'>('f32', [0x93]),
  mul: binary<'f32', 'f32'>('f32', [0x94]),
  max: binary<'f32', 'f32'>('f32', [0x97]),
  demote: unary<'f32', 'f64'>('f32', [0xb6]),
}

export const f64 = {
  load: load('f64', [0x2b]),
  const: (value: number): F64 => expression('f64', 0x44, ...new Uint8Array(new Float64Array([value]).buffer)),
  add: binary<'f64', 'f64'>('f64', [0xa0]),
  sub: binary<'f64', 'f64'>('f64', [0xa1]),
  mul: binary<'f64', 'f64'>('f64', [0xa2]),
  promote: unary<'f64', 'f32'>('f64', [0xbb]),
  lane: (value: V128, lane: 0 | 1): F64 => expression('f64', value.code, simd(0x21), lane),
}

export const v128 = {
  load: load('v128', simd(0x00)),
  load32Splat: load('v128', simd(0x09)),
  /** Loads one float into lane 0 and zeroes the others. */
  load32Zero: load('v128', simd(0x5c)),
  /** Loads two floats into lanes 0 and 1 and zeroes the others. */
  load64Zero: load('v128', simd(0x5d)),
  and: binary<'v128', 'v128'>('v128', simd(0x4e)),
  andNot: binary<'v128', 'v128'>('v128', simd(0x4f)),
  or: binary<'v128', 'v128'>('v128', simd(0x50)),
  select: (yes: V128, no: V128, mask: V128): V128 => expression('v128', yes.code, no.code, mask.code, simd(0x52)),
  zero: (): V128 => expression('v128', simd(0x0c), ...new Array<number>(16).fill(0)),
}

export const f32x4 = {
  splat: unary<'v128', 'f32'>('v128', simd(0x13)),
  lane: (value: V128, lane: 0 | 1 | 2 | 3): F32 => expression('f32', value.code, simd(0x1f), lane),
  gt: binary<'v128', 'v128'>('v128', simd(0x44)),
  eq: binary<'v128', 'v128'>('v128', simd(0x41)),
  sqrt: unary<'v128', 'v128'>('v128', simd(0xe3)),
  add: binary<'v128', 'v128'>('v128', simd(0xe4)),
  sub: binary<'v128', 'v128'>('v128', simd(0xe5)),
  mul: binary<'v128', 'v128'>('v128', simd(0xe6)),
  div: binary<'v128', 'v128'>('v128', simd(0xe7)),
  min: binary<'v128', 'v128'>('v128', simd(0xe8)),
  max: binary<'v128', 'v128'>('v128', simd(0xe9)),
  /** a * b + c, with one rounding where the processor has a fused instruction (relaxed SIMD). */
  relaxedMadd: (a: V128, b: V128, c: V128): V128 => expression('v128', a.code, b.code, c.code, simd(0x105)),
}

export const f64x2 = {
  splat: unary<'v128', 'f64'>('v128', simd(0x14)),
  add: binary<'v128', 'v128'>('v128', simd(0xf0)),
  sub: binary<'v128', 'v128'>('v128', simd(0xf1)),
  mul: binary<'v128', 'v128'>('v128', simd(0xf2)),
  promoteLow: unary<'v128', 'v128'>('v128', simd(0x5f)),
  /** Lanes 2 and 3 of four floats as two doubles. */
  promoteHigh: (value: V128): V128 => f64x2.promoteLow(shuffle32(value, value, [2, 3, 2, 3])),
}

/** Size of the memory in pages of 65536 bytes. */
export function memoryPages(): I32 {
  return expression('i32', 0x3f, 0x00)
}

/** Four 32-bit lanes out of the eight of `a` (0-3) and `b` (4-7). */
export function shuffle32(a: V128, b: V128, lanes: readonly [number, number, number, number]): V128 {
  const bytes = lanes.flatMap((lane) => [4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3])
  return expression('v128', a.code, b.code, simd(0x0d), ...bytes)
}

/** A function's parameters, by name, in the order of the call. */
export type Parameters = Readonly<Record<string, ValueType>>
type ParameterLocals<P extends Parameters> = { readonly [K in keyof P]: Local<P[K]> }

/** A finished function; none has a result, all work on memory. */
export interface AssembledFunction {
  readonly signature: readonly number[]
  readonly body: readonly number[]
}

export function assembleFunction<const P extends Parameters>(
  parameters: P,
  build: (builder: FunctionBuilder, parameters: ParameterLocals<P>) => void,
): AssembledFunction {
  const types = Object.values(parameters)
  const builder = new FunctionBuilder(types.length)
  const locals = Object.entries(parameters).map(([key, type], index) => [key, local(type, index)])
  build(builder, Object.fromEntries(locals))
  return {
    signature: [0x60, ...unsigned(types.length), ...types.map((type) => typeCode[type]), 0],
    body: builder.encode(),
  }
}

/** Builds one function's body, statement by statement. */
export class FunctionBuilder {
  readonly #parameterCount: number
  readonly #locals: ValueType[] = []
  #body: (number | Code)[] = []

  constructor(parameterCount: number) {
    this.#parameterCount = parameterCount
  }

  i32(initial?: I32): Local<'i32'> {
    return this.#declare('i32', initial)
  }
  f32(initial?: F32): Local<'f32'> {
    return this.#declare('f32', initial)
  }
  f64(initial?: F64): Local<'f64'> {
    return this.#declare('f64', initial)
  }
  v128(initial?: V128): Local<'v128'> {
    return this.#declare('v128', initial)
  }

  set<T extends ValueType>(target: Local<T>, value: Expr<T>): void {
    this.#body.push(value.code, 0x21, unsigned(target.index))
  }

  /** target += amount */
  advance(target: Local<'i32'>, amount: I32 | number): void {
    this.set(target, i32.add(target, typeof amount === 'number' ? i32.const(amount) : amount))
  }

  store32(address: I32, value: F32 | I32, offset = 0): void {
    this.#body.push(address.code, value.code, value.type === 'f32' ? 0x38 : 0x36, at(offset))
  }
  storeF64(address: I32, value: F64, offset = 0): void {
    this.#body.push(address.code, value.code, 0x39, at(offset))
  }
  store128(address: I32, value: V128, offset = 0): void {
    this.#body.push(address.code, value.code, simd(0x0b), at(offset))
  }
  /** Stores one 32-bit lane. */
  storeLane32(address: I32, value: V128, lane: 0 | 1 | 2 | 3, offset = 0): void {
    this.#body.push(address.code, value.code, simd(0x5a), at(offset), lane)
  }

  /** Fills `bytes` bytes with zero. */
  clear(address: I32, bytes: I32): void {
    this.#body.push(address.code, i32.const(0).code, bytes.code, 0xfc, 0x0b, 0x00)
  }

  when(condition: I32, then: () => void, otherwise?: () => void): void {
    this.#body.push(condition.code, 0x04, emptyBlock, this.#collect(then))
    if (otherwise) this.#body.push(0x05, this.#collect(otherwise))
    this.#body.push(0x0b)
  }

  /** Repeats `body` while `condition` holds, testing it first. */
  while(condition: I32, body: () => void): void {
    this.when(condition, () => this.doWhile(condition, body))
  }

  /** Repeats `body` while `condition` holds, testing it afterwards. */
  doWhile(condition: I32, body: () => void): void {
    this.#body.push(0x03, emptyBlock, this.#collect(body), condition.code, 0x0d, 0, 0x0b)
  }

  /** Runs `body` with `counter` = 0, step, … below `end` (signed). */
  range(counter: Local<'i32'>, end: I32, step: number, body: () => void): void {
    this.set(counter, i32.const(0))
    this.while(i32.ltS(counter, end), () => {
      body()
      this.advance(counter, step)
    })
  }

  /** The function's entry of the code section. */
  encode(): number[] {
    const locals = this.#locals.map((type) => [1, typeCode[type]])
    return flatten([unsigned(locals.length), locals, this.#body, 0x0b])
  }

  #declare<T extends ValueType>(type: T, initial: Expr<T> | undefined): Local<T> {
    const created = local(type, this.#parameterCount + this.#locals.length)
    this.#locals.push(type)
    if (initial) this.set(created, initial)
    return created
  }

  #collect(statements: () => void): Code {
    const outer = this.#body
    const inner: (number | Code)[] = []
    this.#body = inner
    statements()
    this.#body = outer
    return inner
  }
}

function local<T extends ValueType>(type: T, index: number): Local<T> {
  return { type, index, code: [0x20, ...unsigned(index)] }
}

function flatten(code: Code, into: number[] = []): number[] {
  for (const part of code) {
    if (typeof part === 'number') into.push(part)
    else flatten(part, into)
  }
  return into
}

function section(id: number, entries: readonly (readonly number[])[]): number[] {
  const content = [...unsigned(entries.length), ...entries.flat()]
  return [id, ...unsigned(content.length), ...content]
}

function name(text: string): number[] {
  return [...unsigned(text.length), ...new TextEncoder().encode(text)]
}

/** Assembles functions that work on an imported memory (`host.memory`) and are exported under their names. */
export function assembleModule(functions: Readonly<Record<string, AssembledFunction>>): Uint8Array<ArrayBuffer> {
  const entries = Object.entries(functions)
  const bodies = entries.map(([, { body }]) => [...unsigned(body.length), ...body])
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(
      1,
      entries.map(([, { signature }]) => signature),
    ),
    ...section(2, [[...name('host'), ...name('memory'), 0x02, 0x00, 0x00]]),
    ...section(
      3,
      entries.map((_, index) => unsigned(index)),
    ),
    ...section(
      7,
      entries.map(([key], index) => [...name(key), 0x00, ...unsigned(index)]),
    ),
    ...section(10, bodies),
  ])
}
