import type { Random } from '#shared/random.ts'

/** Of F's mix, that much at most is left short for the sake of a larger twin set. */
const mostShort = 0.1
/** A twin set that would grow by less keeps F's mix exactly. */
const leastGrowth = 2

/**
 * H_c. One class: all of its samples in the pool. Several: as many as keep F's class mix, so that the twin problem is
 * about the same mixture as the request. Where that would leave most of the pool out for the sake of a few scarce
 * classes, these go in whole and are short by a tenth of the mix at most. No class that the pool has is left out.
 */
export function twinSamples(
  pool: Int32Array,
  labels: Int32Array,
  classCounts: ReadonlyMap<number, number>,
  random: Random,
): Int32Array {
  const byClass = new Map<number, number[]>()
  for (const sample of pool) {
    if (!classCounts.has(labels[sample])) continue
    const found = byClass.get(labels[sample])
    if (found === undefined) byClass.set(labels[sample], [sample])
    else found.push(sample)
  }
  const scale = scaleOf(
    [...byClass].map(([label, samples]) => ({ forget: classCounts.get(label) ?? 0, pool: samples.length })),
  )
  const chosen: number[] = []
  for (const [label, samples] of [...byClass].sort(([a], [b]) => a - b)) {
    // The small amount undoes round-off in count * (size / count).
    const wanted = Math.floor((classCounts.get(label) ?? 0) * scale + 1e-9)
    chosen.push(...drawSorted(Int32Array.from(samples), Math.max(1, wanted), random))
  }
  return Int32Array.from(chosen).sort()
}

interface ClassSizes {
  readonly forget: number
  readonly pool: number
}

/** Twin samples for each sample of F. */
function scaleOf(classes: readonly ClassSizes[]): number {
  const byScarcity = classes.toSorted((a, b) => a.pool / a.forget - b.pool / b.forget)
  if (byScarcity.length === 0) return 0
  const exact = byScarcity[0].pool / byScarcity[0].forget
  const allowed = mostShort * classes.reduce((sum, { forget }) => sum + forget, 0)
  // At scale s the k scarcest classes go in whole; F's mix is short of their forget - pool / s.
  let forget = 0
  let pool = 0
  let relaxed = exact
  for (const [k, scarce] of byScarcity.entries()) {
    forget += scarce.forget
    pool += scarce.pool
    const next = byScarcity[k + 1]
    const most = forget > allowed ? pool / (forget - allowed) : Number.POSITIVE_INFINITY
    relaxed = next === undefined ? relaxed : Math.min(most, next.pool / next.forget)
    if (next === undefined || most <= next.pool / next.forget) break
  }
  const sizeAt = (scale: number): number =>
    classes.reduce((sum, { forget, pool }) => sum + Math.min(pool, forget * scale), 0)
  return sizeAt(relaxed) >= leastGrowth * sizeAt(exact) ? relaxed : exact
}

/** So many of the ids at random, ascending; all of them where there are no more. */
export function drawSorted(ids: Int32Array, count: number, random: Random): Int32Array {
  if (ids.length <= count) return ids
  return random.shuffle(ids.slice()).slice(0, count).sort()
}
