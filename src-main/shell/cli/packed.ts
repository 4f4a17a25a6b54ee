/** The numbers of a packed array; `pack` in the workbench made it. */
export function unpackInt32(packed: string): Int32Array {
  return new Int32Array(Uint8Array.from(Buffer.from(packed, 'base64')).buffer)
}
