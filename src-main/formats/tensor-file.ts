import { AppError } from '#shared/errors.ts'
import { openInputFile } from './input-file.ts'
import { readNpzFile } from './npz.ts'
import { readSafetensorsFile } from './safetensors.ts'
import type { Tensor } from './tensor.ts'
import { quoted } from './text.ts'

/**
 * The named arrays of a safetensors or npz file. The format is told by the content, never by the file's name.
 * @throws AppError `bad-input` naming the file, and the array where there is one at fault.
 */
export async function readTensorFile(path: string): Promise<ReadonlyMap<string, Tensor>> {
  const start = await readStart(path)
  if (hasPrefix(start, 0x50, 0x4b, 0x03, 0x04) || hasPrefix(start, 0x50, 0x4b, 0x05, 0x06))
    return await readNpzFile(path)
  // A safetensors file starts with the header's length in 8 bytes and the header, a JSON object.
  if (start[8] === 0x7b) return (await readSafetensorsFile(path)).tensors
  throw new AppError('bad-input', `${quoted(path, 200)} is ${describe(start)}.`, {
    hint: 'Give a safetensors file, or an npz file written by numpy.savez.',
    details: { file: path },
  })
}

async function readStart(path: string): Promise<Uint8Array> {
  await using file = await openInputFile(path)
  return await file.read(0, Math.min(16, file.size))
}

function describe(start: Uint8Array): string {
  if (start.byteLength === 0) return 'empty'
  if (hasPrefix(start, 0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59)) return 'a single array without a name (.npy)'
  if (hasPrefix(start, 0x80) && start[1] >= 2 && start[1] <= 5)
    return 'a Python pickle, which is never read: it could run anything'
  if (hasPrefix(start, 0x89, 0x48, 0x44, 0x46)) return 'an HDF5 file'
  return 'neither a safetensors nor an npz file, or it is damaged'
}

function hasPrefix(bytes: Uint8Array, ...prefix: readonly number[]): boolean {
  return prefix.every((byte, i) => bytes[i] === byte)
}
