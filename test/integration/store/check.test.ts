import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ObjectStore } from '#main/artifacts/object-store.ts'
import { checkWorkspace } from '#main/store/check.ts'
import type { WorkspaceDatabase } from '#main/store/database.ts'
import { createRepositories, type Repositories } from '#main/store/index.ts'
import type { ObjectHash } from '#shared/ids.ts'
import { anyKey, cost, insertGround, temporaryFolder, temporaryRepositories } from './support.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

interface Filled {
  readonly db: WorkspaceDatabase
  readonly repositories: Repositories
  readonly objects: ObjectStore
  readonly weights: ObjectHash
  readonly checkpoint: ObjectHash
}

/** A workspace with everything that refers to objects, and all those objects. */
async function filledWorkspace(): Promise<Filled> {
  const objects = new ObjectStore(join(await temporaryFolder(), 'objects'))
  const { db, repositories } = await temporaryRepositories({ holder: 'self' })
  const { config } = insertGround(repositories, 'digits')
  for (const part of ['images', 'labels', 'samples', 'members', 'twin pool', 'evaluation', 'forgotten']) {
    await objects.put(bytesOf(`digits ${part}`))
  }
  const outcome = await objects.put(bytesOf('outcome'))
  const weights = await objects.put(bytesOf('weights'))
  const checkpoint = await objects.put(bytesOf('checkpoint'))
  const { id } = repositories.studies.insertStudy({ name: 'first', config }, [{ method: 'tmu', seed: 0 }])
  const run = repositories.runs.listRuns({ studyId: id })[0]
  if (run === undefined) throw new Error('The study has no run.')
  repositories.runs.startRun(run.id)
  repositories.runs.finishRun(run.id, {
    metrics: {},
    cost: { seconds: 0, visitsForward: 0, visitsBackward: 0 },
    outcome,
  })
  const lease = { worker: 'worker', expiresAt: '2026-11-23T10:00:00.000Z' }
  for (const name of ['finished', 'working']) {
    const stage = { key: anyKey(name), kind: 'train-gold', version: 1, engine: 'wasm', seed: 0 } as const
    repositories.stages.ensureStage(stage, '{}')
    repositories.stages.startStage(stage.key, lease)
  }
  repositories.stages.finishStage(anyKey('finished'), { weights }, cost)
  repositories.stages.saveCheckpoint(anyKey('working'), checkpoint, 1)
  return { db, repositories, objects, weights, checkpoint }
}

describe('checking a workspace', () => {
  it('finds nothing in a sound one, having hashed every object that a row refers to', async () => {
    const { db, objects } = await filledWorkspace()
    const seen: number[] = []
    const found = await checkWorkspace({ db, objects, holder: 'self', onProgress: (done) => seen.push(done) })
    // 3 of the data set, 3 of the split, the ids, an outcome, an output and a checkpoint.
    expect(found).toEqual({ ok: true, problems: [], notes: [], objectsChecked: 10 })
    expect(seen.at(-1)).toBe(10)
  })

  it('reports each referenced object that is missing, whatever refers to it', async () => {
    const { db, objects, repositories } = await filledWorkspace()
    const references = repositories.references.listReferences()
    expect(references.length).toBe(10)
    for (const { object, what } of references) {
      const bytes = await readFile(objects.path(object))
      await rm(objects.path(object))
      const found = await checkWorkspace({ db, objects, holder: 'self' })
      expect(found.ok).toBe(false)
      expect(found.problems).toEqual([
        { kind: 'lost', what: expect.stringContaining(what), hint: expect.stringMatching(/import|study/) },
      ])
      await writeFile(objects.path(object), bytes)
    }
  })

  it('reports an object of which one bit has changed, its size being the same', async () => {
    const { db, objects, weights } = await filledWorkspace()
    const path = objects.path(weights)
    const bytes = await readFile(path)
    bytes[0] = (bytes[0] ?? 0) ^ 1
    await writeFile(path, bytes)
    const found = await checkWorkspace({ db, objects, holder: 'self' })
    expect(found.ok).toBe(false)
    expect(found.problems).toEqual([
      {
        kind: 'damaged',
        what: expect.stringMatching(/weights of the stage train-gold/),
        hint: expect.stringContaining(path),
      },
    ])
  })

  it('reports a row that cannot be read, and goes on with the others', async () => {
    const { db, objects, weights } = await filledWorkspace()
    db.exec(`UPDATE studies SET config = json_remove(config, '$.margin')`)
    await rm(objects.path(weights))
    const found = await checkWorkspace({ db, objects, holder: 'self' })
    expect(found.problems.map(({ kind }) => kind)).toEqual(['row', 'lost'])
    expect(found.problems[0]?.what).toMatch(/config of study "first"/)
  })

  it('reports rows that refer to others which are gone', async () => {
    const { db, objects } = await filledWorkspace()
    db.pragma('foreign_keys = OFF')
    db.exec('DELETE FROM forget_sets')
    const found = await checkWorkspace({ db, objects, holder: 'self' })
    expect(found.problems).toEqual([
      { kind: 'database', what: expect.stringMatching(/studies.*forget_sets/), hint: expect.any(String) },
    ])
  })

  it('only notes interrupted stages, objects that nothing refers to and left-over files', async () => {
    const { db, objects } = await filledWorkspace()
    createRepositories(db, { holder: 'next' }).sweepLeases()
    await objects.put(bytesOf('nobody wants me'))
    const staging = await objects.createStagingFolder('import')
    // As a process that is long gone would have named it.
    const leftOver = staging.replace(/[^/\\]+$/, '4194999-0badf00d-import-x')
    await writeFile(leftOver, 'half an object')
    await rm(staging, { recursive: true })
    expect((await stat(leftOver)).isFile()).toBe(true)
    const found = await checkWorkspace({ db, objects, holder: 'next' })
    expect(found).toMatchObject({ ok: true, problems: [] })
    expect(found.notes).toEqual([
      expect.stringMatching(/^1 stage was interrupted/),
      expect.stringMatching(/^1 object is not referred to/),
      expect.stringMatching(/^1 temporary file was left over/),
    ])
  })

  it('counts as interrupted what still says running for a holder that is gone', async () => {
    const { db, objects } = await filledWorkspace()
    expect((await checkWorkspace({ db, objects })).notes).toEqual([expect.stringMatching(/^1 stage was interrupted/)])
    expect((await checkWorkspace({ db, objects, holder: 'self' })).notes).toEqual([])
  })

  it('ends when it is cancelled', async () => {
    const { db, objects } = await filledWorkspace()
    await expect(checkWorkspace({ db, objects, signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    })
  })
})

describe('references', () => {
  it('know whether an object is still needed', async () => {
    const { repositories, weights, checkpoint } = await filledWorkspace()
    const { references, stages } = repositories
    expect(references.isReferenced(weights)).toBe(true)
    expect(references.isReferenced(checkpoint)).toBe(true)
    stages.finishStage(anyKey('working'), {}, cost)
    expect(references.isReferenced(checkpoint)).toBe(false)
    stages.invalidateStage(anyKey('finished'))
    expect(references.isReferenced(weights)).toBe(false)
  })
})
