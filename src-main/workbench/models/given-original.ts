/** A model of the user's own as the original of a study: read, checked and stored. */
import { basename, extname } from 'node:path'
import type { ObjectStore } from '#main/artifacts/object-store.ts'
import type { DataParams } from '#main/compute/stages.ts'
import { architectureOf, architectures } from '#main/compute/worker/models/architectures.ts'
import { shapedLayers, type VariableShape } from '#main/compute/worker/models/shapes.ts'
import { checkWeights } from '#main/compute/worker/models/weights-check.ts'
import { readNpzFile } from '#main/formats/npz.ts'
import { encodeSafetensors, readSafetensorsFile } from '#main/formats/safetensors.ts'
import type { Tensor } from '#main/formats/tensor.ts'
import { quoted } from '#main/formats/text.ts'
import type { Dataset } from '#shared/domain/dataset.ts'
import type { GivenOriginal } from '#shared/domain/study.ts'
import { AppError } from '#shared/errors.ts'
import { parseMetadata, type WeightsMetadata } from './weights-metadata.ts'

/** Weights that were found to be a model for the data set, not stored yet. */
export interface ReadOriginal {
  readonly file: string
  readonly architecture: string
  readonly normalisation: GivenOriginal['normalisation']
  readonly notes: readonly string[]
  store(objects: ObjectStore): Promise<GivenOriginal>
}

type FloatTensor = { readonly dtype: 'F32'; readonly shape: readonly number[]; readonly data: Float32Array }
type FloatTensors = ReadonlyMap<string, FloatTensor>

/**
 * Reads weights from safetensors (as `model export` writes them) or npz, one float32 array a variable. Without
 * `architecture` it is the one that the file names, or the only one that its arrays fit.
 * @throws AppError `bad-input` naming the file and the array: unreadable, of another architecture, image size or classes,
 * not float32, not finite.
 */
export async function readOriginal(
  path: string,
  dataset: Dataset,
  architecture: string | undefined,
): Promise<ReadOriginal> {
  const { tensors, about } = await readWeightsFile(path)
  const file = basename(path)
  checkImagesAndClasses(about, dataset, file)
  const chosen = chooseArchitecture(tensors, about, dataset, architecture, file)
  const shapes = variablesOf(chosen, dataset)
  checkWeights(shapes, Object.fromEntries(tensors), (what) =>
    misfit(file, chosen, dataset, what, fitting(tensors, dataset)),
  )
  for (const [name, { data }] of tensors) {
    if (data.every(Number.isFinite)) continue
    throw new AppError('bad-input', `The array ${quoted(name)} of ${quoted(file)} holds numbers that are not finite.`, {
      hint: 'A model with such weights predicts nothing; train it again with a lower learning rate.',
    })
  }
  const normalisation = about.normalisation ?? null
  return {
    file,
    architecture: chosen,
    normalisation,
    notes:
      normalisation === null
        ? [
            `${quoted(file)} doesn't say how its inputs are normalised: the mean and standard deviation of the members are taken.`,
          ]
        : [],
    async store(objects) {
      const ordered = new Map(
        shapes.flatMap(({ name }) => {
          const tensor = tensors.get(name)
          return tensor === undefined ? [] : [[name, tensor] as const]
        }),
      )
      return { weights: await objects.put(encodeSafetensors(ordered)), file, normalisation }
    },
  }
}

async function readWeightsFile(
  path: string,
): Promise<{ readonly tensors: FloatTensors; readonly about: Partial<WeightsMetadata> }> {
  if (extname(path).toLowerCase() === '.npz') {
    return { tensors: floats(await readNpzFile(path), path), about: {} }
  }
  const { tensors, metadata } = await readSafetensorsFile(path)
  return { tensors: floats(tensors, path), about: parseMetadata(metadata) }
}

function floats(tensors: ReadonlyMap<string, Tensor>, path: string): FloatTensors {
  const found = new Map<string, FloatTensor>()
  for (const [name, tensor] of tensors) {
    if (tensor.dtype !== 'F32') {
      throw new AppError(
        'bad-input',
        `The array ${quoted(name)} of ${quoted(basename(path))} has the type ${tensor.dtype}, not float32.`,
        { hint: 'Save the weights as float32, without anything else in the file.' },
      )
    }
    found.set(name, { dtype: 'F32', shape: tensor.shape, data: tensor.data })
  }
  return found
}

function checkImagesAndClasses(
  { image, classes, normalisation }: Partial<WeightsMetadata>,
  dataset: Dataset,
  file: string,
): void {
  const refuse = (what: string, hint: string): AppError =>
    new AppError('bad-input', `${quoted(file)} ${what}`, { hint })
  if (image !== undefined && image.join() !== dataset.shape.join()) {
    throw refuse(
      `is a model for images of ${image.join('x')}, and those of "${dataset.name}" are ${dataset.shape.join('x')}.`,
      'Import the data set with the size that the model was made for (dataset import --size).',
    )
  }
  const names = dataset.classes.map(({ name }) => name)
  const other = classes?.findIndex((name, label) => name !== names[label]) ?? -1
  if (classes !== undefined && (classes.length !== names.length || other >= 0)) {
    throw refuse(
      `is a model for the classes ${classes.join(', ')}, and those of "${dataset.name}" are ${names.join(', ')}.`,
      'A model goes with the data set whose classes it was trained on, in their order.',
    )
  }
  const channels = dataset.shape[2]
  if (
    normalisation !== undefined &&
    (normalisation.mean.length !== channels || normalisation.std.length !== channels)
  ) {
    throw refuse(
      `normalises ${normalisation.mean.length} channels, and the images of "${dataset.name}" have ${channels}.`,
      'Write the metadata tmu.normalisation with one mean and one std a channel.',
    )
  }
}

function chooseArchitecture(
  tensors: FloatTensors,
  about: Partial<WeightsMetadata>,
  dataset: Dataset,
  asked: string | undefined,
  file: string,
): string {
  if (asked !== undefined) {
    if (about.architecture === undefined || about.architecture === asked) return architectureOf(asked).id
    throw new AppError('bad-input', `${quoted(file)} is a model of ${about.architecture}, not of ${asked}.`, {
      hint: `Leave the architecture out, or choose ${about.architecture}.`,
    })
  }
  if (about.architecture !== undefined) return architectureOf(about.architecture).id
  const [only, ...others] = fitting(tensors, dataset)
  if (only !== undefined && others.length === 0) return only
  throw new AppError(
    'bad-input',
    `${quoted(file)} doesn't name its architecture, and ${only === undefined ? 'its arrays fit none that there is' : `its arrays fit several: ${[only, ...others].join(', ')}`}.`,
    { hint: 'Name it with --arch. docs/models.md lists the arrays that each architecture has.' },
  )
}

/** Architectures whose variables these are. */
function fitting(tensors: FloatTensors, dataset: Dataset): readonly string[] {
  return architectures.flatMap(({ id }) => {
    try {
      checkWeights(variablesOf(id, dataset), Object.fromEntries(tensors), (what) => new AppError('bad-input', what))
      return [id]
    } catch (error) {
      // Too small images for the architecture, or other variables.
      if (error instanceof AppError && error.code === 'bad-input') return []
      throw error
    }
  })
}

function variablesOf(architecture: string, { shape, classes }: Dataset): readonly VariableShape[] {
  const [height, width, channels] = shape
  const data: Pick<DataParams, 'height' | 'width' | 'channels' | 'classCount'> = {
    height,
    width,
    channels,
    classCount: classes.length,
  }
  return shapedLayers(architecture, data).flatMap(({ variables }) => variables)
}

function misfit(
  file: string,
  architecture: string,
  { name, shape, classes }: Dataset,
  what: string,
  fits: readonly string[],
): AppError {
  return new AppError(
    'bad-input',
    `${quoted(file)} is no ${architecture} for ${shape.join('x')} images of ${classes.length} classes ("${name}"): ${what}.`,
    {
      hint:
        fits.length > 0
          ? `Its arrays fit ${fits.join(', ')}: choose that with --arch.`
          : `It must hold exactly these arrays: ${variablesOf(architecture, { shape, classes } as Dataset)
              .map((variable) => `${variable.name} [${variable.shape.join(', ')}]`)
              .join(', ')}.`,
    },
  )
}
