/** The example of docs/methods.md: registered by one line, it is everywhere; removed, nothing of it is left. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { MethodDefinition } from '#main/compute/method.ts'
import { methodIds, methods } from '#main/compute/methods.ts'
import { parameterFields } from '../../../src-renderer/lib/json-schema.ts'
import { type TinyRequest, tinyRequest, unlearn } from '../baselines/tiny-request.ts'
import { type Bench, createStudy, newBench, withDataset } from '../jobs/tiny-study.ts'
import { uniformForgetting } from './uniform-forgetting.ts'

let bench: Bench
let request: TinyRequest
const { id } = uniformForgetting

beforeAll(async () => {
  ;(methods as Map<string, MethodDefinition>).set(id, uniformForgetting)
  ;(methodIds as string[]).push(id)
  ;[bench, request] = await Promise.all([newBench().then((fresh) => withDataset(fresh)), tinyRequest()])
})
afterAll(async () => {
  ;(methods as Map<string, MethodDefinition>).delete(id)
  ;(methodIds as string[]).pop()
  await Promise.all([bench[Symbol.asyncDispose](), request[Symbol.asyncDispose]()])
})

describe('the worked example', () => {
  it('stands in the docs as it is run here', async () => {
    const docs = await readFile(join(import.meta.dirname, '../../../docs/methods.md'), 'utf8')
    const source = await readFile(join(import.meta.dirname, 'uniform-forgetting.ts'), 'utf8')
    expect(docs).toContain(`\`\`\`ts\n${source}\`\`\``)
  })

  it('is told of by the workbench, and its parameters become fields of the form', async () => {
    const info = (await bench.api.system.methods(undefined)).find((method) => method.id === id)
    expect(info).toMatchObject({ title: 'Uniform forgetting', family: 'baseline', usual: false })
    const fields = parameterFields(info?.schema ?? {}, info?.defaults ?? {})
    expect(fields.map(({ key }) => key)).toEqual(['weight', 'epochs', 'lr', 'momentum', 'weightDecay', 'batchSize'])
    expect(fields[0]).toMatchObject({ kind: 'number', minimum: 0, maximum: 100, fallback: 1 })
  })

  it('is planned with its settings, its sweep and its cost', async () => {
    const study = await createStudy(bench, {
      name: 'example',
      methods: ['gold', id],
      settings: { epochs: 3, [`${id}.epochs`]: 2 },
      sweep: { factors: { [`${id}.weight`]: [0, 2] }, grid: false },
    })
    const plan = await bench.api.studies.plan({ study })
    const stages = plan.stages.filter((stage) => stage.kind === 'unlearn')
    expect(stages.map(({ label }) => label)).toEqual(expect.arrayContaining([`${id}[weight=0]`, `${id}[weight=2]`]))
    for (const stage of stages) expect(stage.estimate.visitsBackward, stage.label).toBeGreaterThan(0)
    await expect(
      createStudy(bench, { name: 'wrong', methods: [id], settings: { [`${id}.weight`]: -1 } }),
    ).rejects.toThrow(`${id}.weight = -1 is not possible: it must be a number from 0 to 100.`)
  })

  it('unlearns: at weight 0 it is fine-tuning, above it F loses its labels', async () => {
    const options = { epochs: 6, lr: 0.05, batchSize: 7 }
    const still = await unlearn(request, id, { ...options, weight: 0 })
    expect(still.object).toBe((await unlearn(request, 'fine-tune', options)).object)
    const pushed = await unlearn(request, id, { ...options, weight: 2 })
    expect(pushed.object).not.toBe(still.object)
    const { forget, retain, twin } = request
    const counts = {
      members: 24,
      forget: forget.length,
      retain: retain.length,
      classRetain: 18,
      twin: twin.length,
      classes: 3,
    }
    expect(pushed.cost).toMatchObject(uniformForgetting.estimate({ ...options, weight: 2 }, counts))
  })
})
