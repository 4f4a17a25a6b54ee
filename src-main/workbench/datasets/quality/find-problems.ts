import { setImmediate as yieldToOthers } from 'node:timers/promises'
import type { ImageShape } from '#shared/domain/dataset.ts'
import type {
  Capped,
  DuplicateGroup,
  MislabelSuspect,
  QualityFindings,
  QualityThresholds,
} from '#shared/domain/quality.ts'
import type { DatasetProgress } from '#shared/progress.ts'
import { nearestNeighbours } from '../nearest-neighbours.ts'
import { principalComponents } from '../principal-components.ts'
import { findNearDuplicates } from './near-duplicates.ts'
import { perceptualHash } from './perceptual-hash.ts'
import { createThumbnailer, thumbSize } from './thumbnail.ts'

export const defaultThresholds: QualityThresholds = {
  hashBits: 6,
  pixelDifference: 5,
  correlation: 0.985,
  neighbours: 10,
  disagreement: 0.8,
  precision: 0.9,
  tinyClass: 20,
}

/** Findings are one JSON object: longer lists than these are cut, and say so. */
const maxGroups = 20_000
const maxSuspects = 500
const components = 24

export interface ImagesToCheck {
  readonly shape: ImageShape
  readonly labels: Int32Array
  readonly classCount: number
  /** Index of the first sample with identical pixels, or -1. */
  readonly duplicateOf: readonly number[]
  /** Whole images in order. */
  readonly images: AsyncIterable<Uint8Array>
  readonly onProgress: (phase: DatasetProgress['phase'], done: number, total: number) => void
}

/** Looks at every image once, then compares thumbnails only: memory is about 300 bytes an image. */
export async function findProblems(
  input: ImagesToCheck,
  thresholds: QualityThresholds = defaultThresholds,
): Promise<QualityFindings> {
  const start = performance.now()
  const { shape, labels, classCount, duplicateOf, onProgress } = input
  const count = labels.length
  const [height, width, channels] = shape
  const imageBytes = height * width * channels
  const thumbs = new Uint8Array(count * thumbSize)
  const hashes = new Int32Array(count * 2)
  const toThumb = createThumbnailer(shape)
  const blank: number[] = []
  const grey: number[] = []
  let sample = 0
  for await (const chunk of input.images) {
    for (let at = 0; at < chunk.byteLength; at += imageBytes, sample++) {
      const image = chunk.subarray(at, at + imageBytes)
      const thumb = thumbs.subarray(sample * thumbSize, (sample + 1) * thumbSize)
      toThumb(image, thumb)
      hashes.set(perceptualHash(thumb), 2 * sample)
      if (channels === 3 && isGrey(image)) grey.push(sample)
      if (image.every((value, i) => value === image[i % channels])) blank.push(sample)
    }
    onProgress('hashing', sample, count)
    await yieldToOthers()
  }

  const exact = exactGroups(duplicateOf)
  const firsts = duplicateOf.flatMap((first, index) => (first < 0 ? [index] : []))
  const near = await findNearDuplicates({ thumbs, hashes }, firsts, thresholds, (share) =>
    onProgress('comparing', Math.round(share * count), count),
  )
  const { scores } = principalComponents(thumbs, thumbSize, components)
  const { indices: neighbours } = await nearestNeighbours(
    scores,
    scores.length / Math.max(1, count),
    thresholds.neighbours,
    (done) => onProgress('embedding', done, count),
  )
  const { suspects, accuracy } = mislabelled(labels, classCount, neighbours, thresholds)
  const perClass = new Array<number>(classCount).fill(0)
  for (const index of grey) perClass[labels[index]]++
  const classSizes = new Array<number>(classCount).fill(0)
  for (const label of labels) classSizes[label]++
  const conflicts = [...exact, ...near].filter(({ samples }) =>
    samples.some((index) => labels[index] !== labels[samples[0]]),
  )
  return {
    version: 1,
    sampleCount: count,
    thresholds,
    exactDuplicates: capped(exact, maxGroups),
    nearDuplicates: capped(near, maxGroups),
    conflictingLabels: capped(conflicts, maxGroups),
    mislabelSuspects: { ...capped(suspects, maxSuspects), embedding: 'pixels-pca', neighbourAccuracy: accuracy },
    tinyClasses: classSizes.flatMap((size, label) => (size < thresholds.tinyClass ? [{ label, count: size }] : [])),
    greyInColour: { ...capped(channels === 3 ? grey : [], maxGroups), perClass },
    blank: capped(blank, maxGroups),
    seconds: (performance.now() - start) / 1000,
  }
}

function isGrey(image: Uint8Array): boolean {
  for (let i = 0; i < image.length; i += 3) if (image[i] !== image[i + 1] || image[i] !== image[i + 2]) return false
  return true
}

function exactGroups(duplicateOf: readonly number[]): readonly DuplicateGroup[] {
  const groups = new Map<number, number[]>()
  duplicateOf.forEach((first, index) => {
    if (first < 0) return
    const group = groups.get(first)
    if (group === undefined) groups.set(first, [first, index])
    else group.push(index)
  })
  return [...groups.values()].map((samples) => ({ samples, difference: 0 })).sort((a, b) => a.samples[0] - b.samples[0])
}

/**
 * Samples whose neighbours agree on another label while hardly any has their own, and how often the neighbours' most
 * frequent label is a sample's own.
 */
function mislabelled(
  labels: Int32Array,
  classCount: number,
  neighbours: Int32Array,
  { neighbours: k, disagreement, precision }: QualityThresholds,
): { readonly suspects: readonly MislabelSuspect[]; readonly accuracy: number } {
  const votes = new Int32Array(classCount)
  const suspects: MislabelSuspect[] = []
  /** How many samples have neighbours that agree on the class, and how many of those are of it. */
  const agreed = new Int32Array(classCount)
  const agreedRight = new Int32Array(classCount)
  let right = 0
  for (let sample = 0; sample < labels.length; sample++) {
    votes.fill(0)
    const near = Array.from(neighbours.subarray(sample * k, (sample + 1) * k)).filter((other) => other >= 0)
    for (const other of near) votes[labels[other]]++
    let suggested = 0
    for (let label = 1; label < classCount; label++) if (votes[label] > votes[suggested]) suggested = label
    const label = labels[sample]
    if (near.length > 0 && votes[label] === votes[suggested]) right++
    const agreement = near.length === 0 ? 0 : votes[suggested] / near.length
    if (near.length === k && agreement >= disagreement) {
      agreed[suggested]++
      if (suggested === label) agreedRight[suggested]++
    }
    if (suggested === label || near.length < k || agreement < disagreement || votes[label] > 1) continue
    suspects.push({ sample, label, suggested, agreement, neighbours: near })
  }
  const credible = suspects.filter(({ suggested }) => agreedRight[suggested] >= precision * agreed[suggested])
  credible.sort((a, b) => b.agreement - a.agreement || a.sample - b.sample)
  return { suspects: credible, accuracy: labels.length === 0 ? 0 : right / labels.length }
}

function capped<T>(items: readonly T[], most: number): Capped<T> {
  return { total: items.length, items: items.slice(0, most) }
}
