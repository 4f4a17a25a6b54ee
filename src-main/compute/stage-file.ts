/** A stage as a file: all that `tmu worker run-stage` needs, wherever it runs. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { errnoOf } from '#main/artifacts/storage-errors.ts'
import { engineIds } from '#shared/domain/engine.ts'
import { stageKinds } from '#shared/domain/stage.ts'
import { AppError } from '#shared/errors.ts'
import type { StageKey } from '#shared/ids.ts'
import type { StageSpec } from './stages.ts'

const hash = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits')
const schema = z.strictObject({
  /** Folder of the object store; relative to the file. */
  objects: z.string().min(1),
  /** Default: made from the rest. Only checkpoints depend on it. */
  key: hash.optional(),
  kind: z.enum(stageKinds),
  version: z.int().min(1),
  params: z.record(z.string(), z.unknown()),
  seed: z.int().min(0),
  engine: z.enum(engineIds),
  /** Name -> object. */
  inputs: z.record(z.string(), hash),
  checkpoint: hash.nullable().default(null),
})

export interface StageFile {
  readonly spec: StageSpec
  readonly objectsRoot: string
}

/** @throws AppError `bad-input` naming the field at fault, `not-found`. */
export async function readStageFile(path: string): Promise<StageFile> {
  const parsed = schema.safeParse(parseJson(await readText(path), path))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const where = issue.path.length === 0 ? '' : ` at "${issue.path.join('.')}"`
    throw new AppError('bad-input', `The stage file "${path}" is wrong${where}: ${issue.message}.`, {
      hint: 'docs/stages.md shows what a stage file holds.',
    })
  }
  const { objects, key, ...rest } = parsed.data
  const own = key ?? createHash('sha256').update(JSON.stringify(rest)).digest('hex')
  const spec = { ...rest, key: own as StageKey } as unknown as StageSpec
  return { spec, objectsRoot: resolve(dirname(path), objects) }
}

/** What `readStageFile` reads. */
export function encodeStageFile({ spec, objectsRoot }: StageFile): string {
  return `${JSON.stringify({ objects: objectsRoot, ...spec }, null, 2)}\n`
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const code = errnoOf(error)
    if (code === 'ENOENT') throw new AppError('not-found', `There is no file "${path}".`, { cause: error })
    throw new AppError('bad-input', `The stage file "${path}" can't be read (${code ?? 'unknown error'}).`, {
      cause: error,
    })
  }
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new AppError('bad-input', `The stage file "${path}" is no JSON.`, {
      hint: 'docs/stages.md shows what a stage file holds.',
      cause: error,
    })
  }
}
