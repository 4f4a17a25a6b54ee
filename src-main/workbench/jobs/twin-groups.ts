/** Beyond this sum of differences of class shares, groups are left out to come closer to F's mix. */
const mixTolerance = 0.05
/** More groups than this are a fine enough mix as they are. */
const maxGroups = 2000

/**
 * H_c of a split that keeps whole groups on one side: whole groups of the pool, or a person that the twin is to forget
 * would partly stay behind. Of each, the samples of F's classes; where several classes are asked for, groups are left out,
 * the one that brings the mix closest to F's first, while at least half of the samples remain.
 * @param groupOf group of each sample, -1 for one that is a group of its own.
 */
export function twinGroups(
  pool: Int32Array,
  labels: Int32Array,
  classCounts: ReadonlyMap<number, number>,
  groupOf: Int32Array,
): Int32Array {
  const groups = new Map<string, number[]>()
  for (const sample of pool) {
    if (!classCounts.has(labels[sample])) continue
    const key = groupOf[sample] < 0 ? `sample ${sample}` : `group ${groupOf[sample]}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [sample])
    else group.push(sample)
  }
  const classes = [...classCounts.keys()].sort((a, b) => a - b)
  const kept = [...groups.values()].map((samples) => ({
    samples,
    counts: classes.map((label) => samples.filter((sample) => labels[sample] === label).length),
  }))
  if (classes.length > 1 && kept.length <= maxGroups)
    leaveOut(
      kept,
      classes.map((label) => classCounts.get(label) ?? 0),
    )
  return Int32Array.from(kept.flatMap(({ samples }) => samples)).sort()
}

interface Group {
  readonly samples: readonly number[]
  /** Per class of F. */
  readonly counts: readonly number[]
}

function leaveOut(groups: Group[], wanted: readonly number[]): void {
  const total = wanted.reduce((sum, count) => sum + count, 0)
  const held = wanted.map((_, index) => groups.reduce((sum, { counts }) => sum + counts[index], 0))
  const size = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0)
  const least = size(held) / 2
  const distance = (counts: readonly number[]): number => {
    const all = size(counts)
    return wanted.reduce((sum, count, index) => sum + Math.abs(count / total - counts[index] / all), 0)
  }
  for (let now = distance(held); now > mixTolerance; ) {
    let [best, bestDistance] = [-1, now]
    for (const [index, { counts }] of groups.entries()) {
      const rest = held.map((count, label) => count - counts[label])
      if (size(rest) < Math.max(1, least)) continue
      const next = distance(rest)
      if (next < bestDistance - 1e-12) [best, bestDistance] = [index, next]
    }
    if (best < 0) return
    const [gone] = groups.splice(best, 1)
    gone.counts.forEach((count, label) => {
      held[label] -= count
    })
    now = bestDistance
  }
}
