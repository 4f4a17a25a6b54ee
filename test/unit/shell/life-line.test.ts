import { PassThrough } from 'node:stream'
import { finished } from 'node:stream/promises'
import { describe, expect, it } from 'vitest'
import { watchLifeLine } from '#main/shell/cli/life-line.ts'

/** A grace period that no test outlives: at its end the process would. */
const graceMs = 60_000

describe('the life-line of a stage', () => {
  it('cancels when its holder, who has written something, has gone', async () => {
    const input = new PassThrough()
    const line = watchLifeLine(input, graceMs)
    input.write('\n')
    await new Promise((resolve) => setImmediate(resolve))
    expect(line.signal.aborted).toBe(false)
    input.end()
    await finished(input)
    expect(line.signal.reason).toMatchObject({ code: 'cancelled' })
    line.dispose()
  })

  it('cancels when the line breaks', async () => {
    const input = new PassThrough()
    const line = watchLifeLine(input, graceMs)
    input.write('\n')
    await new Promise((resolve) => setImmediate(resolve))
    input.destroy(new Error('ECONNRESET'))
    await finished(input).catch(() => {})
    expect(line.signal.aborted).toBe(true)
    line.dispose()
  })

  it('takes no notice of a stdin that ends with nothing in it', async () => {
    const input = new PassThrough()
    const line = watchLifeLine(input, graceMs)
    input.end()
    await finished(input)
    expect(line.signal.aborted).toBe(false)
    line.dispose()
  })

  it('lets go of stdin when the stage is done', () => {
    const input = new PassThrough()
    watchLifeLine(input, graceMs).dispose()
    expect(input.destroyed).toBe(true)
    expect([input.listenerCount('data'), input.listenerCount('end')]).toEqual([0, 0])
  })
})
