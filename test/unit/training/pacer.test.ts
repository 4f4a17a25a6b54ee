import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Pacer } from '#main/compute/worker/training/pacer.ts'

describe('the pace of progress reports', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }))
  afterEach(() => void vi.useRealTimers())

  it('is five times a second, however often it is asked', () => {
    const pacer = new Pacer()
    const due: number[] = []
    for (let ms = 10; ms <= 1000; ms += 10) {
      vi.advanceTimersByTime(10)
      if (pacer.due()) due.push(ms)
    }
    expect(due).toEqual([200, 400, 600, 800, 1000])
  })

  it('is made up for by no second report after a long step', () => {
    const pacer = new Pacer()
    vi.advanceTimersByTime(5000)
    expect([pacer.due(), pacer.due()]).toEqual([true, false])
  })
})
