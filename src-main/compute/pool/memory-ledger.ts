import { fitsIntoMemory, type Machine, thisMachine } from './machine.ts'

/** A process of a worker, as far as its memory is concerned. */
interface Tenant {
  readonly pid: number | undefined
}

/** A stage's memory: from when it was given to a pool until it has ended. */
export interface MemoryClaim {
  /** Bytes that it is expected to take. */
  readonly expected: number
  /** Null until it has a worker. */
  worker: Tenant | null
  /** Milliseconds on the ledger's clock. */
  readonly since: number
}

/** Where the system doesn't say what a process holds, a stage that has run for so long is taken to have all it needs. */
const settledMs = 10_000

/** What the stages of this machine are expected to take of its memory. The pools of all engines share one. */
export class MemoryLedger {
  readonly #machine: Machine
  readonly #now: () => number
  readonly #claims = new Set<MemoryClaim>()

  constructor(machine: Machine = thisMachine, now: () => number = () => performance.now()) {
    this.#machine = machine
    this.#now = now
  }

  claim(expected: number): MemoryClaim {
    const claim: MemoryClaim = { expected, worker: null, since: this.#now() }
    this.#claims.add(claim)
    return claim
  }

  release(claim: MemoryClaim): void {
    this.#claims.delete(claim)
  }

  /** Whether a stage that takes so many bytes fits beside all others. `idle`: the worker that would run it. */
  admits(needed: number, idle?: Tenant): boolean {
    const now = this.#now()
    const busy = [...this.#claims].map(({ expected, worker, since }) => {
      const settled = now - since < settledMs ? 0 : expected
      return { expected, resident: this.#residentOf(worker) ?? settled }
    })
    const reused = this.#residentOf(idle ?? null) ?? 0
    return fitsIntoMemory(needed, { busy, reused }, this.#machine.memory())
  }

  /** Bytes; null where the system doesn't say. */
  #residentOf(worker: Tenant | null): number | null {
    return worker?.pid === undefined ? 0 : this.#machine.residentMemory(worker.pid)
  }
}
