/**
 * How figures are written, the same in the window, on the command line and in reports: percent with one
 * decimal, gaps signed with a true minus and in points, times as "4 min 12 s", sizes in MiB.
 */

/** The words between the digits; a language brings its own. */
export interface UnitWords {
  readonly points: string
  readonly seconds: string
  readonly minutes: string
  readonly hours: string
  readonly days: string
  /** Between the bounds of an interval. */
  readonly to: string
  readonly confidenceInterval: string
  /** `{time}` is the estimate. */
  readonly about: string
  /** `{limit}` is the bound; for values that round to nothing. */
  readonly below: string
}

export const englishUnits: UnitWords = {
  points: 'pts',
  seconds: 's',
  minutes: 'min',
  hours: 'h',
  days: 'd',
  to: 'to',
  confidenceInterval: '95 % CI',
  about: 'about {time}',
  below: '< {limit}',
}

const minus = '\u2212'

/** Fixed decimals, thousands separated, true minus; what rounds to zero has no sign. */
export function formatNumber(value: number, decimals = 0): string {
  if (!Number.isFinite(value)) return String(value).replace('-', minus)
  const text = Math.abs(value).toLocaleString('en-GB', {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  })
  return value < 0 && /[1-9]/.test(text) ? `${minus}${text}` : text
}

/** As formatNumber, with a plus where it is positive. */
export function formatSigned(value: number, decimals = 0): string {
  const text = formatNumber(value, decimals)
  return value > 0 && /[1-9]/.test(text) ? `+${text}` : text
}

export function formatCount(value: number): string {
  return formatNumber(Math.round(value))
}

/** A fraction as percent: 0.874 is "87.4 %". */
export function formatPercent(fraction: number, decimals = 1): string {
  return `${formatNumber(fraction * 100, decimals)} %`
}

/** A share never stands without the number that it is a share of: "87.4 % (n = 300)". */
export function formatShare(fraction: number, n: number): string {
  return `${formatPercent(fraction)} (n = ${formatCount(n)})`
}

/** A difference of two fractions in points, signed: −0.032 is "−3.2 pts". */
export function formatGap(difference: number, words: UnitWords = englishUnits): string {
  return `${formatSigned(difference * 100, 1)} ${words.points}`
}

/** The size of a difference of two fractions, which has no direction: 0.029 is "2.9 pts". */
export function formatPoints(distance: number, words: UnitWords = englishUnits): string {
  return `${formatNumber(distance * 100, 1)} ${words.points}`
}

/** "−3.2 pts, 95 % CI −5.0 to −1.1"; without an interval the value alone. */
export function formatGapWithCi(
  difference: number,
  ci: readonly [number, number] | null | undefined,
  words: UnitWords = englishUnits,
): string {
  const value = formatGap(difference, words)
  if (ci === null || ci === undefined) return value
  return `${value}, ${words.confidenceInterval} ${formatInterval([ci[0] * 100, ci[1] * 100], 1, words)}`
}

/** "−5.0 to −1.1" */
export function formatInterval(
  [low, high]: readonly [number, number],
  decimals: number,
  words: UnitWords = englishUnits,
): string {
  return `${formatSigned(low, decimals)} ${words.to} ${formatSigned(high, decimals)}`
}

/** "0.4 s", "12 s", "4 min 12 s", "1 h 03 min", "2 d 4 h". */
export function formatDuration(seconds: number, words: UnitWords = englishUnits): string {
  if (!Number.isFinite(seconds) || seconds < 0) return '\u2013'
  if (seconds > 0 && seconds < 0.05) return words.below.replace('{limit}', `0.1 ${words.seconds}`)
  if (seconds < 9.95) return `${formatNumber(seconds, seconds === 0 ? 0 : 1)} ${words.seconds}`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} ${words.seconds}`
  if (whole < 3600) return `${Math.floor(whole / 60)} ${words.minutes} ${pad(whole % 60)} ${words.seconds}`
  const minutes = Math.round(seconds / 60)
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} ${words.hours} ${pad(minutes % 60)} ${words.minutes}`
  const hours = Math.round(seconds / 3600)
  return `${Math.floor(hours / 24)} ${words.days} ${hours % 24} ${words.hours}`
}

/** An estimate, no finer than it is known: "about 40 s", "about 6 min", "about 2 h 10 min". */
export function formatEstimate(seconds: number, words: UnitWords = englishUnits): string {
  const about = (time: string): string => words.about.replace('{time}', time)
  if (!Number.isFinite(seconds) || seconds < 0) return '\u2013'
  if (seconds < 57.5) return about(`${Math.max(5, Math.round(seconds / 5) * 5)} ${words.seconds}`)
  if (seconds < 90 * 60) return about(`${Math.max(1, Math.round(seconds / 60))} ${words.minutes}`)
  const tens = Math.round(seconds / 600)
  const rest = (tens % 6) * 10
  const hours = `${formatCount(Math.floor(tens / 6))} ${words.hours}`
  return about(rest === 0 ? hours : `${hours} ${rest} ${words.minutes}`)
}

/** A p-value: three decimals, or that it is below what they show. */
export function formatPValue(p: number): string {
  return p < 0.001 ? '< 0.001' : formatNumber(p, 3)
}

/** Bytes in MiB: "0.4 MiB", "512 MiB", "24,105 MiB". */
export function formatMebibytes(bytes: number): string {
  const mebibytes = bytes / 2 ** 20
  if (mebibytes > 0 && mebibytes < 0.05) return '< 0.1 MiB'
  return `${formatNumber(mebibytes, mebibytes !== 0 && mebibytes < 9.95 ? 1 : 0)} MiB`
}

function pad(value: number): string {
  return String(value).padStart(2, '0')
}
