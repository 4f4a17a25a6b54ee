/** Figures as sentences show them: percent and points with one decimal, a true minus. */

export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}

/** As `percent`, with as many decimals as it takes to differ from the limit that was missed. */
export function percentApart(share: number, limit: number): string {
  for (let decimals = 1; decimals < 6; decimals++) {
    const text = (100 * share).toFixed(decimals)
    if (text !== (100 * limit).toFixed(decimals)) return `${text} %`
  }
  return percent(share)
}

/** A signed difference of shares, without its unit: `−3.2`, `+0.4`, `0.0`. */
export function signedPoints(difference: number): string {
  const text = Math.abs(100 * difference).toFixed(1)
  if (Number(text) === 0) return text
  return `${difference < 0 ? '−' : '+'}${text}`
}

export function points(difference: number): string {
  return `${signedPoints(difference)} pts`
}

/** `95 % CI −5.0 to −1.1` */
export function interval(level: 90 | 95, [low, high]: readonly [number, number]): string {
  return `${level} % CI ${signedPoints(low)} to ${signedPoints(high)}`
}

/** `±5.0 pts` */
export function plusMinus(margin: number): string {
  return `±${(100 * margin).toFixed(1)} pts`
}

export function counted(count: number, singular: string, plural = `${singular}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? singular : plural}`
}
