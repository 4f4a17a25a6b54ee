import { AppError } from '#shared/errors.ts'

/** What shadow models say about the attacked samples. */
export interface Shadows {
  /** phi of each sample, a row a shadow model: [shadows][n]. */
  readonly phi: readonly Float64Array[]
  /** 1 where the shadow was trained on the sample: [shadows][n]. */
  readonly trained: readonly Uint8Array[]
}

/**
 * `per-sample`: each sample's own spread, which takes many shadows. `global`: one spread for all, pooled within samples
 * (the public code pools the raw values, differences between samples included). `auto`: per sample from 64 shadows on,
 * where Carlini et al. 2022 (figure 9) find the two equal.
 */
export type LiraVariance = 'auto' | 'per-sample' | 'global'

export const leastShadowsForOwnVariance = 64

/** Keeps a spread of nothing from dividing by zero, as the public code does with its 1e-30. */
const leastVariance = 1e-12

/**
 * Online LiRA (Carlini et al. 2022, algorithm 1): log N(phi; IN) - log N(phi; OUT) of each sample, from shadow models
 * that were trained on it and such that weren't. Higher = more like a member.
 * @throws AppError `internal` where a sample lacks either kind of shadow.
 */
export function liraOnline(target: Float64Array, shadows: Shadows, variance: LiraVariance): Float64Array {
  const ins = sideOf(shadows, 1, target.length)
  const outs = sideOf(shadows, 0, target.length)
  const own = isOwn(shadows, variance)
  const inside = gaussians(ins, own, outs)
  const outside = gaussians(outs, own, ins)
  return target.map((phi, i) => logDensity(phi, inside, i) - logDensity(phi, outside, i))
}

/**
 * Offline LiRA (the same, section V-B): how far phi lies above what models never trained on the sample say, in their
 * standard deviations. The paper's 1 - Pr[Z > phi] is a growing function of it, which rounds to 1 in the tail.
 */
export function liraOffline(target: Float64Array, shadows: Shadows, variance: LiraVariance): Float64Array {
  const outside = gaussians(sideOf(shadows, 0, target.length), isOwn(shadows, variance), null)
  return target.map((phi, i) => (phi - outside.mean[i]) / Math.sqrt(outside.variance[i]))
}

/** phi of each sample under the shadows of one kind. */
interface Side {
  readonly mean: Float64Array
  /** Sum of squared differences to the mean. */
  readonly squares: Float64Array
  readonly counts: Int32Array
}

interface Gaussians {
  readonly mean: Float64Array
  readonly variance: Float64Array
}

function sideOf({ phi, trained }: Shadows, kind: 0 | 1, n: number): Side {
  const mean = new Float64Array(n)
  const squares = new Float64Array(n)
  const counts = new Int32Array(n)
  for (let i = 0; i < n; i++) {
    for (let s = 0; s < phi.length; s++) {
      if (trained[s][i] !== kind) continue
      counts[i]++
      mean[i] += phi[s][i]
    }
    if (counts[i] === 0) {
      const word = kind === 1 ? 'trained on' : 'kept from'
      throw new AppError('internal', `No shadow model was ${word} sample ${i} of the attack.`)
    }
    mean[i] /= counts[i]
    for (let s = 0; s < phi.length; s++) if (trained[s][i] === kind) squares[i] += (phi[s][i] - mean[i]) ** 2
  }
  return { mean, squares, counts }
}

function isOwn({ phi }: Shadows, choice: LiraVariance): boolean {
  return choice === 'per-sample' || (choice === 'auto' && phi.length >= leastShadowsForOwnVariance)
}

function gaussians(side: Side, own: boolean, other: Side | null): Gaussians {
  const { mean, squares, counts } = side
  if (own) return { mean, variance: squares.map((sum, i) => Math.max(sum / counts[i], leastVariance)) }
  // With one model of a kind there is no spread of it to be had. The other kind's is the best guess; without one, any
  // common spread gives the same order offline.
  const pooled = pooledVariance(side) ?? (other === null ? null : pooledVariance(other)) ?? 1
  return { mean, variance: new Float64Array(mean.length).fill(pooled) }
}

/** Of all samples, within samples; null where each has one model only. */
function pooledVariance({ squares, counts }: Side): number | null {
  const freedom = counts.reduce((sum, count) => sum + count - 1, 0)
  if (freedom === 0) return null
  return Math.max(squares.reduce((sum, value) => sum + value, 0) / freedom, leastVariance)
}

function logDensity(phi: number, { mean, variance }: Gaussians, i: number): number {
  return -((phi - mean[i]) ** 2) / (2 * variance[i]) - Math.log(variance[i]) / 2
}
