import type { Random } from '#shared/random.ts'

/** Members and non-members in one order of falling score; equal scores form a group that counts half. */
export interface Ranking {
  readonly memberCount: number
  /** By rank: 0 .. memberCount - 1 a member, from memberCount on a non-member. */
  readonly order: Int32Array
  /** By rank: 1 on the last entry of a group of equal scores. */
  readonly groupEnd: Uint8Array
}

export interface AttackFigures {
  /** Probability that a member outscores a non-member. */
  readonly auc: number
  /** Best mean of the two classes' accuracies over all thresholds. */
  readonly balancedAccuracy: number
  /** Largest true-positive rate at a false-positive rate of at most 0.1 %. */
  readonly tprAtFpr001: number
  /** The same at 1 %. */
  readonly tprAtFpr01: number
}

export const fprLimits = { tprAtFpr001: 0.001, tprAtFpr01: 0.01 } as const

/** Room for rounding where a sum of weights meets a limit exactly. */
const slack = 1 + 1e-9

export function rank(memberScores: Float64Array, nonMemberScores: Float64Array): Ranking {
  const memberCount = memberScores.length
  const scores = new Float64Array(memberCount + nonMemberScores.length)
  scores.set(memberScores)
  scores.set(nonMemberScores, memberCount)
  const order = Int32Array.from(scores.keys()).sort((a, b) => scores[b] - scores[a] || a - b)
  const groupEnd = new Uint8Array(order.length)
  for (let k = 0; k < order.length; k++) {
    groupEnd[k] = k === order.length - 1 || scores[order[k]] !== scores[order[k + 1]] ? 1 : 0
  }
  return { memberCount, order, groupEnd }
}

/**
 * The attack that calls every sample above a threshold a member. `mass` [members, then non-members] is each sample's
 * weight; `isMember`, same order, says who is one (for the null distribution, where roles are dealt anew).
 */
export function attackFigures(ranking: Ranking, mass: Float64Array, isMember: Uint8Array): AttackFigures {
  const { order, groupEnd } = ranking
  let positives = 0
  let negatives = 0
  for (let i = 0; i < mass.length; i++) {
    if (isMember[i] === 1) positives += mass[i]
    else negatives += mass[i]
  }
  const limit001 = fprLimits.tprAtFpr001 * negatives * slack
  const limit01 = fprLimits.tprAtFpr01 * negatives * slack
  let truePositives = 0
  let falsePositives = 0
  let area = 0
  let advantage = 0
  let tpr001 = 0
  let tpr01 = 0
  let groupPositives = 0
  let groupNegatives = 0
  for (let k = 0; k < order.length; k++) {
    const i = order[k]
    if (isMember[i] === 1) groupPositives += mass[i]
    else groupNegatives += mass[i]
    if (groupEnd[k] === 1) {
      area += groupNegatives * (truePositives + groupPositives / 2)
      truePositives += groupPositives
      falsePositives += groupNegatives
      groupPositives = 0
      groupNegatives = 0
      const gained = truePositives / positives - falsePositives / negatives
      if (gained > advantage) advantage = gained
      if (falsePositives <= limit01) {
        tpr01 = truePositives
        if (falsePositives <= limit001) tpr001 = truePositives
      }
    }
  }
  return {
    auc: area / (positives * negatives),
    balancedAccuracy: (1 + advantage) / 2,
    tprAtFpr001: tpr001 / positives,
    tprAtFpr01: tpr01 / positives,
  }
}

/** Enough for a mean that is good to about a tenth of a point. */
const nullRounds = 100

/**
 * What balanced accuracy comes to when nothing tells members from non-members, because its threshold is picked on the
 * same data: the mean over seeded exchanges of the two roles within each class. `classes` and `mass` are
 * [members, then non-members]; mass is 1 for members, the class weight for non-members.
 */
export function balancedAccuracyUnderNull(
  ranking: Ranking,
  classes: Int32Array,
  mass: Float64Array,
  random: Random,
): number {
  const pools = new Map<number, { positions: number[]; members: number; weight: number }>()
  for (let i = 0; i < classes.length; i++) {
    const pool = pools.get(classes[i]) ?? { positions: [], members: 0, weight: 0 }
    pool.positions.push(i)
    if (i < ranking.memberCount) pool.members++
    else pool.weight = mass[i]
    pools.set(classes[i], pool)
  }
  const isMember = new Uint8Array(classes.length)
  const dealtMass = new Float64Array(classes.length)
  let sum = 0
  for (let round = 0; round < nullRounds; round++) {
    for (const { positions, members, weight } of pools.values()) {
      random.shuffle(positions)
      for (let k = 0; k < positions.length; k++) {
        isMember[positions[k]] = k < members ? 1 : 0
        dealtMass[positions[k]] = k < members ? 1 : weight
      }
    }
    sum += attackFigures(ranking, dealtMass, isMember).balancedAccuracy
  }
  return sum / nullRounds
}
