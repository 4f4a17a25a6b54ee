import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  formatCount,
  formatDuration,
  formatEstimate,
  formatGap,
  formatGapWithCi,
  formatMebibytes,
  formatNumber,
  formatPercent,
  formatPoints,
  formatPValue,
  formatShare,
  formatSigned,
} from '#shared/units.ts'

describe('units', () => {
  it('writes percent with one decimal and n beside a share', () => {
    expect(formatPercent(0.8739)).toBe('87.4 %')
    expect(formatPercent(1)).toBe('100.0 %')
    expect(formatShare(0.5, 1300)).toBe('50.0 % (n = 1,300)')
  })

  it('writes gaps signed, in points, with a true minus', () => {
    expect(formatGap(-0.032)).toBe('\u22123.2 pts')
    expect(formatGap(0.197)).toBe('+19.7 pts')
    expect(formatGapWithCi(-0.032, [-0.05, -0.011])).toBe('\u22123.2 pts, 95 % CI \u22125.0 to \u22121.1')
    expect(formatGapWithCi(0.01, null)).toBe('+1.0 pts')
    expect(formatPoints(0.029)).toBe('2.9 pts')
  })

  it('says of a small p-value what it is below', () => {
    expect([0.5, 0.0123, 0.001, 0.00099, 0].map(formatPValue)).toEqual([
      '0.500',
      '0.012',
      '0.001',
      '< 0.001',
      '< 0.001',
    ])
  })

  it('gives no sign to what rounds to zero', () => {
    expect(formatGap(-0.0004)).toBe('0.0 pts')
    expect(formatSigned(0.04, 1)).toBe('0.0')
    expect(formatNumber(-0.004, 2)).toBe('0.00')
  })

  it('writes times as a person says them', () => {
    expect(formatDuration(0)).toBe('0 s')
    expect(formatDuration(0.01)).toBe('< 0.1 s')
    expect(formatDuration(0.42)).toBe('0.4 s')
    expect(formatDuration(12.4)).toBe('12 s')
    expect(formatDuration(59.7)).toBe('1 min 00 s')
    expect(formatDuration(252)).toBe('4 min 12 s')
    expect(formatDuration(3599.6)).toBe('1 h 00 min')
    expect(formatDuration(3780)).toBe('1 h 03 min')
    expect(formatDuration(187_200)).toBe('2 d 4 h')
    expect(formatDuration(Number.NaN)).toBe('\u2013')
  })

  it('rounds estimates to what can be known', () => {
    expect(formatEstimate(3)).toBe('about 5 s')
    expect(formatEstimate(41)).toBe('about 40 s')
    expect(formatEstimate(59)).toBe('about 1 min')
    expect(formatEstimate(340)).toBe('about 6 min')
    expect(formatEstimate(7800)).toBe('about 2 h 10 min')
    expect(formatEstimate(7200)).toBe('about 2 h')
  })

  it('writes sizes in MiB', () => {
    expect(formatMebibytes(0)).toBe('0 MiB')
    expect(formatMebibytes(300)).toBe('< 0.1 MiB')
    expect(formatMebibytes(1.5 * 2 ** 20)).toBe('1.5 MiB')
    expect(formatMebibytes(24_105 * 2 ** 20)).toBe('24,105 MiB')
    expect(formatCount(1234567)).toBe('1,234,567')
  })

  it('never writes sixty seconds or sixty minutes, nor an ASCII minus', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e6, noNaN: true }), (seconds) => {
        expect(formatDuration(seconds)).not.toMatch(/\b60 (s|min)/)
        expect(formatGap(-seconds)).not.toContain('-')
      }),
    )
  })
})
