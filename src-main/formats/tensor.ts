/**
 * An array as a file holds it, row-major. 16-bit floats come widened to Float32Array; booleans are 0 and 1.
 * `dtype` is safetensors' name of the element type, `STRING` for numpy's text arrays.
 */
export type Tensor =
  | { readonly dtype: 'F64'; readonly shape: readonly number[]; readonly data: Float64Array }
  | { readonly dtype: 'F32' | 'F16' | 'BF16'; readonly shape: readonly number[]; readonly data: Float32Array }
  | { readonly dtype: 'I64'; readonly shape: readonly number[]; readonly data: BigInt64Array }
  | { readonly dtype: 'I32'; readonly shape: readonly number[]; readonly data: Int32Array }
  | { readonly dtype: 'I16'; readonly shape: readonly number[]; readonly data: Int16Array }
  | { readonly dtype: 'I8'; readonly shape: readonly number[]; readonly data: Int8Array }
  | { readonly dtype: 'U64'; readonly shape: readonly number[]; readonly data: BigUint64Array }
  | { readonly dtype: 'U32'; readonly shape: readonly number[]; readonly data: Uint32Array }
  | { readonly dtype: 'U16'; readonly shape: readonly number[]; readonly data: Uint16Array }
  | { readonly dtype: 'U8' | 'BOOL'; readonly shape: readonly number[]; readonly data: Uint8Array }
  | { readonly dtype: 'STRING'; readonly shape: readonly number[]; readonly data: readonly string[] }

export type TensorDtype = Tensor['dtype']
/** A tensor of numbers: all that safetensors can hold. */
export type NumericTensor = Exclude<Tensor, { dtype: 'STRING' }>
export type NumericDtype = NumericTensor['dtype']
export type TensorOf<D extends TensorDtype> = Extract<Tensor, { dtype: D }>

/** Bytes an element takes in a file. */
export const bytesPerElement: Readonly<Record<NumericDtype, number>> = {
  F64: 8,
  I64: 8,
  U64: 8,
  F32: 4,
  I32: 4,
  U32: 4,
  F16: 2,
  BF16: 2,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
}

/** No file of ours or of a study made elsewhere comes near this; what says it does is damaged or hostile. */
export const maxTensorBytes = 2 ** 32

/**
 * The number of elements of a shape, or null when a dimension isn't a whole number from 0 on or the product can't be
 * addressed. A dimension of 0 makes the product 0 however large the others are.
 */
export function elementCount(shape: readonly number[]): number | null {
  let count = 1
  for (const length of shape) {
    if (!Number.isSafeInteger(length) || length < 0) return null
    count *= length
    if (count > Number.MAX_SAFE_INTEGER) return null
  }
  return count
}

/**
 * Turns little-endian bytes into a tensor; the result never shares an unaligned buffer. Returns null when `BOOL`
 * bytes are other than 0 and 1. `bytes` must hold exactly the shape's elements; they may be kept, not copied.
 */
export function tensorFromBytes(
  dtype: NumericDtype,
  shape: readonly number[],
  bytes: Uint8Array,
): NumericTensor | null {
  const width = bytesPerElement[dtype]
  const aligned = bytes.byteOffset % width === 0 ? bytes : bytes.slice()
  const buffer = aligned.buffer
  const offset = aligned.byteOffset
  const length = aligned.byteLength / width
  switch (dtype) {
    case 'F64':
      return { dtype, shape, data: new Float64Array(buffer, offset, length) }
    case 'F32':
      return { dtype, shape, data: new Float32Array(buffer, offset, length) }
    case 'F16':
      return { dtype, shape, data: widenHalf(new Uint16Array(buffer, offset, length)) }
    case 'BF16':
      return { dtype, shape, data: widenBrain(new Uint16Array(buffer, offset, length)) }
    case 'I64':
      return { dtype, shape, data: new BigInt64Array(buffer, offset, length) }
    case 'I32':
      return { dtype, shape, data: new Int32Array(buffer, offset, length) }
    case 'I16':
      return { dtype, shape, data: new Int16Array(buffer, offset, length) }
    case 'I8':
      return { dtype, shape, data: new Int8Array(buffer, offset, length) }
    case 'U64':
      return { dtype, shape, data: new BigUint64Array(buffer, offset, length) }
    case 'U32':
      return { dtype, shape, data: new Uint32Array(buffer, offset, length) }
    case 'U16':
      return { dtype, shape, data: new Uint16Array(buffer, offset, length) }
    case 'U8':
      return { dtype, shape, data: new Uint8Array(buffer, offset, length) }
    case 'BOOL':
      return aligned.every((value) => value <= 1)
        ? { dtype, shape, data: new Uint8Array(buffer, offset, length) }
        : null
  }
}

/** Names what a typed array holds: the tensor to write for values computed here. */
export function tensorOf(data: NumericTensor['data'], shape: readonly number[] = [data.length]): NumericTensor {
  if (data instanceof Float64Array) return { dtype: 'F64', shape, data }
  if (data instanceof Float32Array) return { dtype: 'F32', shape, data }
  if (data instanceof BigInt64Array) return { dtype: 'I64', shape, data }
  if (data instanceof BigUint64Array) return { dtype: 'U64', shape, data }
  if (data instanceof Int32Array) return { dtype: 'I32', shape, data }
  if (data instanceof Uint32Array) return { dtype: 'U32', shape, data }
  if (data instanceof Int16Array) return { dtype: 'I16', shape, data }
  if (data instanceof Uint16Array) return { dtype: 'U16', shape, data }
  if (data instanceof Int8Array) return { dtype: 'I8', shape, data }
  return { dtype: 'U8', shape, data }
}

/** IEEE 754 binary16 to binary32: exact, every half-precision value is a single-precision one. */
function widenHalf(source: Uint16Array): Float32Array {
  const target = new Float32Array(source.length)
  for (let i = 0; i < source.length; i++) {
    const bits = source[i]
    const sign = bits & 0x8000 ? -1 : 1
    const exponent = (bits >> 10) & 0x1f
    const fraction = bits & 0x3ff
    if (exponent === 0) target[i] = sign * fraction * 2 ** -24
    else if (exponent === 31) target[i] = fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
    else target[i] = sign * (1024 + fraction) * 2 ** (exponent - 25)
  }
  return target
}

/** bfloat16 is the upper half of a binary32. */
function widenBrain(source: Uint16Array): Float32Array {
  const bits = new Uint32Array(source.length)
  for (let i = 0; i < source.length; i++) bits[i] = source[i] << 16
  return new Float32Array(bits.buffer)
}
