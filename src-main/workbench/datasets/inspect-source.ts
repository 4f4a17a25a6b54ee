import { fitToSquare } from '#main/formats/resize.ts'
import type { ClassInfo, DatasetPreview } from '#shared/domain/dataset.ts'
import type { InspectJob } from './dataset-job.ts'
import { reportOf } from './groups/group-column.ts'
import { resolveGroups } from './groups/resolve-groups.ts'
import { compareNatural } from './natural-order.ts'
import type { ProgressReporter } from './progress-reporter.ts'
import { type LeftOut, listProblems } from './sources/left-out.ts'
import { openSource } from './sources/open-source.ts'

const thumbnailCount = 10
const thumbnailSide = 48
const exampleNames = 6

/**
 * Looks at a source without storing anything: what it is, how many images of which classes, a few of them, what
 * would be left out as far as that is known without decoding all, and what group rules find.
 * @throws AppError `bad-input`, as an import would.
 */
export async function inspectSource(job: InspectJob, progress: ProgressReporter): Promise<DatasetPreview> {
  progress.report('scanning', 0, null)
  await using source = await openSource(job.path, {
    format: job.format,
    staging: job.staging,
    ...(job.columns === undefined ? {} : { columns: job.columns }),
    onProgress: (phase, done, total) => progress.report(phase, done, total),
  })
  const { entries } = source
  const leftOut: LeftOut[] = [...source.leftOut]
  const counts = new Map<string, number>()
  const splits = new Map<string | null, number>()
  for (const { className, givenSplit } of entries) {
    counts.set(className, (counts.get(className) ?? 0) + 1)
    splits.set(givenSplit, (splits.get(givenSplit) ?? 0) + 1)
  }
  const classNames = (source.classNames ?? [...counts.keys()].sort(compareNatural)).filter((name) => counts.has(name))
  const classes = classNames.map((name): ClassInfo => ({ name, count: counts.get(name) ?? 0 }))

  const pixels: Uint8Array[] = []
  const samples: { name: string; className: string }[] = []
  const sizes = new Map<string, readonly [number, number]>()
  for await (const { index, image, reason } of source.load(spread(entries.map(({ className }) => className)))) {
    const { name, className } = entries[index]
    if (image === null) {
      leftOut.push({ path: name, reason, hidden: false })
      continue
    }
    sizes.set(`${image.width}x${image.height}`, [image.width, image.height])
    pixels.push(toRgb(fitToSquare(image, thumbnailSide), image.channels))
    samples.push({ name, className })
  }
  const names = entries.map((entry) => entry.name)
  const groups = await resolveGroups(job.groups, names, source.groups)
  return {
    path: job.path,
    format: source.format,
    sampleCount: entries.length,
    classes,
    splits: [...splits].map(([name, count]) => ({ name, count })),
    sizes: [...sizes.values()],
    thumbnails: { side: thumbnailSide, pixels: Buffer.concat(pixels).toString('base64'), samples },
    nameExamples: evenly(names.length, exampleNames).map((index) => names[index]),
    groups: groups.map((group) => reportOf(group, names)),
    problemCount: leftOut.length,
    problems: listProblems(leftOut),
  }
}

/** Indices from all over, as many classes among them as there is room for; ascending. */
function spread(classNames: readonly string[]): readonly number[] {
  const firsts = new Map<string, number>()
  classNames.forEach((name, index) => {
    if (!firsts.has(name)) firsts.set(name, index)
  })
  const ofClasses = [...firsts.values()]
  const chosen = new Set(
    evenly(ofClasses.length, Math.min(thumbnailCount, ofClasses.length)).map((at) => ofClasses[at]),
  )
  for (const index of evenly(classNames.length, thumbnailCount)) {
    if (chosen.size >= Math.min(thumbnailCount, classNames.length)) break
    chosen.add(index)
  }
  return [...chosen].sort((a, b) => a - b)
}

function evenly(length: number, count: number): readonly number[] {
  const wanted = Math.min(length, count)
  return Array.from({ length: wanted }, (_, i) => Math.floor((i * length) / wanted))
}

function toRgb(pixels: Uint8Array, channels: 1 | 3): Uint8Array {
  if (channels === 3) return pixels
  const rgb = new Uint8Array(pixels.length * 3)
  for (let i = 0; i < pixels.length; i++) rgb.fill(pixels[i], 3 * i, 3 * i + 3)
  return rgb
}
