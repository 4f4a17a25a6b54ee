import type { Random } from '#shared/random.ts'

/**
 * A class of fewer samples is not resampled by itself: of one sample every resample is that sample, so that its figure
 * would seem known for certain, and of n the bootstrap shows (n - 1) / n of the variance.
 */
const leastOfStratum = 10

/**
 * The stratum of each sample for a bootstrap that keeps class sizes where it can: its class, but classes of fewer than
 * 10 samples are one stratum together, with the next smallest class if that is still fewer (SCIENCE section 3 has one
 * stratum a class). Classes of different kinds stay apart. A stratum goes by the smallest label in it.
 */
export function strataOfClasses(
  labels: Int32Array,
  kindOf: (label: number) => 'one' | 'other' = () => 'one',
): Int32Array {
  const sizes = new Map<number, number>()
  for (const label of labels) sizes.set(label, (sizes.get(label) ?? 0) + 1)
  const stratumOf = new Map([...sizes.keys()].map((label) => [label, label]))
  for (const classes of Map.groupBy(sizes, ([label]) => kindOf(label)).values()) {
    const pooled = smallOnes(classes)
    const stratum = Math.min(...pooled)
    for (const label of pooled) stratumOf.set(label, stratum)
  }
  return labels.map((label) => stratumOf.get(label) ?? label)
}

function smallOnes(classes: readonly (readonly [label: number, size: number])[]): readonly number[] {
  const pooled: number[] = []
  let held = 0
  for (const [label, size] of classes.toSorted(([a, sizeOfA], [b, sizeOfB]) => sizeOfA - sizeOfB || a - b)) {
    if (size >= leastOfStratum && (held === 0 || held >= leastOfStratum)) break
    pooled.push(label)
    held += size
  }
  return pooled
}

/** Positions of each stratum's samples, by its number. */
export function membersOf(strata: Int32Array): readonly Int32Array[] {
  const members = new Map<number, number[]>()
  for (let i = 0; i < strata.length; i++) {
    const list = members.get(strata[i])
    if (list === undefined) members.set(strata[i], [i])
    else list.push(i)
  }
  return [...members.keys()].sort((a, b) => a - b).map((stratum) => Int32Array.from(members.get(stratum) ?? []))
}

/** Draws as many of a stratum's members as there are, with replacement, and adds up how often each. */
export function drawStratum(members: Int32Array, random: Random, counts: Float64Array): void {
  // Scaled, not `below`: millions of draws, and a bias of at most n / 2^32 is nothing beside their noise.
  const scale = members.length / 4294967296
  for (let i = members.length; i > 0; i--) counts[members[Math.floor(random.uint32() * scale)]]++
}
