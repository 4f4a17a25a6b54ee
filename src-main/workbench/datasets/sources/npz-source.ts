import type { NpyHeader } from '#main/formats/npy.ts'
import { type NpzArchive, openNpz } from '#main/formats/npz.ts'
import type { Tensor } from '#main/formats/tensor.ts'
import { counted, firstFew, grouped, quoted } from '#main/formats/text.ts'
import { AppError } from '#shared/errors.ts'
import { rawImage } from './array-images.ts'
import type { LoadedImage, SampleEntry, SampleSource, SourceGroups } from './sample-source.ts'
import type { SourceTree } from './source-tree.ts'
import { loadStacked, type Stack } from './stacked-images.ts'

/** An array of images with its labels. */
interface Part {
  readonly images: string
  readonly labels: string
  readonly split: string | null
}

/** How npz files of images are laid out: one `x` and `y`, MedMNIST's six arrays, Keras' four. */
const layouts: readonly (readonly Part[])[] = [
  [{ images: 'x', labels: 'y', split: null }],
  [
    { images: 'train_images', labels: 'train_labels', split: 'train' },
    { images: 'val_images', labels: 'val_labels', split: 'val' },
    { images: 'test_images', labels: 'test_labels', split: 'test' },
  ],
  [
    { images: 'x_train', labels: 'y_train', split: 'train' },
    { images: 'x_test', labels: 'y_test', split: 'test' },
  ],
]

const maxSide = 8192
/** Labels, names and groups are read into memory whole. */
const maxColumnBytes = 1 << 30

/**
 * A numpy archive: `x` uint8 or float (0..1) [n, h, w] or [n, h, w, c], `y` whole numbers or text [n]; optionally
 * `split` and `names` [n], `classes` [k] (the names of the labels 0..k-1), and `group_NAME` [n]. MedMNIST's and Keras'
 * array names are understood too.
 * @throws AppError `bad-input` naming the file and the array.
 */
export async function openNpzSource(tree: SourceTree, file: string): Promise<SampleSource> {
  const input = await tree.open(file)
  let archive: NpzArchive | null = null
  try {
    archive = await openNpz(input, file)
    return await readArchive(tree, file, archive, async () => {
      archive?.[Symbol.dispose]()
      await input[Symbol.asyncDispose]()
      await tree[Symbol.asyncDispose]()
    })
  } catch (error) {
    archive?.[Symbol.dispose]()
    await input[Symbol.asyncDispose]()
    throw error
  }
}

async function readArchive(
  tree: SourceTree,
  file: string,
  archive: NpzArchive,
  close: () => Promise<void>,
): Promise<SampleSource> {
  const refuse = (what: string): AppError => refusal(file, what)
  const { names } = archive
  const layout = layouts.find((parts) => names.includes(parts[0].images))
  if (layout === undefined) {
    throw refuse(`holds no array "x" (it holds ${names.length === 0 ? 'none' : firstFew(names, 6)})`)
  }
  const present = layout.filter(({ images }) => names.includes(images))
  const classNames = names.includes('classes') ? textsOf(await archive.read('classes'), 'classes', refuse) : null
  const single = present[0].split === null

  const entries: SampleEntry[] = []
  const stacks: { readonly part: Part; readonly stack: Stack; readonly offset: number }[] = []
  for (const part of present) {
    if (!names.includes(part.labels))
      throw refuse(`holds the images ${quoted(part.images)} without the labels ${quoted(part.labels)}`)
    const header = await archive.header(part.images)
    const stack = stackOf(header, part.images, refuse)
    const read = async (array: string): Promise<readonly string[]> => {
      const { dataBytes } = await archive.header(array)
      if (dataBytes > maxColumnBytes) throw refuse(`has ${grouped(dataBytes)} bytes in ${quoted(array)}`)
      const values = textsOf(await archive.read(array), array, refuse)
      if (values.length !== stack.count) {
        throw refuse(
          `holds ${counted(stack.count, 'image')} in ${quoted(part.images)} and ${counted(values.length, 'value')} in ${quoted(array)}`,
        )
      }
      return values
    }
    const labels = await read(part.labels)
    const splits = single && names.includes('split') ? await read('split') : null
    const given = single && names.includes('names') ? await read('names') : null
    if (given !== null) {
      const seen = new Set<string>()
      for (const name of given) {
        if (name === '' || seen.has(name))
          throw refuse(
            `names ${name === '' ? 'a sample with an empty text' : `two samples ${quoted(name)}`} in "names"`,
          )
        seen.add(name)
      }
    }
    const digits = String(Math.max(0, stack.count - 1)).length
    stacks.push({ part, stack, offset: entries.length })
    for (let row = 0; row < stack.count; row++) {
      const own = String(row).padStart(digits, '0')
      entries.push({
        name: given?.[row] ?? (part.split === null ? own : `${part.split}/${own}`),
        className: nameOfLabel(labels[row], classNames, part.labels, refuse),
        givenSplit: splits === null ? part.split : splits[row] === '' ? null : splits[row],
      })
    }
  }
  const groups: SourceGroups[] = []
  for (const name of names.filter((array) => array.startsWith('group_') && array.length > 6)) {
    const values = textsOf(await archive.read(name), name, refuse)
    if (values.length !== entries.length)
      throw refuse(
        `holds ${counted(entries.length, 'image')} and ${counted(values.length, 'value')} in ${quoted(name)}`,
      )
    groups.push({ name: name.slice('group_'.length), values: values.map((value) => (value === '' ? null : value)) })
  }

  async function* load(indices: readonly number[] | null): AsyncGenerator<LoadedImage> {
    for (const { part, stack, offset } of stacks) {
      const rows =
        indices === null
          ? null
          : indices.filter((index) => index >= offset && index < offset + stack.count).map((index) => index - offset)
      if (rows !== null && rows.length === 0) continue
      for await (const { row, image } of loadStacked(archive.pieces(part.images), stack, rows)) {
        yield { index: offset + row, image, reason: image === null ? 'values outside 0 to 1, or missing' : '' }
      }
    }
  }

  return {
    format: 'npz',
    entries,
    classNames: classNames ?? null,
    groups,
    leftOut: [...tree.leftOut],
    load,
    [Symbol.asyncDispose]: close,
  }
}

function stackOf(header: NpyHeader, array: string, refuse: (what: string) => AppError): Stack {
  const { shape, type, fortranOrder } = header
  const shapeText = `[${shape.join(', ')}]`
  const [count, height, width, channels = 1] = shape
  if (shape.length < 3 || shape.length > 4 || (channels !== 1 && channels !== 3)) {
    throw refuse(
      `has images of the shape ${shapeText} in ${quoted(array)}; [n, height, width] or [n, height, width, 1 or 3] is read`,
    )
  }
  if (height < 1 || width < 1 || height > maxSide || width > maxSide)
    throw refuse(`has images of the shape ${shapeText} in ${quoted(array)}`)
  if (fortranOrder) throw refuse(`has ${quoted(array)} in Fortran order, which is not read`)
  const dtype = type.kind === 'number' ? type.dtype : 'text'
  if (
    type.kind !== 'number' ||
    (type.bigEndian && type.bytes > 1) ||
    (dtype !== 'U8' && dtype !== 'F32' && dtype !== 'F64')
  ) {
    throw refuse(`has ${quoted(array)} as ${dtype}; uint8, or float32 and float64 from 0 to 1, are read`)
  }
  const values = height * width * channels
  const kind = channels === 3 ? 3 : 1
  return {
    headerBytes: 0,
    imageBytes: values * type.bytes,
    count,
    decode: (bytes) => {
      const pixels =
        dtype === 'U8'
          ? bytes
          : toBytes(
              dtype === 'F32'
                ? new Float32Array(bytes.buffer, bytes.byteOffset, values)
                : new Float64Array(bytes.buffer, bytes.byteOffset, values),
            )
      return pixels === null ? null : rawImage(pixels, width, height, kind)
    },
  }
}

/** Floats from 0 to 1 as 0 to 255, halves up; null where one lies outside. */
function toBytes(values: Float32Array | Float64Array): Uint8Array | null {
  const bytes = new Uint8Array(values.length)
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (!(value >= 0 && value <= 1)) return null
    bytes[i] = Math.floor(value * 255 + 0.5)
  }
  return bytes
}

/** A column of labels or names as text: whole numbers or text, [n] or [n, 1]. */
function textsOf(tensor: Tensor, array: string, refuse: (what: string) => AppError): readonly string[] {
  const { shape } = tensor
  if (shape.length !== 1 && !(shape.length === 2 && shape[1] === 1)) {
    throw refuse(`has ${quoted(array)} of the shape [${shape.join(', ')}]; one value an image is read`)
  }
  if (tensor.dtype === 'STRING') return tensor.data
  return Array.from(tensor.data as Iterable<number | bigint>, (value) => {
    if (typeof value === 'number' && !Number.isInteger(value))
      throw refuse(`has ${value} in ${quoted(array)}; whole numbers or text are read`)
    return String(value)
  })
}

function nameOfLabel(
  label: string,
  classNames: readonly string[] | null,
  array: string,
  refuse: (what: string) => AppError,
): string {
  if (label === '') throw refuse(`has an empty text in ${quoted(array)}`)
  if (classNames === null || classNames.includes(label)) return label
  const name = /^\d{1,9}$/.test(label) ? classNames[Number(label)] : undefined
  if (name === undefined)
    throw refuse(
      `has the label ${quoted(label)} in ${quoted(array)}, and ${counted(classNames.length, 'class', 'classes')} in "classes"`,
    )
  return name
}

function refusal(file: string, what: string): AppError {
  return new AppError('bad-input', `${quoted(file, 200)} ${what}.`, {
    hint: 'Write it with numpy.savez(x=…, y=…): x uint8 [n, height, width, 3], y whole numbers or text [n].',
    details: { file },
  })
}
