import { ObjectStore } from '#main/artifacts/object-store.ts'
import type { CheckJob, CheckResult } from './dataset-job.ts'
import type { ProgressReporter } from './progress-reporter.ts'
import { findProblems } from './quality/find-problems.ts'
import { readLabels, readSampleTable } from './sample-data.ts'
import { stage } from './stage-samples.ts'

/** Looks at all images of a stored data set; the findings are staged as one JSON object. */
export async function checkDataset(
  { staging, objectsRoot, dataset }: CheckJob,
  progress: ProgressReporter,
): Promise<CheckResult> {
  const objects = new ObjectStore(objectsRoot)
  const labels = await readLabels(objects, dataset)
  const { duplicateOf } = await readSampleTable(objects, dataset)
  await using blob = await objects.open(dataset.images)
  const [height, width, channels] = dataset.shape
  const imageBytes = height * width * channels
  const perPiece = Math.max(1, Math.floor((1 << 20) / imageBytes))
  async function* images(): AsyncGenerator<Uint8Array> {
    for (let first = 0; first < dataset.sampleCount; first += perPiece) {
      yield await blob.read(first * imageBytes, Math.min(perPiece, dataset.sampleCount - first) * imageBytes)
    }
  }
  const findings = await findProblems({
    shape: dataset.shape,
    labels,
    classCount: dataset.classes.length,
    duplicateOf,
    images: images(),
    onProgress: (phase, done, total) => progress.report(phase, done, total),
  })
  return { findings, staged: await stage(staging, 'findings', [new TextEncoder().encode(JSON.stringify(findings))]) }
}
