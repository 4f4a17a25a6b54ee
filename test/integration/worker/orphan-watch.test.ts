import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { orphanLimitMs } from '#main/compute/protocol.ts'
import { isAlive, untilGone } from '#test/support/process-life.ts'
import { promptMs } from '#test/support/prompt.ts'

describe('the orphan watch', () => {
  it('notices that the parent died where there is no channel to close', async () => {
    const watch = JSON.stringify(import.meta.resolve('#main/compute/worker/orphan-watch.ts'))
    const child = `
      const { watchForParentsDeath } = await import(${watch})
      watchForParentsDeath(() => process.exit(0))
      setInterval(() => {}, 1000)
      console.log(process.pid)`
    const parent = `
      const { spawn } = await import('node:child_process')
      spawn(process.execPath, ['--input-type=module', '--eval', ${JSON.stringify(child)}], { stdio: 'inherit' })`
    const parentProcess = spawn(process.execPath, ['--input-type=module', '--eval', parent], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = (await once(parentProcess.stdout, 'data', { signal: AbortSignal.timeout(120_000) })) as [Buffer]
    const pid = Number(line.toString())
    expect(isAlive(pid)).toBe(true)
    parentProcess.kill('SIGKILL')
    // Its own limit, and what a busy machine adds; else it would stay for ever.
    const limitMs = orphanLimitMs + promptMs
    expect(await untilGone(pid, 2 * limitMs)).toBeLessThan(limitMs)
  })
})
