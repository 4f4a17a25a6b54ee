import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'

describe('a training of every kernel', () => {
  test('leaves no tensor, keeps memory level and resumes to the same bits, on every CPU engine with both optimizers', async () => {
    const soak = join(import.meta.dirname, '../../bench/soak.ts')
    // Ends with 1 if anything fails, which rejects.
    const { stdout } = await promisify(execFile)(process.execPath, [soak, '--steps', '200'])
    expect(stdout).toMatch(/^ok {4}wasm, adam, 200 steps: .*\nok {4}wasm, sgd, 200 steps: /m)
    expect(stdout).not.toContain('FAIL')
  })
})
