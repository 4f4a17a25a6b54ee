import type { ObjectStore } from '#main/artifacts/object-store.ts'
import { encodeSafetensors, parseSafetensors } from '#main/formats/safetensors.ts'
import { tensorOf } from '#main/formats/tensor.ts'
import type { Dataset, GroupColumn, SampleTable } from '#shared/domain/dataset.ts'
import type { QualityFindings } from '#shared/domain/quality.ts'
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

/** Of a group column: an index into its values for each sample, -1 where it isn't known. */
export function encodeGroupCodes(codes: Int32Array): Uint8Array<ArrayBuffer> {
  return encodeSafetensors({ codes: tensorOf(codes) })
}

export async function readGroupCodes(objects: ObjectStore, dataset: Dataset, column: GroupColumn): Promise<Int32Array> {
  const codes = await readInt32(objects, column.codes, 'codes')
  if (codes.length !== dataset.sampleCount || !codes.every((code) => code >= -1 && code < column.values.length)) {
    throw notOurs(column.codes)
  }
  return codes
}

/** What was found out about the images, or null while nobody has looked. */
export async function readFindings(objects: ObjectStore, dataset: Dataset): Promise<QualityFindings | null> {
  if (dataset.quality === null) return null
  const findings = JSON.parse(new TextDecoder().decode(await objects.read(dataset.quality))) as QualityFindings
  if (findings.sampleCount !== dataset.sampleCount) throw notOurs(dataset.quality)
  return findings
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
