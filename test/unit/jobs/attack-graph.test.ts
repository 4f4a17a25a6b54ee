import { describe, expect, it } from 'vitest'
import type { StageNode } from '#main/compute/stages.ts'
import { estimateVisits } from '#main/workbench/jobs/estimate.ts'
import { assertGoldIsEvidence } from '#main/workbench/jobs/gold-guard.ts'
import type { StudyMaterial } from '#main/workbench/jobs/graph/graph-builder.ts'
import { type CompiledStudy, compileStudy, dependenciesOf } from '#main/workbench/jobs/graph.ts'
import type { SampleList } from '#main/workbench/jobs/sample-lists.ts'
import { shadowHalves } from '#main/workbench/jobs/shadow-lists.ts'
import { closureOf } from '#main/workbench/jobs/study-loader.ts'
import { type AttackRequest, attackPlan } from '#main/workbench/studies/attack-plan.ts'
import { attackIds } from '#shared/domain/attack.ts'
import type { StudyConfig } from '#shared/domain/study.ts'
import type { ObjectHash, StageKey } from '#shared/ids.ts'
import { exampleConfig, exampleMaterial } from './example-study.ts'

const methods = ['gold', 'none', 'tmu', 'rewind', 'fine-tune', 'oracle']

function withShadows(material: StudyMaterial, count: number): StudyMaterial {
  const list = (name: string, length: number): SampleList => ({
    object: Buffer.from(name).toString('hex').padEnd(64, '0') as ObjectHash,
    count: length,
  })
  const halves = Array.from({ length: count }, (_, i) => ({
    members: list(`S${i}`, 75),
    forget: list(`F of S${i}`, 15),
    retain: list(`R of S${i}`, 60),
    classRetain: 10,
  }))
  return { ...material, lists: { ...material.lists, shadows: { audit: list('audit', 20), halves } } }
}

function compile(request: AttackRequest, changes: Partial<StudyConfig> = {}, shadows = 4): CompiledStudy {
  const material = withShadows(exampleMaterial(), shadows)
  return compileStudy(
    exampleConfig({ methods, ...changes }),
    material,
    'wasm',
    attackPlan(null, { shadows, ...request }),
  )
}

const ofKind = (study: CompiledStudy, kind: StageNode['kind']): readonly StageNode[] =>
  study.nodes.filter((node) => node.kind === kind)

const everything = { attacks: attackIds, models: 4 }

describe('the graph of a study with attacks', () => {
  it('holds every stage that it has without, under the same keys', () => {
    const plain = compileStudy(exampleConfig({ methods }), exampleMaterial(), 'wasm')
    const attacked = new Set(compile(everything).nodes.map(({ key }) => key))
    expect(plain.nodes.every(({ key }) => attacked.has(key))).toBe(true)
    expect(plain.attacks).toEqual([])
  })

  it('trains each shadow model once, whatever reads it', () => {
    const study = compile(everything, { seeds: [1, 2] })
    expect(ofKind(study, 'train-shadow').map(({ label }) => label)).toEqual([
      'shadow 0',
      'shadow 1',
      'shadow 2',
      'shadow 3',
    ])
    expect(new Set(ofKind(study, 'train-shadow').map(({ seed }) => seed)).size).toBe(4)
  })

  it('keeps the shadow models when more are asked for, and other attacks', () => {
    const few = ofKind(compile({ attacks: ['rmia'] }, {}, 2), 'train-shadow').map(({ key }) => key)
    const many = ofKind(compile({ attacks: ['lira', 'ulira'] }, {}, 8), 'train-shadow').map(({ key }) => key)
    expect(many.slice(0, 2)).toEqual(few)
  })

  it('lets no run read what an attack, a shadow model or a relearned model made', () => {
    const study = compile(everything)
    const byKey = new Map(study.nodes.map((node) => [node.key, node]))
    const dependenciesOfKey = (key: StageKey): readonly StageKey[] => {
      const node = byKey.get(key)
      return node === undefined ? [] : dependenciesOf(node)
    }
    const evidence = new Set(['train-shadow', 'relearn', 'cka', 'attack'])
    for (const run of study.runs) {
      const kinds = closureOf(run.evaluate, dependenciesOfKey).map((key) => byKey.get(key)?.kind ?? '')
      expect(kinds.filter((kind) => evidence.has(kind))).toEqual([])
    }
  })

  it('puts everything that attacks add to the evidence', () => {
    const plain = new Set(
      compileStudy(exampleConfig({ methods }), exampleMaterial(), 'wasm').nodes.map(({ key }) => key),
    )
    const added = compile(everything).nodes.filter(({ key }) => !plain.has(key))
    expect(new Set(added.map(({ scope }) => scope))).toEqual(new Set(['evidence']))
  })

  it('has U-LiRA unlearn each shadow model of its own share of F, twin and labels included', () => {
    const study = compile({ attacks: ['ulira'] })
    const unlearned = ofKind(study, 'unlearn').filter(({ label }) => label.startsWith('tmu, shadow'))
    expect(unlearned).toHaveLength(4)
    expect(ofKind(study, 'train-twin').filter(({ label }) => label.includes('shadow'))).toHaveLength(4)
    const lists = withShadows(exampleMaterial(), 4).lists
    const [first] = unlearned
    expect(first.inputs['forget']).toEqual({ object: lists.shadows?.halves[0]?.forget.object })
    const own = ofKind(study, 'unlearn').find(({ label }) => label === 'tmu')
    if (own === undefined) throw new Error('no tmu')
    expect(estimateVisits(first, lists).visitsBackward).toBeLessThan(estimateVisits(own, lists).visitsBackward)
    expect(study.attacks.map(({ method }) => method)).toEqual(['none', 'tmu', 'rewind', 'fine-tune'])
  })

  it('has U-LiRA take a shadow model with none of F as it is, since there is nothing to unlearn', () => {
    const material = withShadows(exampleMaterial(), 8)
    const { shadows } = material.lists
    if (shadows === undefined) throw new Error('no shadows')
    // F is one image: in one half of each pair.
    const halves = shadows.halves.map((half, i) => ({ ...half, forget: { ...half.forget, count: i % 2 } }))
    const ofOne = { ...material, lists: { ...material.lists, shadows: { ...shadows, halves } } }
    const plan = attackPlan(null, { attacks: ['ulira'] })
    const study = compileStudy(exampleConfig({ methods }), ofOne, 'wasm', plan)
    const attack = ofKind(study, 'attack').find(({ label }) => label === 'ulira on fine-tune')
    const labelOf = (input: string): string => {
      const given = attack?.inputs[input]
      const stage = given !== undefined && 'stage' in given ? given.stage : null
      return study.nodes.find(({ key }) => key === stage)?.label ?? ''
    }
    expect(Array.from({ length: 8 }, (_, i) => labelOf(`unlearned${i}`))).toEqual(
      Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? `shadow ${i}` : `fine-tune, shadow ${i}`)),
    )
    expect(ofKind(study, 'unlearn').filter(({ label }) => label.startsWith('fine-tune, shadow'))).toHaveLength(4)
  })

  it('compares methods by their own runs first, then by repeats of the same original', () => {
    const study = compile({ attacks: ['klom'], models: 5 }, { seeds: [1, 2] })
    expect(ofKind(study, 'train-original')).toHaveLength(2)
    expect(ofKind(study, 'train-gold').map(({ seed }) => seed)).toEqual([1001, 1002, 1003, 1004, 1005])
    const rewinds = ofKind(study, 'unlearn').filter(({ label }) => label.startsWith('rewind'))
    expect(rewinds.map(({ label }) => label)).toEqual([
      'rewind, seed 1',
      'rewind, seed 2',
      'rewind, repeat 2',
      'rewind, repeat 3',
      'rewind, repeat 4',
    ])
  })

  it('refuses a request that would unlearn from a shadow model', () => {
    const study = compile({ attacks: ['ulira'] })
    const forged = study.nodes.map((node) =>
      node.label === 'tmu, shadow 0' ? ({ ...node, scope: 'request' } as StageNode) : node,
    )
    expect(() => assertGoldIsEvidence(forged, (method) => method === 'oracle')).toThrow(
      "would read a shadow model's work",
    )
  })
})

describe('halves of the pool', () => {
  const labels = Int32Array.from({ length: 300 }, (_, i) => i % 3)
  const members = Int32Array.from({ length: 120 }, (_, i) => i)
  const evaluation = Int32Array.from({ length: 150 }, (_, i) => 150 + i)
  const { audit, halves } = shadowHalves(members, evaluation, labels, 7, 3)

  it('take as many unseen samples of each class as there are members', () => {
    expect(audit).toHaveLength(120)
    expect([0, 1, 2].map((label) => audit.filter((id) => labels[id] === label).length)).toEqual([40, 40, 40])
  })

  it('share nothing within a pair, and are the pool together', () => {
    for (const pair of [0, 2, 4]) {
      const both = [...halves[pair], ...halves[pair + 1]]
      expect(new Set(both).size).toBe(240)
      expect(halves[pair].filter((id) => id < 120)).toHaveLength(60)
    }
    expect(halves[0]).not.toEqual(halves[2])
  })

  it('are the same when there are more of them', () => {
    expect(shadowHalves(members, evaluation, labels, 7, 1).halves).toEqual(halves.slice(0, 2))
  })
})
