/** The files in which reduced samples and their places wait to be asked for again. Caches: made anew when lost. */
import { readFile, rename, writeFile } from 'node:fs/promises'
import { storageError } from '#main/artifacts/storage-errors.ts'
import { encodeSafetensors, parseSafetensors } from '#main/formats/safetensors.ts'
import { tensorOf } from '#main/formats/tensor.ts'

export interface Reduced {
  /** Ascending sample indices. */
  readonly ids: Int32Array
  /** [ids, width] */
  readonly coordinates: Float32Array
  readonly width: number
  /** Share of the variance that each of the first coordinates carries; empty where that means nothing. */
  readonly explained: readonly number[]
}

export async function writeReduced(file: string, { ids, coordinates, width, explained }: Reduced): Promise<void> {
  const bytes = encodeSafetensors(
    { ids: tensorOf(ids), coordinates: tensorOf(coordinates, [ids.length, width]) },
    { explained: JSON.stringify(explained) },
  )
  const fresh = `${file}.${process.pid}`
  try {
    await writeFile(fresh, bytes)
    await rename(fresh, file)
  } catch (error) {
    throw storageError(error, 'the map of the images')
  }
}

/** Null where there is none, or one that can't be read: it is then computed again. */
export async function readReduced(file: string): Promise<Reduced | null> {
  const bytes = await readFile(file).catch(() => null)
  if (bytes === null) return null
  try {
    const { tensors, metadata } = parseSafetensors(bytes, file)
    const ids = tensors.get('ids')
    const coordinates = tensors.get('coordinates')
    if (ids?.dtype !== 'I32' || coordinates?.dtype !== 'F32') return null
    const width = coordinates.shape[1] ?? 0
    const explained = JSON.parse(metadata['explained'] ?? '[]') as readonly number[]
    return { ids: ids.data, coordinates: coordinates.data, width, explained }
  } catch {
    return null
  }
}
