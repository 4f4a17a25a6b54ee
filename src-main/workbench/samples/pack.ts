import type { Packed } from '#shared/domain/sample.ts'

/** A typed array's bytes as base64; every machine that this runs on is little-endian. */
export function pack(values: Int32Array | Uint8Array | Float32Array): Packed {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64')
}
