import { expect, it } from 'vitest'
import { MemoryLedger } from '#main/compute/pool/memory-ledger.ts'

const gibibyte = 2 ** 30

it('where the system does not say what a process holds, stages that have just begun have all of it still to take', () => {
  let available = 10 * gibibyte
  let now = 0
  // 10 GiB in all, of which 2 stay free.
  const machine = { cores: 4, memory: () => ({ total: 10 * gibibyte, available }), residentMemory: () => null }
  const ledger = new MemoryLedger(machine, () => now)
  const claim = ledger.claim(5 * gibibyte)
  claim.worker = { pid: 1 }
  expect(ledger.admits(3 * gibibyte)).toBe(true)
  expect(ledger.admits(4 * gibibyte)).toBe(false)
  // A little later the machine's own figure has fallen by what the stage took, and it counts once.
  now = 60_000
  available = 5 * gibibyte
  expect(ledger.admits(3 * gibibyte)).toBe(true)
  expect(ledger.admits(4 * gibibyte)).toBe(false)
})
