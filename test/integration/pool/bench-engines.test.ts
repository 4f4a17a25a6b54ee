import { describe, expect, it } from 'vitest'
import { benchEngines } from '#main/compute/pool/bench-engines.ts'
import { forkLauncher } from '#main/compute/pool/fork-launcher.ts'
import type { Launcher } from '#main/compute/pool/launcher.ts'
import type { EngineStatus } from '#shared/domain/engine.ts'

const entry = new URL('./children/timed-worker.ts', import.meta.url)
// What is stuck is given up soon, and what works has all the time that a busy machine takes.
const patient = { readyMs: 120_000, roundMs: 120_000 }
const impatient = { 'at start': { ...patient, readyMs: 500 }, 'in a round': { ...patient, roundMs: 500 } }
const stuck = (where: string): Launcher => ({
  spawn: (entry, env) => forkLauncher.spawn(entry, { ...env, TMU_TEST_STUCK: where }),
})
const [cpu, wasm] = (['cpu', 'wasm'] as const).map((id): EngineStatus => ({ id, available: true }))

describe('timing engines', () => {
  it.each([
    ['at start', 'The worker of the cpu engine did not start within 0.5 s.'],
    ['in a round', 'The worker of the cpu engine did not answer within 0.5 s.'],
  ] as const)('leaves out one that is stuck %s, says so, and times the others', async (where, reason) => {
    const launcherOf = ({ id }: EngineStatus): Launcher => (id === 'cpu' ? stuck(where) : forkLauncher)
    const limitsOf = ({ id }: EngineStatus) => (id === 'cpu' ? impatient[where] : patient)
    const [late, timed] = await benchEngines(launcherOf, [cpu, wasm], undefined, { entry, limitsOf })
    expect(late).toMatchObject({ engine: cpu, steps: [], reason: expect.stringContaining(reason) })
    expect(late.reason).toContain('close other programs')
    expect(timed).not.toHaveProperty('reason')
    // Rounds of 1, 2, 3 and 4 ms.
    expect(timed.steps).toMatchObject([
      { min: 1, median: 3 },
      { min: 1, median: 3 },
    ])
  })

  it('fails with the reason where none is left, and as cancelled when it is', async () => {
    const failing = benchEngines(() => stuck('in a round'), [wasm], undefined, {
      entry,
      limitsOf: () => impatient['in a round'],
    })
    const message = expect.stringContaining('within 0.5 s')
    await expect(failing).rejects.toMatchObject({ code: 'worker-died', message })
    const abort = new AbortController()
    const cancelled = benchEngines(() => stuck('at start'), [wasm], abort.signal, {
      entry,
      limitsOf: () => patient,
    })
    abort.abort()
    await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' })
  })
})
