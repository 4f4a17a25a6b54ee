/** Writes the model of a run for others: safetensors, or a TensorFlow.js layers model. */
import { rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { createFolders } from '#main/artifacts/create-folders.ts'
import { encodeSafetensors } from '#main/formats/safetensors.ts'
import type { NumericTensor } from '#main/formats/tensor.ts'
import { quoted } from '#main/formats/text.ts'
import type { ModelFormat } from '#shared/domain/study.ts'
import { AppError } from '#shared/errors.ts'
import { layersModel } from './layers-model.ts'
import { metadataText, type WeightsMetadata } from './weights-metadata.ts'

export interface ExportedWeights {
  readonly tensors: ReadonlyMap<string, NumericTensor>
  readonly about: WeightsMetadata
  /** Where the model comes from: study, run, method, seed, engine. */
  readonly origin: Readonly<Record<string, string>>
}

/**
 * Writes the files and names them, the one to open first. A TensorFlow.js model goes to PATH where that ends in .json
 * (its weights beside it), else to `model.json` in the folder PATH.
 * @throws AppError `already-exists` unless `overwrite`, `bad-input` where the place can't be written to, `disk-full`.
 */
export async function writeModel(
  model: ExportedWeights,
  path: string,
  format: ModelFormat,
  overwrite: boolean,
): Promise<readonly string[]> {
  const files = format === 'tfjs' ? tfjsFiles(model, path) : [{ path: resolve(path), bytes: safetensors(model) }]
  if (!overwrite) {
    for (const file of files) {
      if (!(await exists(file.path))) continue
      throw new AppError('already-exists', `${quoted(file.path, 300)} is already there.`, {
        hint: 'Name another file, or add --overwrite.',
      })
    }
  }
  // The file to open first is the last to appear: it never names weights that aren't there yet.
  for (const { path: target, bytes } of files.toReversed()) await write(target, bytes)
  return files.map((file) => file.path)
}

function safetensors({ tensors, about, origin }: ExportedWeights): Uint8Array {
  return encodeSafetensors(tensors, { ...metadataText(about), ...origin, format: 'tmu' })
}

function tfjsFiles(
  { tensors, about, origin }: ExportedWeights,
  path: string,
): readonly { readonly path: string; readonly bytes: Uint8Array }[] {
  const isFile = extname(path).toLowerCase() === '.json'
  const json = resolve(isFile ? path : join(path, 'model.json'))
  const weightsFile = `${basename(json, extname(json))}.weights.bin`
  const [height, width, channels] = about.image
  const { json: topology, weights } = layersModel(
    about.architecture,
    { height, width, channels, classCount: about.classes.length },
    {
      weightsFile,
      generatedBy: 'TMU Workbench',
      about: {
        ...about,
        normalisation: { ...about.normalisation, inputs: '(pixel / 255 - mean) / std, channel by channel' },
        origin,
      },
    },
  )
  const parts = weights.map((name) => {
    const tensor = tensors.get(name)
    if (tensor === undefined) throw new AppError('corrupt', `The weights lack "${name}".`)
    return new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength)
  })
  return [
    { path: json, bytes: new TextEncoder().encode(`${JSON.stringify(topology, null, 1)}\n`) },
    { path: join(dirname(json), weightsFile), bytes: Buffer.concat(parts) },
  ]
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}

/** Whole or not at all. */
async function write(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}.part`
  try {
    await createFolders(dirname(path))
    await writeFile(temporary, bytes, { flush: true })
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw unwritable(path, error)
  }
}

function unwritable(path: string, cause: unknown): AppError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
  if (code === 'ENOSPC') {
    return new AppError('disk-full', `There is no space left for ${quoted(path, 300)}.`, {
      hint: 'Free some space, or write to another disk.',
      cause,
    })
  }
  return new AppError('bad-input', `${quoted(path, 300)} can't be written (${code}).`, {
    hint: 'Name a file in a folder that you may write to.',
    cause,
  })
}
