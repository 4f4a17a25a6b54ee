import type { ObjectStore } from '#main/artifacts/object-store.ts'
import { encodeSafetensors, parseSafetensors } from '#main/formats/safetensors.ts'
import { tensorOf } from '#main/formats/tensor.ts'
import type { Dataset, SampleTable } from '#shared/domain/dataset.ts'
import { AppError } from '#shared/errors.ts'
import type { ObjectHash } from '#shared/ids.ts'

/** An ids object: ascending sample indices. */
export function encodeIds(ids: Int32Array): Uint8Array<ArrayBuffer> {
  return encodeSafetensors({ ids: tensorOf(ids) })
}

export async function readIds(objects: ObjectStore, hash: ObjectHash): Promise<Int32Array> {
  return await readInt32(objects, hash, 'ids')
}

export function encodeLabels(labels: Int32Array): Uint8Array<ArrayBuffer> {
  return encodeSafetensors({ labels: tensorOf(labels) })
}

export async function readLabels(objects: ObjectStore, dataset: Dataset): Promise<Int32Array> {
  const labels = await readInt32(objects, dataset.labels, 'labels')
  if (labels.length !== dataset.sampleCount) throw notOurs(dataset.labels)
  return labels
}

export async function readSampleTable(objects: ObjectStore, dataset: Dataset): Promise<SampleTable> {
  const bytes = await objects.read(dataset.samples)
  const table = JSON.parse(new TextDecoder().decode(bytes)) as SampleTable
  if (table.names.length !== dataset.sampleCount) throw notOurs(dataset.samples)
  return table
}

async function readInt32(objects: ObjectStore, hash: ObjectHash, name: string): Promise<Int32Array> {
  const tensor = parseSafetensors(await objects.read(hash), hash).tensors.get(name)
  if (tensor?.dtype !== 'I32') throw notOurs(hash)
  return tensor.data
}

/** The hash was right, so this is what was stored: the row points at the wrong object. */
function notOurs(hash: ObjectHash): AppError {
  return new AppError('corrupt', `The object ${hash} is not what the workspace says it is.`, {
    hint: 'Run "workspace check".',
    details: { object: hash },
  })
}
