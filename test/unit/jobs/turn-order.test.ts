import { describe, expect, it } from 'vitest'
import { compareClaims, servedOfNewcomer } from '#main/workbench/jobs/turn-order.ts'
import type { Priority } from '#shared/domain/queue.ts'

const claim = (priority: Priority, served: number, rank: number) => [{ priority, served }, rank] as const

describe('whose turn it is', () => {
  it('is the more urgent study, whatever it was served', () => {
    expect(compareClaims(...claim('high', 100, 1), ...claim('normal', 0, 9))).toBeLessThan(0)
    expect(compareClaims(...claim('low', 0, 9), ...claim('normal', 100, 1))).toBeGreaterThan(0)
  })

  it('is the study that has had less of the machine', () => {
    expect(compareClaims(...claim('normal', 5, 1), ...claim('normal', 6, 9))).toBeLessThan(0)
  })

  it('is, within a study, the stage with the longest chain behind it', () => {
    expect(compareClaims(...claim('normal', 5, 9), ...claim('normal', 5, 1))).toBeLessThan(0)
  })

  it('begins level with the least served for a newcomer, so that nobody owes it the past', () => {
    const share = { priority: 'normal', paused: false } as const
    expect(servedOfNewcomer([])).toBe(0)
    expect(
      servedOfNewcomer([
        { ...share, served: 90 },
        { ...share, served: 70 },
      ]),
    ).toBe(70)
  })
})
