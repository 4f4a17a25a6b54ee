import { describe, expect, it } from 'vitest'
import { canonicalJson, stageKeyOf } from '#main/workbench/jobs/stage-key.ts'
import type { ObjectHash, StageKey } from '#shared/ids.ts'

/** Its canonical text, written by hand and hashed with sha256sum: {"engine":"wasm","inputs":{"images":{"object":"aa"},… */
const twin = {
  kind: 'train-twin',
  version: 1,
  params: { name: 'é"\n', lr: 0.003, data: { std: [0.5] } },
  seed: 7,
  engine: 'wasm',
  inputs: {
    original: { stage: 'bb' as StageKey, output: 'weights' },
    images: { object: 'aa' as ObjectHash },
  },
} as const

describe('stage key', () => {
  it('is the SHA-256 of the canonical text', () => {
    expect(stageKeyOf(twin)).toBe('19d781cb5c7c6299595ed88fdabdebc5d4eadb6179be911c84dab706b6b771f5')
    expect(stageKeyOf({ kind: 'random-init', version: 2, params: {}, seed: 0, engine: 'cpu', inputs: {} })).toBe(
      '3d008027cd357927323a88af5c1d079a0fd4d0adc2de7db4ff572025d05d5161',
    )
  })

  it('does not depend on the order in which members were written', () => {
    const { kind, version, params, seed, engine, inputs } = twin
    const reordered = {
      inputs: { images: inputs.images, original: { output: inputs.original.output, stage: inputs.original.stage } },
      engine,
      seed,
      params: { data: params.data, lr: params.lr, name: params.name },
      version,
      kind,
    }
    expect(stageKeyOf(reordered)).toBe(stageKeyOf(twin))
  })

  it('changes with every part of the identity', () => {
    const keys = [
      stageKeyOf(twin),
      stageKeyOf({ ...twin, kind: 'train-gold' }),
      stageKeyOf({ ...twin, version: 2 }),
      stageKeyOf({ ...twin, params: { ...twin.params, lr: 0.0031 } }),
      stageKeyOf({ ...twin, seed: 8 }),
      stageKeyOf({ ...twin, engine: 'cpu' }),
      stageKeyOf({ ...twin, inputs: { ...twin.inputs, images: { object: 'ab' as ObjectHash } } }),
      stageKeyOf({ ...twin, inputs: { ...twin.inputs, original: { stage: 'bb' as StageKey, output: 'epoch-2' } } }),
    ]
    expect(new Set(keys).size).toBe(keys.length)
  })

  it('leaves out what is undefined, and tells null from it', () => {
    expect(canonicalJson({ a: undefined, b: 1 })).toBe('{"b":1}')
    expect(canonicalJson({ a: null, b: 1 })).toBe('{"a":null,"b":1}')
  })

  it('writes minus zero as zero and keeps the order of lists', () => {
    expect(canonicalJson([-0, 2, 1])).toBe('[0,2,1]')
  })

  it('refuses what JSON cannot say', () => {
    expect(() => canonicalJson({ lr: Number.NaN })).toThrow('NaN')
    expect(() => canonicalJson({ lr: Number.POSITIVE_INFINITY })).toThrow('Infinity')
    expect(() => canonicalJson({ ids: new Int32Array(2) })).toThrow('object')
  })
})
