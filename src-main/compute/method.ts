/**
 * What a method is. One file a method; one line in `methods.ts` registers it, and the planner, the
 * command line, forms and docs pick it up from there. Definitions import no tensor library at run time
 * (types only), so that the main process can read them.
 */
import type { z } from 'zod'
import type { InEffect } from '#shared/domain/in-effect.ts'
import type { Cost } from '#shared/domain/stage.ts'
import type { StageProgress, StageTypes, TmuFeature, TwinShift } from './stages.ts'
import type { UnlearnContext } from './worker/training/types.ts'

export type MethodFamily = 'reference' | 'tmu' | 'baseline' | 'control'

/** Which easy/hard labels a method unlearns with. */
export type EasyHardSource =
  | 'predicted'
  | 'predicted-faithful'
  | 'all-easy'
  | 'all-hard'
  | 'cf-quantile'
  | 'count-matched-random'
  | 'oracle'

/** What the planner must provide. A gold isn't expressible. */
export interface MethodNeeds {
  readonly easyHard?: EasyHardSource
  /** M_t and the twin samples H_c. */
  readonly twin?: boolean
  /** H_c without M_t: samples of F's classes that the original never saw, and no metric reads. */
  readonly twinSamples?: boolean
  /** Checkpoints of M_o, by epoch; a function where a parameter chooses them. */
  readonly epochs?: readonly number[]
  /** Which twin pool, where it isn't F's classes' as it is. */
  readonly twinShift?: TwinShift
}

export interface MethodCounts {
  readonly members: number
  readonly forget: number
  readonly retain: number
  /** Members and retained of F's classes. */
  readonly classRetain: number
  readonly twin: number
  /** Classes of the data set. */
  readonly classes: number
}

/** How the easy/hard predictor is made: parameters of the stages `features`, `fit-predictor` and `label`. */
export interface FeaturePlan {
  readonly features: readonly TmuFeature[]
  readonly neighbours: number
  readonly epsilon: number
  readonly steps: number
  readonly pgdTarget: 'softmax' | 'logits'
  readonly bounds: 'twin' | 'per-set'
  /** F's DF is measured under M_o against references under M_t (the public code), not under M_o on both sides. */
  readonly referenceUnderTwin: boolean
  /** Least probability of easy that is labelled easy. */
  readonly threshold: number
  /** Samples nearer to the threshold than this get no label; 0: all get one. */
  readonly abstain: number
  /** F's probabilities are shifted until as large a share of it as of the twin samples is below the threshold. */
  readonly matchesShare: boolean
  /** Epoch of M_e; null: the study's. */
  readonly earlyEpoch: number | null
  readonly twinShift: TwinShift
  readonly predictor: Omit<StageTypes['fit-predictor']['params'], 'features' | 'bounds'>
}

export interface MethodDefinition<Schema extends z.ZodObject = z.ZodObject> {
  readonly id: string
  readonly title: string
  readonly family: MethodFamily
  /** One plain sentence. */
  readonly summary: string
  readonly citation: string
  /** A strict object, every key a scalar with a default, a range and `.describe('unit and source')`. */
  readonly params: Schema
  /**
   * Which parameters change nothing unless another one has a certain value. Sweeps merge what differs in such alone, and
   * forms and notes say so; stages' keys keep them.
   */
  readonly inEffect?: InEffect
  /**
   * Of parameters that are younger than studies of the method: what it did before there were any, those that came together
   * in one record, oldest first. Such studies keep their stages and what those give.
   */
  readonly formerly?: readonly Readonly<Record<string, unknown>>[]
  /**
   * A control that differs from another method in nothing but its labels: what a study sets for that
   * method holds here too, unless it's set here.
   */
  readonly follows?: string
  needs(params: z.infer<Schema>): MethodNeeds
  /** Refuses whole-class removal (R holds no sample of F's class). */
  readonly refusesClassRemoval: boolean
  /** Of the method's own stage; an estimate of 0 for `gold` and `none`, which have none. */
  estimate(params: z.infer<Schema>, counts: MethodCounts): Pick<Cost, 'visitsForward' | 'visitsBackward'>
  /**
   * Trains M_u in `context.network` (already holding M_o's weights). Returns an optional report.
   * null: the method trains nothing (`gold`, `none`); the planner knows how to make it.
   */
  readonly run: ((context: UnlearnContext, params: z.infer<Schema>) => AsyncGenerator<StageProgress, unknown>) | null
  /** Where the labels come from a predictor: which features it reads, and how they are computed. */
  features?(params: z.infer<Schema>): FeaturePlan
}

/** Forgets a definition's parameter type; what comes in is checked by its schema instead. */
export function defineMethod<Schema extends z.ZodObject>(definition: MethodDefinition<Schema>): MethodDefinition {
  const { params, run, features, formerly = [] } = definition
  const additions = formerly.map((values, i) => {
    const younger = new Set(formerly.slice(i).flatMap(Object.keys))
    return { values, older: Object.keys(params.shape).filter((key) => !younger.has(key)) }
  })
  const parse = (given: Readonly<Record<string, unknown>>): z.infer<Schema> => {
    let known = given
    for (const { values, older } of additions) {
      // A study stores all parameters that there are, so that only an earlier one has all but these.
      const isEarlier = older.length > 0 && older.every((key) => Object.hasOwn(known, key))
      if (isEarlier) known = { ...values, ...known }
    }
    return params.parse(known)
  }
  return {
    ...definition,
    needs: (given) => definition.needs(parse(given)),
    estimate: (given, counts) => definition.estimate(parse(given), counts),
    run: run === null ? null : (context, given) => run(context, parse(given)),
    ...(features === undefined ? {} : { features: (given) => features(parse(given)) }),
  }
}
