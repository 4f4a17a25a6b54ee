import type { ObjectStore } from '#main/artifacts/object-store.ts'
import { quoted } from '#main/formats/text.ts'
import type { Dataset, ImageShape } from '#shared/domain/dataset.ts'
import { AppError } from '#shared/errors.ts'

/**
 * Pixels of single samples, read from the blob by ranges: uint8 [indices.length, h, w, c], in the order asked for.
 * @throws AppError `bad-input` for an index that the data set doesn't have.
 */
export async function thumbnails(
  objects: Pick<ObjectStore, 'open'>,
  dataset: Dataset,
  indices: readonly number[],
): Promise<{ readonly shape: ImageShape; readonly pixels: Uint8Array }> {
  const { shape, sampleCount } = dataset
  const bad = indices.find((index) => !Number.isInteger(index) || index < 0 || index >= sampleCount)
  if (bad !== undefined) {
    throw new AppError('bad-input', `The data set ${quoted(dataset.name)} has no sample ${bad}.`, {
      hint: `Its samples are 0 to ${sampleCount - 1}.`,
    })
  }
  const imageBytes = shape[0] * shape[1] * shape[2]
  const pixels = new Uint8Array(indices.length * imageBytes)
  await using blob = await objects.open(dataset.images)
  for (let i = 0; i < indices.length; ) {
    // Neighbours come in one read.
    let run = 1
    while (i + run < indices.length && indices[i + run] === indices[i] + run) run++
    pixels.set(await blob.read(indices[i] * imageBytes, run * imageBytes), i * imageBytes)
    i += run
  }
  return { shape, pixels }
}
