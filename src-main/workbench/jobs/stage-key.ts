import { createHash } from 'node:crypto'
import type { StageInput } from '#main/compute/stages.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import type { StageKind } from '#shared/domain/stage.ts'
import { AppError } from '#shared/errors.ts'
import type { StageKey } from '#shared/ids.ts'

/** What decides a stage's result. Label and scope are for people and stay out of the key. */
export interface StageIdentity {
  readonly kind: StageKind
  readonly version: number
  readonly params: unknown
  readonly seed: number
  readonly engine: EngineId
  readonly inputs: Readonly<Record<string, StageInput>>
}

/** SHA-256 of the identity's canonical JSON. The order in which its parts were written down doesn't matter. */
export function stageKeyOf({ kind, version, params, seed, engine, inputs }: StageIdentity): StageKey {
  const text = canonicalJson({ engine, inputs, kind, params, seed, version })
  return createHash('sha256').update(text, 'utf8').digest('hex') as StageKey
}

/**
 * JSON with object keys in code-unit order and no white space; members that are `undefined` are left out and -0 is 0,
 * so that equal values always give the same text.
 * @throws AppError `internal` for what JSON can't say: NaN, infinities, functions, typed arrays.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw inexpressible(String(value))
    return JSON.stringify(value)
  }
  if (Array.isArray(value)) return `[${value.map((item: unknown) => canonicalJson(item)).join(',')}]`
  if (typeof value !== 'object' || !isPlain(value)) throw inexpressible(typeof value)
  const members: string[] = []
  for (const name of Object.keys(value).sort()) {
    const member = (value as Readonly<Record<string, unknown>>)[name]
    if (member !== undefined) members.push(`${JSON.stringify(name)}:${canonicalJson(member)}`)
  }
  return `{${members.join(',')}}`
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function inexpressible(what: string): AppError {
  return new AppError('internal', `A stage's parameters hold ${what}, which has no place in a key.`)
}
