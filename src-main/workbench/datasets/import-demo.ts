import type { ImportJob, ImportResult } from './dataset-job.ts'
import { demoClassNames, demoSide, demoSplitRule, readDemoSet } from './demo-set.ts'
import type { ProgressReporter } from './progress-reporter.ts'
import { stageSamples } from './stage-samples.ts'

const chunkImages = 1024

/** Imports the packed demo images, with the split that the demo study is made for. Samples are named CLASS/ROW. */
export async function importDemo(
  job: Extract<ImportJob, { kind: 'demo' }>,
  progress: ProgressReporter,
): Promise<ImportResult> {
  progress.report('scanning', 0, null)
  const { images, labels, rows } = await readDemoSet(job.path)
  const staged = await stageSamples({
    staging: job.staging,
    shape: [demoSide, demoSide, 1],
    classNames: demoClassNames,
    labels,
    names: Array.from(labels, (label, i) => `${label}/${String(rows[i]).padStart(4, '0')}`),
    givenSplit: Array.from(labels, () => null),
    images: inChunks(images),
    splitRule: demoSplitRule,
    splitSeed: job.splitSeed,
    onStored: (count) => progress.report('storing', count, labels.length),
  })
  return { ...staged, dataset: { ...staged.dataset, problems: [] } }
}

async function* inChunks(images: Uint8Array): AsyncGenerator<Uint8Array> {
  const bytes = chunkImages * demoSide * demoSide
  for (let at = 0; at < images.byteLength; at += bytes) yield images.subarray(at, at + bytes)
}
