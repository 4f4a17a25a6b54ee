import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { fitsIntoMemory, workerEnvironment, workerSlots, workersThatFit } from '#main/compute/pool/machine.ts'
import { machineMemory, residentMemory } from '#main/compute/pool/memory.ts'

const gibibyte = 2 ** 30
const kilobytes = (bytes: number): string => `${bytes / 1024} kB`

/** A made-up root of a file system, with these of the kernel's files. */
async function withRoot<T>(files: Readonly<Record<string, string>>, use: (root: string) => T): Promise<T> {
  const root = await mkdtemp(join(tmpdir(), 'tmu-root-'))
  try {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true })
      await writeFile(join(root, path), text)
    }
    return use(root)
  } finally {
    await rm(root, { recursive: true })
  }
}

const meminfo = `MemTotal: ${kilobytes(16 * gibibyte)}\nMemFree: ${kilobytes(gibibyte)}\nMemAvailable: ${kilobytes(12 * gibibyte)}\n`

describe("a machine's memory", () => {
  it('is what can be used without swapping, not only what is free', async () => {
    expect(await withRoot({ 'proc/meminfo': meminfo }, machineMemory)).toEqual({
      total: 16 * gibibyte,
      available: 12 * gibibyte,
    })
  })

  it("is that of the container's limit, files that were read not counted as used", async () => {
    const files = {
      'proc/meminfo': meminfo,
      'proc/self/cgroup': '0::/box/inner\n',
      'sys/fs/cgroup/box/memory.max': `${4 * gibibyte}\n`,
      'sys/fs/cgroup/box/memory.current': `${3 * gibibyte}\n`,
      'sys/fs/cgroup/box/memory.stat': `anon 1\ninactive_file ${gibibyte}\n`,
      'sys/fs/cgroup/box/inner/memory.max': 'max\n',
      'sys/fs/cgroup/box/inner/memory.current': `${3 * gibibyte}\n`,
    }
    expect(await withRoot(files, machineMemory)).toEqual({ total: 4 * gibibyte, available: 2 * gibibyte })
  })

  it('knows the older control groups too, whose number without a limit is beyond any machine', async () => {
    const files = {
      'proc/meminfo': meminfo,
      'proc/self/cgroup': '4:cpu:/x\n3:memory:/x\n',
      'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
      'sys/fs/cgroup/memory/memory.usage_in_bytes': '5\n',
      'sys/fs/cgroup/memory/x/memory.limit_in_bytes': `${2 * gibibyte}\n`,
      'sys/fs/cgroup/memory/x/memory.usage_in_bytes': `${gibibyte}\n`,
    }
    expect(await withRoot(files, machineMemory)).toEqual({ total: 2 * gibibyte, available: gibibyte })
  })

  it.runIf(process.platform === 'linux')('is measured for a process, and unknown of one that has gone', () => {
    expect(residentMemory(process.pid)).toBeGreaterThan(2 ** 20)
    expect(residentMemory(2 ** 30)).toBeNull()
  })
})

describe('workers', () => {
  const machine = (cores: number) => ({
    cores,
    memory: () => ({ total: 16 * gibibyte, available: 12 * gibibyte }),
    residentMemory: () => 0,
  })

  it('are one a core on CPU engines, one thread each, and one on a GPU', () => {
    expect(workerSlots('wasm', machine(2))).toBe(2)
    expect(workerSlots('native', machine(16))).toBe(16)
    expect(workerSlots('cuda', machine(16))).toBe(1)
    const { TF_NUM_INTRAOP_THREADS, TF_NUM_INTEROP_THREADS, OMP_NUM_THREADS } = workerEnvironment('native')
    expect([TF_NUM_INTRAOP_THREADS, TF_NUM_INTEROP_THREADS, OMP_NUM_THREADS]).toEqual(['1', '1', '1'])
  })

  it('are as many as leave a fifth of the memory free, and always one', () => {
    // 16 GiB, of which 3.2 stay free: 8.8 are left of 12.
    const memory = { total: 16 * gibibyte, available: 12 * gibibyte }
    expect(workersThatFit(gibibyte, 16, memory)).toBe(8)
    expect(workersThatFit(gibibyte, 4, memory)).toBe(4)
    expect(workersThatFit(100 * gibibyte, 4, memory)).toBe(1)
    expect(workersThatFit(gibibyte, 4, { ...memory, available: gibibyte })).toBe(1)
  })

  it('leave room for what those at work are still to take', () => {
    const memory = { total: 10, available: 6 }
    expect(fitsIntoMemory(4, { busy: [], reused: 0 }, memory)).toBe(true)
    expect(fitsIntoMemory(4, { busy: [{ expected: 3, resident: 3 }], reused: 0 }, memory)).toBe(true)
    expect(fitsIntoMemory(4, { busy: [{ expected: 3, resident: 2 }], reused: 0 }, memory)).toBe(false)
    // One that took more than was expected gives nothing back.
    expect(fitsIntoMemory(4, { busy: [{ expected: 1, resident: 5 }], reused: 0 }, memory)).toBe(true)
    expect(fitsIntoMemory(5, { busy: [], reused: 1 }, memory)).toBe(true)
  })
})
