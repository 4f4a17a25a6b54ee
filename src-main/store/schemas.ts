/**
 * Schemas of what the JSON columns hold. Each is typed by its domain type, so that a change there which isn't
 * followed here doesn't compile.
 */
import { z } from 'zod'
import { type AttackPlan, attackIds } from '#shared/domain/attack.ts'
import type { ClassInfo, GroupColumn, ImportProblem, Normalisation, Split, SplitRule } from '#shared/domain/dataset.ts'
import { engineIds } from '#shared/domain/engine.ts'
import type { ForgetRule } from '#shared/domain/forget-set.ts'
import type { Metric, MetricTable } from '#shared/domain/metrics.ts'
import type { Cost, StageCost } from '#shared/domain/stage.ts'
import { augmentations, type Recipe, type StudyConfig } from '#shared/domain/study.ts'
import { type AppErrorShape, errorCodes } from '#shared/errors.ts'
import type { DatasetId, ForgetSetId, ObjectHash, SplitId } from '#shared/ids.ts'

const count = z.int().nonnegative()
const counts = z.array(count)

export const objectHashSchema: z.ZodType<ObjectHash> = z.custom<ObjectHash>(
  (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value),
  'not an object hash',
)

export const classesSchema: z.ZodType<readonly ClassInfo[]> = z.array(z.strictObject({ name: z.string(), count }))

export const problemsSchema: z.ZodType<readonly ImportProblem[]> = z.array(
  z.strictObject({ path: z.string(), reason: z.string() }),
)

export const groupsSchema: z.ZodType<readonly GroupColumn[]> = z.array(
  z.strictObject({ name: z.string(), values: z.array(z.string()), codes: objectHashSchema }),
)

const dealtRules = [
  z.strictObject({
    kind: z.literal('fractions'),
    members: z.number(),
    twinPool: z.number(),
    evaluation: z.number(),
    evaluationFolder: z.string().optional(),
    groupKey: z.string().optional(),
  }),
  z.strictObject({ kind: z.literal('counts'), members: counts, twinPool: counts, evaluation: counts }),
] as const

export const splitRuleSchema: z.ZodType<SplitRule> = z.discriminatedUnion('kind', [
  ...dealtRules,
  z.strictObject({ kind: z.literal('around'), base: z.discriminatedUnion('kind', dealtRules), ids: z.string() }),
])

export const splitCountsSchema: z.ZodType<Split['counts']> = z.strictObject({
  members: counts,
  twinPool: counts,
  evaluation: counts,
})

export const normalisationSchema: z.ZodType<Normalisation> = z.strictObject({
  mean: z.array(z.number()),
  std: z.array(z.number()),
})

const forgetRules: z.ZodType<readonly ForgetRule[]> = z.lazy(() => z.array(forgetRuleSchema))

export const forgetRuleSchema: z.ZodType<ForgetRule> = z.lazy(() =>
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('class'), className: z.string(), fraction: z.number() }),
    z.strictObject({ kind: z.literal('random'), fraction: z.number() }),
    z.strictObject({ kind: z.literal('random-count'), count }),
    z.strictObject({ kind: z.literal('group'), column: z.string(), values: z.array(z.string()) }),
    z.strictObject({
      kind: z.literal('cluster'),
      clusters: count,
      chosen: z.array(count),
      within: z.string().nullable(),
    }),
    z.strictObject({ kind: z.literal('ids'), source: z.string() }),
    z.strictObject({ kind: z.literal('picked'), ids: z.string(), source: z.string() }),
    z.strictObject({ kind: z.literal('union'), rules: forgetRules }),
    z.strictObject({ kind: z.literal('intersection'), rules: forgetRules }),
    z.strictObject({ kind: z.literal('minus'), from: forgetRuleSchema, without: forgetRuleSchema }),
  ]),
)

/** Rows as SQLite gives them, by table. */
export const keptRowsSchema = z.record(
  z.string(),
  z.array(z.record(z.string(), z.union([z.string(), z.number(), z.null()]))),
)

export const countsSchema: z.ZodType<readonly number[]> = counts

const recipeSchema: z.ZodType<Recipe> = z.strictObject({
  epochs: z.number(),
  batchSize: z.number(),
  optimizer: z.enum(['adam', 'sgd']),
  lr: z.number(),
  schedule: z.enum(['cosine', 'constant']),
  momentum: z.number(),
  weightDecay: z.number(),
  augment: z.enum(augmentations).optional(),
})

const idOf = <Id extends string>(): z.ZodType<Id> =>
  z.custom<Id>((value) => typeof value === 'string' && value !== '', 'not an id')

export const studyConfigSchema: z.ZodType<StudyConfig> = z.strictObject({
  datasetId: idOf<DatasetId>(),
  splitId: idOf<SplitId>(),
  forgetSetId: idOf<ForgetSetId>(),
  architecture: z.string(),
  original: z
    .strictObject({ weights: objectHashSchema, file: z.string(), normalisation: normalisationSchema.nullable() })
    .optional(),
  recipe: recipeSchema,
  twinRecipe: recipeSchema,
  earlyEpoch: z.number(),
  methods: z.array(z.string()),
  methodParams: z.record(z.string(), z.record(z.string(), z.unknown())),
  seeds: z.array(z.int()),
  goldSeeds: z.array(z.int()),
  margin: z.number(),
  problem: z.literal('twin').optional(),
  series: z.strictObject({ name: z.string(), forgetCount: z.int() }).optional(),
  tuned: z
    .record(
      z.string(),
      z.strictObject({
        study: z.string(),
        tried: z.int(),
        score: z.number(),
        defaultScore: z.number().nullable(),
      }),
    )
    .optional(),
})

export const attackPlanSchema: z.ZodType<AttackPlan> = z.strictObject({
  attacks: z.array(z.enum(attackIds)),
  shadows: z.int(),
  models: z.int(),
  options: z.record(z.string(), z.record(z.string(), z.unknown())),
})

const interval = z.tuple([z.number(), z.number()]).nullable()

const metricSchema: z.ZodType<Metric> = z.union([
  z.strictObject({
    value: z.number(),
    ci: interval,
    n: z.number(),
    perModel: z.record(z.string(), z.number()).optional(),
    ci90: interval.optional(),
    nullFloor: z.number().optional(),
  }),
  z.strictObject({ absent: z.string() }),
])

export const metricsSchema: z.ZodType<MetricTable> = z.record(z.string(), metricSchema)

const amount = z.number().nonnegative()

export const costSchema: z.ZodType<Cost> = z.strictObject({
  seconds: amount,
  visitsForward: amount,
  visitsBackward: amount,
})

export const stageCostSchema: z.ZodType<StageCost> = z.strictObject({
  seconds: amount,
  visitsForward: amount,
  visitsBackward: amount,
  engine: z.enum(engineIds),
  madeBy: z
    .strictObject({ version: z.string(), device: z.string(), threads: z.number(), kernelSet: z.string() })
    .optional(),
  peakMemory: amount,
})

export const outputsSchema: z.ZodType<Readonly<Record<string, ObjectHash>>> = z.record(z.string(), objectHashSchema)

export const errorSchema: z.ZodType<AppErrorShape> = z.strictObject({
  code: z.enum(errorCodes),
  message: z.string(),
  hint: z.string().optional(),
  details: z.unknown().optional(),
})
