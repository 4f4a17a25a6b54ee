import { describe, expect, it } from 'vitest'
import { completeMethodOptions, defaultMethods, methodIds } from '#main/compute/methods.ts'
import type { StageNode } from '#main/compute/stages.ts'
import { estimateVisits } from '#main/workbench/jobs/estimate.ts'
import { assertGoldIsEvidence } from '#main/workbench/jobs/gold-guard.ts'
import { type CompiledStudy, compileStudy, dependenciesOf } from '#main/workbench/jobs/graph.ts'
import type { StudyConfig } from '#shared/domain/study.ts'
import type { StageKey } from '#shared/ids.ts'
import { exampleConfig, exampleMaterial } from './example-study.ts'

const tmuFamily = ['tmu', 'tmu-faithful', 'tmu-soft', 'cf-quantile']
const compile = (changes: Partial<StudyConfig> = {}, material = exampleMaterial()): CompiledStudy =>
  compileStudy(exampleConfig(changes), material, 'wasm')

const ofKind = (study: CompiledStudy, kind: StageNode['kind']): readonly StageNode[] =>
  study.nodes.filter((node) => node.kind === kind)

const nodeOf = (study: CompiledStudy, key: StageKey): StageNode => {
  const node = study.nodes.find((candidate) => candidate.key === key)
  if (node === undefined) throw new Error(`no stage ${key}`)
  return node
}

/** Every stage that this one was made from, at any distance. */
const ancestorsOf = (study: CompiledStudy, key: StageKey): ReadonlySet<StageNode> => {
  const found = new Set<StageNode>()
  const visit = (at: StageKey): void => {
    for (const dependency of dependenciesOf(nodeOf(study, at))) {
      const node = nodeOf(study, dependency)
      if (found.has(node)) continue
      found.add(node)
      visit(dependency)
    }
  }
  visit(key)
  return found
}

const runOf = (study: CompiledStudy, method: string) => {
  const run = study.runs.find((candidate) => candidate.method === method)
  if (run === undefined) throw new Error(`no run of ${method}`)
  return run
}

describe('study graph', () => {
  it('has one run a method and seed, and one a gold', () => {
    const study = compile({ seeds: [1, 2], goldSeeds: [1001, 1002, 1003] })
    const others = defaultMethods.filter((method) => method !== 'gold')
    expect(study.runs).toHaveLength(3 + 2 * others.length)
    expect(study.runs.filter((run) => run.method === 'gold').map((run) => run.seed)).toEqual([1001, 1002, 1003])
    for (const method of others) {
      expect(study.runs.filter((run) => run.method === method).map((run) => run.seed)).toEqual([1, 2])
    }
  })

  it('trains one original and one twin a seed and each gold once, however many methods there are', () => {
    const twelve = [...methodIds.filter((id) => id !== 'gold').slice(0, 7), 'gold', ...tmuFamily]
    expect(twelve).toHaveLength(12)
    for (const methods of [twelve, [...twelve].reverse(), defaultMethods, methodIds]) {
      const study = compile({
        methods,
        methodParams: completeMethodOptions(methods, {}),
        seeds: [1, 2, 3],
        goldSeeds: [1001, 1002],
      })
      expect(ofKind(study, 'train-gold').map((node) => node.seed)).toEqual([1001, 1002])
      expect(ofKind(study, 'train-original').map((node) => node.seed)).toEqual([1, 2, 3])
      expect(ofKind(study, 'train-twin').map((node) => node.seed)).toEqual([1, 2, 3])
    }
  })

  it('trains no twin when no method needs one', () => {
    const study = compile({ methods: ['gold', 'none', 'fine-tune', 'rewind'] })
    expect(ofKind(study, 'train-twin')).toHaveLength(0)
    expect(ofKind(study, 'features')).toHaveLength(0)
    expect(ofKind(study, 'label')).toHaveLength(0)
  })

  it('lists every stage after all that it reads, once', () => {
    const study = compile({ seeds: [1, 2] })
    const seen = new Set<StageKey>()
    for (const node of study.nodes) {
      for (const dependency of dependenciesOf(node)) expect(seen).toContain(dependency)
      expect(seen).not.toContain(node.key)
      seen.add(node.key)
    }
  })

  it('has the same keys every time', () => {
    expect(compile().nodes.map((node) => node.key)).toEqual(compile().nodes.map((node) => node.key))
  })

  it('lets no unlearning reach a gold, but the oracle through its labels', () => {
    const study = compile({ seeds: [1, 2] })
    for (const node of ofKind(study, 'unlearn') as readonly StageNode<'unlearn'>[]) {
      const ancestors = [...ancestorsOf(study, node.key)]
      const golds = ancestors.filter((ancestor) => ancestor.kind === 'train-gold')
      if (node.params.method === 'oracle') {
        expect(golds.map((gold) => gold.seed)).toEqual([1001])
        expect(ancestors.filter((ancestor) => ancestor.kind === 'oracle-label')).toHaveLength(1)
      } else expect(golds).toEqual([])
    }
    for (const kind of ['train-original', 'train-twin', 'features', 'fit-predictor', 'label'] as const) {
      for (const node of ofKind(study, kind)) {
        expect([...ancestorsOf(study, node.key)].map((ancestor) => ancestor.kind)).not.toContain('train-gold')
      }
    }
  })

  it('refuses a graph in which a gold or its labels help a method', () => {
    const study = compile()
    const gold = ofKind(study, 'train-gold')[0]
    const oracleLabels = ofKind(study, 'oracle-label')[0]
    const tmu = ofKind(study, 'unlearn').find((node) => (node as StageNode<'unlearn'>).params.method === 'tmu')
    if (tmu === undefined) throw new Error('no tmu')
    const tamper = (inputs: StageNode['inputs']): readonly StageNode[] => [
      ...study.nodes,
      { ...tmu, key: 'tampered' as StageKey, inputs: { ...tmu.inputs, ...inputs } },
    ]
    const isOracle = (method: string): boolean => method === 'oracle'
    expect(() => assertGoldIsEvidence(study.nodes, isOracle)).not.toThrow()
    expect(() => assertGoldIsEvidence(tamper({ original: { stage: gold.key, output: 'weights' } }), isOracle)).toThrow(
      'would read a gold',
    )
    expect(() =>
      assertGoldIsEvidence(tamper({ easyHard: { stage: oracleLabels.key, output: 'labels' } }), isOracle),
    ).toThrow("would read a gold's labels")
  })

  it('judges a gold by the other golds and the oracle by all but gold 0', () => {
    const study = compile({ goldSeeds: [1001, 1002, 1003] })
    const judges = (key: StageKey): readonly string[] =>
      Object.keys(nodeOf(study, key).inputs).filter((name) => name.startsWith('gold'))
    expect(study.runs.filter((run) => run.method === 'gold').map((run) => judges(run.evaluate))).toEqual([
      ['gold1', 'gold2'],
      ['gold0', 'gold2'],
      ['gold0', 'gold1'],
    ])
    expect(judges(runOf(study, 'oracle').evaluate)).toEqual(['gold1', 'gold2'])
    expect(judges(runOf(study, 'tmu').evaluate)).toEqual(['gold0', 'gold1', 'gold2'])
  })

  it('scores doing nothing from the original, without a stage of its own', () => {
    const study = compile()
    const evaluate = nodeOf(study, runOf(study, 'none').evaluate)
    expect(evaluate.inputs['unlearned']).toEqual(evaluate.inputs['original'])
  })

  it('compares with the count-matched control of the same seed what differs from it in its labels alone', () => {
    const methods = [
      ...exampleConfig().methods,
      'tmu[threshold=0.9]',
      'tmu[epochs=9]',
      'tmu[neighbours=7]',
      'count-matched-random[neighbours=7]',
    ]
    const methodParams = completeMethodOptions(methods, {
      'tmu[threshold=0.9]': { threshold: 0.9 },
      'tmu[epochs=9]': { epochs: 9 },
      'tmu[neighbours=7]': { neighbours: 7 },
      'count-matched-random[neighbours=7]': { neighbours: 7 },
    })
    const study = compile({ seeds: [1, 2], methods, methodParams })
    const controlOf = new Map([
      ['tmu', 'count-matched-random'],
      ['tmu[neighbours=7]', 'count-matched-random[neighbours=7]'],
    ])
    for (const { method, seed, evaluate, uncontrolled } of study.runs) {
      const control = nodeOf(study, evaluate).inputs['control']
      const matched = study.runs.find((other) => other.method === controlOf.get(method) && other.seed === seed)
      expect(control, method).toEqual(matched && nodeOf(study, matched.evaluate).inputs['unlearned'])
      expect(uncontrolled === null, method).toBe(matched !== undefined)
    }
    expect(runOf(study, 'tmu-soft').uncontrolled).toMatch(/without easy and hard labels/)
    expect(runOf(study, 'tmu-map').uncontrolled).toMatch(/as many hard labels as TMU predicts/)
    expect(runOf(study, 'tmu[threshold=0.9]').uncontrolled).toMatch(/as many hard labels as TMU predicts/)
    expect(runOf(study, 'tmu[epochs=9]').uncontrolled).toMatch(/other settings/)
    expect(runOf(study, 'count-matched-random').uncontrolled).toMatch(/itself/)
  })

  it('compares nothing with a control that was set otherwise than TMU', () => {
    const methods = ['gold', 'tmu', 'count-matched-random']
    const study = compile({
      methods,
      methodParams: completeMethodOptions(methods, { 'count-matched-random': { lr: 1e-4 } }),
    })
    expect(nodeOf(study, runOf(study, 'tmu').evaluate).inputs['control']).toBeUndefined()
    expect(runOf(study, 'tmu').uncontrolled).toMatch(/other settings/)
  })

  it('as a twin problem forgets H_c from M_t and is judged by M_o alone; no gold and no F is in it', () => {
    const methods = ['none', 'tmu', 'fine-tune', 'fine-tune[lr=0.1]']
    const methodParams = completeMethodOptions(methods, { 'fine-tune[lr=0.1]': { lr: 0.1 } })
    const study = compile({ problem: 'twin', methods, methodParams, goldSeeds: [] })
    expect(ofKind(study, 'train-gold')).toEqual([])
    const [original] = ofKind(study, 'train-original')
    const [twin] = ofKind(study, 'train-twin')
    const [oracle] = ofKind(study, 'oracle-label')
    const lists = exampleMaterial().lists
    for (const node of ofKind(study, 'unlearn')) {
      expect(node.inputs['original']).toEqual({ stage: twin.key, output: 'weights' })
      expect(node.inputs['forget']).toEqual({ object: lists.twin.object })
      expect(node.inputs['retain']).toEqual({ object: lists.members.object })
    }
    expect(JSON.stringify(study.nodes)).not.toContain(lists.forget.object)
    const judge = nodeOf(study, study.runs[1].evaluate).inputs['gold0']
    expect(judge).toEqual(oracle.inputs['goldOutcome'])
    const judged = study.nodes.find(
      (node) => 'stage' in (judge ?? {}) && node.key === (judge as { stage: string }).stage,
    )
    expect(judged?.inputs['model']).toEqual({ stage: original.key, output: 'weights' })
    // The same M_o and M_t as in the study itself: tuning computes them no second time.
    const usual = new Set(compile({}).nodes.map((node) => node.key))
    expect([original.key, twin.key].every((key) => usual.has(key))).toBe(true)
  })

  it('sweeps a knob of the twin pool with a twin of its own for each value, and one original for all', () => {
    const methods = ['gold', 'tmu', 'tmu[twinShare=0.2]', 'tmu[threshold=0.3]', 'tmu[twinCorruption=blur]']
    const methodParams = completeMethodOptions(methods, {
      'tmu[twinShare=0.2]': { twinShare: 0.2 },
      'tmu[threshold=0.3]': { threshold: 0.3 },
      'tmu[twinCorruption=blur]': { twinCorruption: 'blur' },
    })
    const study = compile({ methods, methodParams })
    expect(ofKind(study, 'train-original')).toHaveLength(1)
    const twins = ofKind(study, 'train-twin')
    expect(twins).toHaveLength(3)
    expect(new Set(twins.map((twin) => JSON.stringify(twin.inputs['twin']))).size).toBe(2)
    expect(twins.filter((twin) => 'corruption' in twin.params)).toHaveLength(1)
    // The threshold changes labels alone; features of F are the same under every twin pool.
    expect(runOf(study, 'tmu[threshold=0.3]').twin?.predictor).toEqual(runOf(study, 'tmu').twin?.predictor)
    expect(new Set(study.runs.flatMap((run) => run.twin?.forgetFeatures ?? [])).size).toBe(1)
    for (const node of ofKind(study, 'unlearn')) expect(node.params).toMatchObject({ method: 'tmu' })
  })

  it('shares the predictor between tmu and the controls matched to it, also when tmu is set otherwise', () => {
    const methods = ['gold', 'tmu', 'count-matched-random']
    const methodParams = completeMethodOptions(methods, { tmu: { neighbours: 7 } })
    const study = compile({ methods, methodParams })
    expect(ofKind(study, 'fit-predictor')).toHaveLength(1)
    expect(runOf(study, 'count-matched-random').twin).toEqual(runOf(study, 'tmu').twin)
  })

  it('counts the images of a twin pool of another size', () => {
    const methods = ['tmu', 'tmu[twinShare=0.2]']
    const methodParams = completeMethodOptions(methods, { 'tmu[twinShare=0.2]': { twinShare: 0.2 } })
    const { lists } = exampleMaterial()
    const twins = ofKind(compile({ methods, methodParams }), 'train-twin')
    // 100 members and 25 or 5 twin samples, 3 epochs.
    expect(twins.map((node) => estimateVisits(node, lists).visitsBackward)).toEqual([375, 315])
  })

  it('trains for an early epoch that isn\u2019t kept by itself, and leaves the original as it is', () => {
    const methods = ['gold', 'tmu', 'rewind']
    const originalsOf = (given: Readonly<Record<string, Record<string, unknown>>>) =>
      ofKind(
        compile({ methods, methodParams: completeMethodOptions(methods, given) }),
        'train-original',
      ) as readonly StageNode<'train-original'>[]
    const [usual, ...more] = originalsOf({})
    expect(usual.params.keepEpochs).toEqual([1, 2, 3, 4, 6, 8])
    expect(more).toEqual([])
    const asked = originalsOf({ rewind: { epoch: 5 }, tmu: { earlyEpoch: 5 } })
    expect(asked.map(({ key }) => key)).toEqual([usual.key, expect.any(String)])
    expect(asked[1]).toMatchObject({ params: { keepEpochs: [5], until: 5 }, seed: usual.seed, inputs: usual.inputs })
    const study = compile({ methods, methodParams: completeMethodOptions(methods, { rewind: { epoch: 5 } }) })
    const rewind = ofKind(study, 'unlearn').find(({ label }) => label.startsWith('rewind'))
    expect(rewind?.inputs['epoch-5']).toEqual({ stage: asked[1].key, output: 'epoch-5' })
  })

  it('trains the original and the twin of a second forget set of the same class no second time', () => {
    const first = compile()
    const second = compile({}, exampleMaterial({ forget: 'other' }))
    for (const kind of ['train-original', 'train-twin'] as const) {
      expect(ofKind(second, kind).map((node) => node.key)).toEqual(ofKind(first, kind).map((node) => node.key))
    }
    expect(ofKind(second, 'train-gold')[0].key).not.toBe(ofKind(first, 'train-gold')[0].key)
  })

  it('refuses golds that share a seed with the runs', () => {
    expect(() => compile({ seeds: [1, 2], goldSeeds: [2] })).toThrow('share a seed')
  })
})
