import { ObjectStore } from '#main/artifacts/object-store.ts'
import { setNames } from '#main/metrics/outcome.ts'
import { readOutcome } from '#main/workbench/outcomes/outcome-object.ts'
import type { ImageShape } from '#shared/domain/dataset.ts'
import { AppError } from '#shared/errors.ts'
import type { ObjectHash } from '#shared/ids.ts'
import { principalComponents } from '../datasets/principal-components.ts'
import { areaAverager } from './area-average.ts'
import { writeReduced } from './reduced-file.ts'
import type { ReduceJob, SampleProgress } from './sample-job.ts'

/** Coordinates that are kept: enough for neighbours, few enough to search 60,000 samples at once. */
export const keptComponents = 24
/** Pixels are averaged down to about this many values before: finer detail moves no neighbour. */
const pixelValues = 200
const pieceBytes = 4 << 20

interface Rows {
  readonly ids: Int32Array
  readonly data: Float32Array
  readonly width: number
}

/** Principal components of the samples' pixels, or of a model's penultimate features. */
export async function reduceSamples(
  { objectsRoot, source, file }: ReduceJob,
  send: (event: SampleProgress) => void,
): Promise<void> {
  const objects = new ObjectStore(objectsRoot)
  const report =
    (phase: SampleProgress['phase'], from: number, share: number) =>
    (value: number): void =>
      send({ kind: 'progress', phase, value: from + share * value, etaSeconds: null })
  const rows =
    source.kind === 'pixels'
      ? await averagedPixels(objects, source.images, source.shape, source.count, report('reading', 0, 0.5))
      : await featuresOf(objects, source.outcome, source.model)
  const { scores, explained } = principalComponents(rows.data, rows.width, keptComponents, report('pca', 0.5, 0.5))
  const width = scores.length / Math.max(1, rows.ids.length)
  await writeReduced(file, { ids: rows.ids, coordinates: scores, width, explained })
}

async function averagedPixels(
  objects: ObjectStore,
  images: ObjectHash,
  shape: ImageShape,
  count: number,
  onProgress: (share: number) => void,
): Promise<Rows> {
  const [height, width, channels] = shape
  const side = Math.max(1, Math.floor(Math.sqrt(pixelValues / channels)))
  const grid = [Math.min(height, side), Math.min(width, side)] as const
  const values = grid[0] * grid[1] * channels
  const average = areaAverager(shape, grid)
  const imageBytes = height * width * channels
  const perPiece = Math.max(1, Math.floor(pieceBytes / imageBytes))
  const data = new Float32Array(count * values)
  await using blob = await objects.open(images)
  for (let first = 0; first < count; first += perPiece) {
    const n = Math.min(perPiece, count - first)
    const pixels = await blob.read(first * imageBytes, n * imageBytes)
    for (let i = 0; i < n; i++) average(pixels, i * imageBytes, data, (first + i) * values)
    onProgress((first + n) / count)
  }
  return { ids: Int32Array.from({ length: count }, (_, id) => id), data, width: values }
}

/** The features that a model has on all samples of an outcome, by sample. */
async function featuresOf(objects: ObjectStore, outcomeObject: ObjectHash, model: string): Promise<Rows> {
  const outcome = await readOutcome(objects, outcomeObject)
  const found: { readonly id: number; readonly values: ArrayLike<number> }[] = []
  for (const set of setNames) {
    const ids = outcome.sets[set]?.ids
    const features = outcome.models.get(model)?.[set]?.features
    if (ids === null || ids === undefined || features === null || features === undefined) continue
    const { data, width } = features
    ids.forEach((id, i) => {
      found.push({ id: Number(id), values: data.subarray(i * width, (i + 1) * width) })
    })
  }
  const [first] = found
  if (first === undefined) {
    throw new AppError('not-found', `This study stored no features of ${model}.`, {
      hint: 'Use the pixels, or a study that was run with this version.',
    })
  }
  found.sort((a, b) => a.id - b.id)
  const width = first.values.length
  const data = new Float32Array(found.length * width)
  found.forEach(({ values }, i) => {
    data.set(values, i * width)
  })
  return { ids: Int32Array.from(found, ({ id }) => id), data, width }
}
