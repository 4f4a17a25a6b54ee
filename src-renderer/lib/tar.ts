/** A file to be packed: its path with `/` as separator. */
export interface TarFile {
  readonly path: string
  readonly file: Blob
}

const blockBytes = 512
const encoder = new TextEncoder()

/**
 * A tar archive (ustar; long names as GNU tar writes them) as a Blob that refers to the files: nothing is read until it
 * is sent, so that a folder of any size can be.
 */
export function tarOf(files: readonly TarFile[]): Blob {
  const parts: (Blob | Uint8Array<ArrayBuffer>)[] = []
  for (const { path, file } of files) {
    const name = encoder.encode(path)
    if (name.length > 100) {
      parts.push(header('long', name.length + 1, 'L'), name, new Uint8Array(1 + padding(name.length + 1)))
    }
    parts.push(header(path, file.size, '0'), file, new Uint8Array(padding(file.size)))
  }
  parts.push(new Uint8Array(2 * blockBytes))
  return new Blob(parts)
}

function header(name: string, size: number, type: string): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(blockBytes)
  const write = (text: string, at: number): void => void block.set(encoder.encode(text).subarray(0, 100), at)
  write(name, 0)
  write('0000644\u0000', 100)
  write(`${size.toString(8).padStart(11, '0')}\u0000`, 124)
  write('00000000000\u0000        ', 136)
  write(type, 156)
  write('ustar\u000000', 257)
  const sum = block.reduce((total, byte) => total + byte, 0)
  write(`${sum.toString(8).padStart(6, '0')}\u0000 `, 148)
  return block
}

function padding(size: number): number {
  return (blockBytes - (size % blockBytes)) % blockBytes
}
