/** What an attack hands to its stage, and figures that several attacks make alike. */
import { meanFigure } from '#main/metrics/attacks/mean-figure.ts'
import { type MembershipTest, membershipSteps, membershipTest } from '#main/metrics/attacks/membership.ts'
import { type AttackReport, type AttackSubset, attackSubsets, type RocPoint } from '#shared/domain/attack.ts'
import type { Metric, MetricTable } from '#shared/domain/metrics.ts'
import type { StageProgress } from '../../stages.ts'
import { Pacer } from '../training/pacer.ts'
import type { AttackMaterial, Unseen } from './material.ts'

export interface Findings extends Partial<Omit<AttackReport, 'attack'>> {
  readonly figures: MetricTable
  /** By position in F, or of the images `ids` where not all of F could be scored. */
  readonly scores?: { readonly ids?: Int32Array; readonly score: Float64Array; readonly exposure: Float64Array }
}

export type Attack = (material: AttackMaterial) => AsyncGenerator<StageProgress, Findings>

/** Scores of F and of the non-members under one way of attacking. */
export interface Variant {
  /** Before the dot in the figures' names; empty for an attack with one way only. */
  readonly name: string
  readonly forget: Float64Array
  readonly nonMembers: Float64Array
}

/**
 * How well each variant tells F (and each part of F) from the non-members. The first variant's scores are kept: which
 * images an attacker would point at.
 */
export async function* membershipFindings(
  { spec, context, forget, subsets }: AttackMaterial,
  unseen: Unseen,
  variants: readonly Variant[],
): AsyncGenerator<StageProgress, Findings> {
  const all = Int32Array.from(forget.ids.keys())
  const parts: readonly (readonly [AttackSubset | null, Int32Array])[] = [
    [null, all],
    ...(Object.entries(subsets) as [AttackSubset, Int32Array][]),
  ]
  const figures: Record<string, Metric> = {}
  const ofSubsets: Partial<Record<AttackSubset, Record<string, Metric>>> = {}
  const roc: Record<string, readonly RocPoint[]> = {}
  const pacer = new Pacer()
  const total = parts.length * variants.length
  let done = 0
  for (const variant of variants) {
    for (const [part, positions] of parts) {
      const steps = membershipSteps(testOf(variant, positions, forget.labels, unseen), {
        seed: spec.seed,
        draws: spec.params.draws,
      })
      let step = steps.next()
      for (; !step.done; step = steps.next()) {
        await context.breathe()
        if (pacer.due()) yield { kind: 'progress', value: (done + step.value) / total }
      }
      done++
      const into = part === null ? figures : (ofSubsets[part] ??= {})
      const prefix = variant.name === '' ? '' : `${variant.name}.`
      for (const [name, metric] of Object.entries(step.value.figures)) into[`${prefix}${name}`] = metric
      if (part === null) roc[variant.name === '' ? 'all' : variant.name] = step.value.roc
    }
  }
  const [{ forget: score, nonMembers }] = variants
  return {
    figures,
    subsets: ofSubsets,
    roc,
    notes: powerNotes(figures),
    scores: { score, exposure: exposureOf(score, nonMembers, unseen.weights) },
  }
}

function testOf(
  { forget, nonMembers }: Variant,
  positions: Int32Array,
  labels: Int32Array,
  unseen: Unseen,
): MembershipTest {
  return membershipTest(
    { scores: Float64Array.from(positions, (i) => forget[i]), labels: positions.map((i) => labels[i]) },
    { scores: nonMembers, labels: unseen.labels, weights: unseen.weights },
  )
}

/** What n can't resolve, each sentence once. */
function powerNotes(figures: MetricTable): readonly string[] {
  return [...new Set(Object.values(figures).flatMap((metric) => ('absent' in metric ? [metric.absent] : [])))]
}

/** Share of the non-members' weight that lies below each score, equals half. */
export function exposureOf(scores: Float64Array, nonMembers: Float64Array, weights: Float64Array): Float64Array {
  const order = Int32Array.from(nonMembers.keys()).sort((a, b) => nonMembers[a] - nonMembers[b])
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return scores.map((score) => {
    let below = 0
    for (const i of order) {
      if (nonMembers[i] > score) break
      below += nonMembers[i] === score ? weights[i] / 2 : weights[i]
    }
    return total === 0 ? 0 : below / total
  })
}

/** Figures on all of F and on its parts. */
export type PartFindings = Pick<AttackReport, 'figures' | 'subsets'>

/** The mean of a value a forgotten sample, on all of F and on its parts. */
export function meanFindings(
  { spec, forget, subsets }: AttackMaterial,
  name: string,
  values: Float64Array,
): PartFindings {
  const bootstrap = { seed: spec.seed, draws: spec.params.draws }
  const over = (positions: Int32Array): MetricTable => ({
    [name]: meanFigure(
      Float64Array.from(positions, (i) => values[i]),
      positions.map((i) => forget.labels[i]),
      bootstrap,
    ),
  })
  return {
    figures: over(Int32Array.from(forget.ids.keys())),
    subsets: Object.fromEntries(Object.entries(subsets).map(([part, positions]) => [part, over(positions)])),
  }
}

/** A figure that can't be told on F or any part of it, and why. */
export function absentFindings({ subsets }: AttackMaterial, name: string, absent: string): PartFindings {
  return {
    figures: { [name]: { absent } },
    subsets: Object.fromEntries(Object.keys(subsets).map((part) => [part, { [name]: { absent } }])),
  }
}

/** The findings with further figures behind their own, on F and on each part. */
export function withFindings<Found extends Findings>(found: Found, ...more: readonly PartFindings[]): Found {
  return more.reduce<Found>(
    (all, { figures, subsets }) => ({
      ...all,
      figures: { ...all.figures, ...figures },
      subsets: Object.fromEntries(
        attackSubsets.flatMap((part) => {
          const both = { ...all.subsets?.[part], ...subsets[part] }
          return Object.keys(both).length === 0 ? [] : [[part, both]]
        }),
      ),
    }),
    found,
  )
}

/** An attack that can't be made at all, and why. */
export function nothing(names: readonly string[], absent: string): Findings {
  return { figures: Object.fromEntries(names.map((name) => [name, { absent }])), notes: [absent] }
}

export const membershipFigureNames = ['auc', 'balancedAccuracy', 'tprAtFpr01', 'tprAtFpr001'] as const
