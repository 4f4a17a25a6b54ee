import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ObjectStore } from '#main/artifacts/object-store.ts'
import { encodeGroupCodes, readFindings, readGroupCodes } from '#main/workbench/datasets/sample-data.ts'
import type { GroupColumn } from '#shared/domain/dataset.ts'
import { exampleDataset } from '#test/support/example-dataset.ts'

let folder: string
let objects: ObjectStore

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tmu-sample-data-'))
  objects = new ObjectStore(folder)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function column(values: readonly string[], codes: readonly number[]): Promise<GroupColumn> {
  return { name: 'patient', values, codes: await objects.put(encodeGroupCodes(Int32Array.from(codes))) }
}

describe('a group column', () => {
  const dataset = exampleDataset({ sampleCount: 3 })

  it('comes back as it was stored', async () => {
    const stored = await column(['C1', 'C2'], [1, -1, 0])
    expect([...(await readGroupCodes(objects, dataset, stored))]).toEqual([1, -1, 0])
  })

  it.each([
    ['of another length', ['C1'], [0, 0]],
    ['with a code that names no value', ['C1'], [0, 1, 0]],
    ['with a code below -1', ['C1'], [0, -2, 0]],
  ])('is refused %s', async (_what, values, codes) => {
    const stored = await column(values, codes)
    await expect(readGroupCodes(objects, dataset, stored)).rejects.toMatchObject({ code: 'corrupt' })
  })
})

describe('the findings of a data set', () => {
  it('are null while nobody has looked, and refused where they are of another number of samples', async () => {
    expect(await readFindings(objects, exampleDataset({ quality: null }))).toBeNull()
    const quality = await objects.put(new TextEncoder().encode('{"sampleCount": 4}'))
    const reading = readFindings(objects, exampleDataset({ sampleCount: 3, quality }))
    await expect(reading).rejects.toMatchObject({ code: 'corrupt' })
  })
})
