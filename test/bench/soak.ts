/**
 * Trains for many steps on an engine and watches what stays behind: tensors, the engine's own memory, the process's. Also
 * resumes from the state in the middle and compares the weights bit by bit.
 *
 *   npm run test:soak -- [--engine native,wasm] [--steps 10000]
 *
 * Exits 1 if a tensor is left, memory grows or a resumed training ends in other bits.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { workerEnvironment } from '#main/compute/pool/machine.ts'
import { type EngineId, engineIds } from '#shared/domain/engine.ts'
import { nativeMissing } from '#test/support/native-engine.ts'
import type { SoakReport } from './engines/soak-run.ts'

const { values: options } = parseArgs({
  options: { engine: { type: 'string' }, steps: { type: 'string', default: '10000' } },
})
const present: readonly EngineId[] = nativeMissing === null ? ['native', 'wasm'] : ['wasm']
const chosen = options.engine?.split(',').map((name) => {
  const id = engineIds.find((each) => each === name)
  if (id === undefined) throw new Error(`There is no engine "${name}".`)
  return id
})

for (const id of chosen ?? present) {
  for (const optimizer of ['adam', 'sgd']) {
    // The environment of a worker must be there when the process starts.
    const { stdout, status } = spawnSync(
      process.execPath,
      ['--expose-gc', join(import.meta.dirname, 'engines', 'soak-run.ts'), id, optimizer, options.steps],
      { env: { ...process.env, ...workerEnvironment(id) }, stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' },
    )
    if (status !== 0) {
      console.log(`FAIL  ${id}, ${optimizer}: the process ended with ${status}`)
      process.exitCode = 1
      continue
    }
    const { tensors, heapMebibytes, residentMebibytes, sameBits, holds } = JSON.parse(stdout) as SoakReport
    console.log(
      `${holds ? 'ok  ' : 'FAIL'}  ${id}, ${optimizer}, ${options.steps} steps: tensors ${tensors.join(' -> ')}, ` +
        `engine's memory ${heapMebibytes.join(' -> ')} MiB, process ${residentMebibytes.join(' -> ')} MiB, ` +
        `resumed in the middle: ${sameBits ? 'the same bits' : 'other bits'}`,
    )
    if (!holds) process.exitCode = 1
  }
}
