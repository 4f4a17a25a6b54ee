import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { orphanLimitMs } from '#main/compute/protocol.ts'
import { isAlive, untilGone } from './process-life.ts'

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
    const [line] = (await once(parentProcess.stdout, 'data', { signal: AbortSignal.timeout(30_000) })) as [Buffer]
    const pid = Number(line.toString())
    expect(isAlive(pid)).toBe(true)
    parentProcess.kill('SIGKILL')
    expect(await untilGone(pid, 2 * orphanLimitMs)).toBeLessThan(orphanLimitMs)
  })
})
