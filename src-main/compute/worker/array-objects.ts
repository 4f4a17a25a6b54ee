/** Artifacts of stages as objects: safetensors and JSON, in and out. */
import { encodeSafetensors, parseSafetensors } from '#main/formats/safetensors.ts'
import type { NumericTensor } from '#main/formats/tensor.ts'
import { AppError } from '#shared/errors.ts'
import type { ObjectHash } from '#shared/ids.ts'
import type { StageObjects } from './stage-objects.ts'
import type { StoredArray, StoredArrays } from './stage-runner.ts'
import type { NamedArrays } from './training/types.ts'

export async function readArrays(objects: StageObjects, object: ObjectHash): Promise<StoredArrays> {
  return (await readArraysAndMetadata(objects, object)).arrays
}

export async function readArraysAndMetadata(
  objects: StageObjects,
  object: ObjectHash,
): Promise<{ readonly arrays: StoredArrays; readonly metadata: Readonly<Record<string, string>> }> {
  const { tensors, metadata } = parseSafetensors(await objects.read(object), `object ${object}`)
  const arrays: Record<string, StoredArray> = {}
  for (const [name, tensor] of tensors) {
    switch (tensor.dtype) {
      case 'F32':
      case 'F64':
      case 'I32':
      case 'U8':
        arrays[name] = { shape: tensor.shape, data: tensor.data }
        break
      default:
        throw new AppError(
          'corrupt',
          `The array "${name}" of object ${object} has the unexpected type ${tensor.dtype}.`,
        )
    }
  }
  return { arrays, metadata }
}

export async function readWeights(objects: StageObjects, object: ObjectHash): Promise<NamedArrays> {
  return floatArrays(await readArrays(objects, object), object)
}

/** An ids object. @throws AppError `corrupt` unless its `ids` are ascending. */
export async function readIds(objects: StageObjects, object: ObjectHash): Promise<Int32Array> {
  const ids = await readVector(objects, object, 'ids')
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] < 0 || (i > 0 && ids[i] <= ids[i - 1])) {
      throw new AppError('corrupt', `The ids of object ${object} do not ascend at position ${i}.`)
    }
  }
  return ids
}

/** A data set's labels object. */
export function readLabels(objects: StageObjects, object: ObjectHash): Promise<Int32Array> {
  return readVector(objects, object, 'labels')
}

export async function readJson(objects: StageObjects, object: ObjectHash): Promise<unknown> {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(await objects.read(object)))
  } catch (error) {
    if (error instanceof AppError) throw error
    throw new AppError('corrupt', `The object ${object} is not JSON.`, { cause: error })
  }
}

export function writeArrays(
  objects: StageObjects,
  arrays: StoredArrays,
  metadata: Readonly<Record<string, string>> = {},
): Promise<ObjectHash> {
  const tensors = new Map(Object.entries(arrays).map(([name, array]) => [name, tensorOf(array)]))
  return objects.put(encodeSafetensors(tensors, metadata))
}

export function writeJson(objects: StageObjects, value: unknown): Promise<ObjectHash> {
  return objects.put(new TextEncoder().encode(JSON.stringify(value)))
}

/** @throws AppError `corrupt` naming the first array that isn't float32. */
export function floatArrays(arrays: StoredArrays, object: ObjectHash): NamedArrays {
  const floats: Record<string, NamedArrays[string]> = {}
  for (const [name, { shape, data }] of Object.entries(arrays)) {
    if (!(data instanceof Float32Array)) {
      throw new AppError('corrupt', `The array "${name}" of object ${object} does not hold 32-bit floats.`)
    }
    floats[name] = { shape, data }
  }
  return floats
}

async function readVector(objects: StageObjects, object: ObjectHash, name: string): Promise<Int32Array> {
  const { [name]: array } = await readArrays(objects, object)
  if (array === undefined || !(array.data instanceof Int32Array) || array.shape.length !== 1) {
    throw new AppError('corrupt', `The object ${object} has no 32-bit integer list "${name}".`)
  }
  return array.data
}

function tensorOf({ shape, data }: StoredArray): NumericTensor {
  if (data instanceof Float32Array) return { dtype: 'F32', shape, data }
  if (data instanceof Float64Array) return { dtype: 'F64', shape, data }
  if (data instanceof Int32Array) return { dtype: 'I32', shape, data }
  return { dtype: 'U8', shape, data }
}
