/**
 * U-LiRA in the form that needs no further models: each of several models that forgot their own share of F is the target
 * once, the others are its shadows. A sample is a member where the target was trained on it and then forgot it, a
 * non-member where the target never saw it.
 */
import { strataOfClasses } from '../strata.ts'
import { type LiraVariance, liraOnline, type Shadows } from './lira.ts'
import type { MembershipTest } from './membership.ts'

/** With one of each kind left out there must be one more: below that some target would have nothing to compare with. */
export const leastModelsOfEachKind = 2

/** Positions of the samples that enough of the models learned and enough never saw. */
export function testedSamples(trained: readonly Uint8Array[]): Int32Array {
  const n = trained[0]?.length ?? 0
  return Int32Array.from({ length: n }, (_, i) => i).filter((i) => {
    const learned = trained.reduce((sum, row) => sum + row[i], 0)
    return Math.min(learned, trained.length - learned) >= leastModelsOfEachKind
  })
}

/** The models' phi of some of the samples. */
export function shadowsAt({ phi, trained }: Shadows, positions: Int32Array): Shadows {
  return {
    phi: phi.map((row) => Float64Array.from(positions, (i) => row[i])),
    trained: trained.map((row) => Uint8Array.from(positions, (i) => row[i])),
  }
}

/** Online LiRA of each model against the others: [models][n]. Every sample must be one of `testedSamples`. */
export function leaveOneOutScores({ phi, trained }: Shadows, variance: LiraVariance): readonly Float64Array[] {
  return phi.map((target, j) =>
    liraOnline(target, { phi: phi.filter((_, s) => s !== j), trained: trained.filter((_, s) => s !== j) }, variance),
  )
}

/**
 * The test on some of the samples. Each gives a score under each model, but is one unit: its verdicts under several
 * models aren't independent. `labels` are those of all samples.
 */
export function leaveOneOutTest(
  scores: readonly Float64Array[],
  trained: readonly Uint8Array[],
  positions: Int32Array,
  labels: Int32Array,
): MembershipTest {
  const [members, others] = [1, 0].map((kind) =>
    trained.flatMap((row, j) =>
      [...positions.keys()].flatMap((unit) => (row[positions[unit]] === kind ? [{ j, unit }] : [])),
    ),
  )
  const ordered = [...members, ...others]
  return {
    scores: Float64Array.from(ordered, ({ j, unit }) => scores[j][positions[unit]]),
    memberCount: members.length,
    // Members and non-members are the same samples, so that their class mix is F's on both sides.
    weights: new Float64Array(ordered.length).fill(1),
    units: Int32Array.from(ordered, ({ unit }) => unit),
    strata: strataOfClasses(positions.map((i) => labels[i])),
  }
}

/** Mean score of each sample over the models that forgot it. */
export function meanOverTargets(scores: readonly Float64Array[], trained: readonly Uint8Array[]): Float64Array {
  const n = scores[0]?.length ?? 0
  return Float64Array.from({ length: n }, (_, i) => {
    const own = scores.filter((_row, j) => trained[j][i] === 1)
    return own.reduce((sum, row) => sum + row[i], 0) / Math.max(1, own.length)
  })
}
