import { open } from 'node:fs/promises'
import { ObjectStore } from '#main/artifacts/object-store.ts'
import { storageError } from '#main/artifacts/storage-errors.ts'
import { areaAverager } from './area-average.ts'
import type { ThumbnailJob } from './sample-job.ts'

/** Images are read in pieces of about this size. */
const pieceBytes = 4 << 20

/** Writes one thumbnail after the other and says how many are there. */
export async function writeThumbnails(
  { objectsRoot, images, shape, count, target, file }: ThumbnailJob,
  onWritten: (count: number) => void,
): Promise<void> {
  const sourceBytes = shape[0] * shape[1] * shape[2]
  const targetBytes = target[0] * target[1] * target[2]
  const perPiece = Math.max(1, Math.floor(pieceBytes / sourceBytes))
  const average = areaAverager(shape, [target[0], target[1]])
  await using blob = await new ObjectStore(objectsRoot).open(images)
  try {
    await using handle = await open(file, 'w')
    for (let first = 0; first < count; first += perPiece) {
      const n = Math.min(perPiece, count - first)
      const pixels = await blob.read(first * sourceBytes, n * sourceBytes)
      const small = new Uint8ClampedArray(n * targetBytes)
      for (let i = 0; i < n; i++) average(pixels, i * sourceBytes, small, i * targetBytes)
      await handle.writeFile(small)
      onWritten(first + n)
    }
  } catch (error) {
    throw storageError(error, 'the thumbnails')
  }
}
