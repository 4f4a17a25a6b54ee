import { describe, expect, it } from 'vitest'
import { openStore } from '#main/store/open-store.ts'
import { insertGround, startChild, temporaryFolder } from './support.ts'

describe('a process that is killed while it writes', () => {
  it.each([3, 40, 150])('loses no row that it was told is stored (killed after %i of them)', async (count) => {
    const root = await temporaryFolder()
    const before = await openStore(root)
    const { config } = insertGround(before.repositories)
    await before.close()

    const child = startChild('append-studies.ts', [root, JSON.stringify(config)])
    const acknowledged: string[] = []
    for (let id = await child.line(); id !== null; id = await child.line()) {
      acknowledged.push(id)
      // It goes on writing until the signal reaches it; what it still says is read to the end.
      if (acknowledged.length === count) child.process.kill('SIGKILL')
    }
    await child.ended

    const after = await openStore(root)
    const { studies, runs } = after.repositories
    const missing = acknowledged.filter((id) => studies.findStudy(id) === null)
    expect(missing).toEqual([])
    expect(acknowledged.length).toBeGreaterThanOrEqual(count)
    // A study is there with both its runs or not at all; at most the one in hand is there unacknowledged.
    const stored = studies.listStudies()
    for (const { id } of stored) expect(runs.listRuns({ studyId: id })).toHaveLength(2)
    expect(stored.length - acknowledged.length).toBeLessThanOrEqual(1)
    await after.close()
  })

  it('leaves a workspace whose running work the next holder finds interrupted', async () => {
    const root = await temporaryFolder()
    const dead = await openStore(root)
    const { config } = insertGround(dead.repositories)
    const study = dead.repositories.studies.insertStudy({ name: 'first', config }, [{ method: 'tmu', seed: 0 }])
    dead.repositories.studies.setStudyState(study.id, 'running')
    await dead.close()
    const next = await openStore(root)
    expect(next.swept.studies).toEqual([study.id])
    expect(next.repositories.studies.findStudy('first')?.state).toBe('interrupted')
    await next.close()
  })
})

describe('two writers', () => {
  it('are never there at once: the second is refused while the first one writes, and succeeds after it', async () => {
    const root = await temporaryFolder()
    const before = await openStore(root)
    const { config } = insertGround(before.repositories)
    await before.close()
    const child = startChild('append-studies.ts', [root, JSON.stringify(config)])
    await child.line()
    await expect(openStore(root, { patienceMs: 0 })).rejects.toMatchObject({
      code: 'workspace-locked',
      details: { pid: child.pid },
    })
    await child.kill()
    await (await openStore(root)).close()
  })
})
