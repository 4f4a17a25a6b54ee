/** Input schemas of the contract: every shell's bad input is refused here, with the same sentence. */
import { z } from 'zod'
import { attackIds } from '#shared/domain/attack.ts'
import { datasetFormats } from '#shared/domain/dataset.ts'
import { engineIds, installableEngineIds } from '#shared/domain/engine.ts'
import type { ForgetRule } from '#shared/domain/forget-set.ts'
import { modelFormats } from '#shared/domain/study.ts'
import { deepestRule, depthOfRule, mostRuleParts, partsOfRule } from '#shared/forget-rule.ts'

/** A name or an id; what it names is looked up by the use case. */
export const reference = z.string().trim().min(1, 'must not be empty').max(200, 'must be at most 200 characters long')

/** A new object's name: printable, one line. */
export const newName = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(120, 'must be at most 120 characters long')
  .regex(/^[^\p{Cc}/\\]+$/u, 'must not contain slashes or control characters')

export const seed = z
  .int()
  .min(0)
  .max(2 ** 31 - 1)
const share = z.number().gt(0).max(1)

/** A column's name in a table. */
const column = z.string().min(1).max(200)

export const groupRule = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('pattern'), pattern: z.string().min(1).max(1000) }),
  z.strictObject({
    kind: z.literal('csv'),
    path: z.string().min(1),
    key: column,
    columns: z.array(column).min(1).max(50).readonly().optional(),
  }),
  z.strictObject({ kind: z.literal('level'), level: z.int().min(1).max(32), name: column }),
])
const groupRules = z.array(groupRule).max(20)

const sourceFields = {
  path: z.string().min(1),
  format: z.enum([...datasetFormats, 'auto', 'archive']).default('auto'),
  /** Columns of a table (CSV, Parquet) whose names don't tell what they are. */
  columns: z.strictObject({ path: column.optional(), label: column.optional(), split: column.optional() }).optional(),
  groups: groupRules.optional(),
}

export const previewDatasetInput = z.strictObject(sourceFields)

export const importDatasetInput = z.strictObject({
  ...sourceFields,
  name: newName.optional(),
  /** Side length that every image is brought to. */
  size: z.int().min(8).max(512).optional(),
  strict: z.boolean().default(false),
  /** As its owner states it. */
  licence: z.string().trim().min(1).max(500).optional(),
})

export const datasetGroupsInput = z.strictObject({ dataset: reference, rules: groupRules.min(1) })

/** By name or id, as in the bin. */
export const restoreDatasetInput = z.strictObject({ dataset: reference, name: newName.optional() })

export const qualityInput = z.strictObject({
  dataset: reference,
  /** Whose sides are looked at; a forget set's own where one is given. */
  split: reference.default('default'),
  forgetSet: reference.optional(),
})

export const splitRuleInput = z.strictObject({
  dataset: reference,
  name: newName,
  /** Shares of members, twin pool and evaluation; sum at most 1. */
  fractions: z.tuple([share, share, share]).default([0.7, 0.15, 0.15]),
  /** A group column: all samples of one value go to one side. */
  groupKey: reference.optional(),
  seed: seed.default(1),
})

/** Samples as id ranges (`0-4,7`). */
export const idRanges = z
  .string()
  .max(2_000_000)
  .regex(/^[\d,\- ]*$/, 'must be numbers and ranges: 0-4,7')

const mostClusters = 100
const clusterCount = z.int().min(2).max(mostClusters)

const anyRule: z.ZodType<ForgetRule> = z.lazy(() =>
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('class'), className: z.string().min(1), fraction: share }),
    z.strictObject({ kind: z.literal('random'), fraction: share }),
    z.strictObject({ kind: z.literal('random-count'), count: z.int().min(1) }),
    z.strictObject({ kind: z.literal('group'), column: z.string().min(1), values: z.array(z.string()).min(1) }),
    z.strictObject({
      kind: z.literal('cluster'),
      clusters: clusterCount,
      chosen: z.array(z.int().min(1).max(mostClusters)).min(1),
      within: z.string().min(1).nullable().default(null),
    }),
    z.strictObject({ kind: z.literal('picked'), ids: idRanges, source: z.string().max(300).default('') }),
    z.strictObject({ kind: z.literal('union'), rules: z.array(anyRule).min(1) }),
    z.strictObject({ kind: z.literal('intersection'), rules: z.array(anyRule).min(1) }),
    z.strictObject({ kind: z.literal('minus'), from: anyRule, without: anyRule }),
  ]),
)

/** A forget rule as a person or a script writes it; a list of ids comes as a file of its own or as picked samples. */
export const forgetRuleInput = anyRule
  .refine((rule) => depthOfRule(rule) <= deepestRule, { message: `must not be nested deeper than ${deepestRule}` })
  .refine((rule) => [...partsOfRule(rule)].length <= mostRuleParts, {
    message: `must not have more than ${mostRuleParts} parts`,
  })

export const createForgetSetInput = z
  .strictObject({
    name: newName,
    dataset: reference,
    split: reference.default('default'),
    className: z.string().min(1).optional(),
    fraction: share.optional(),
    /** At random: a share of D below 1, or a number of its members. */
    random: z
      .number()
      .gt(0)
      .refine((value) => value <= 1 || Number.isInteger(value), 'must be a share below 1, or a whole number of images')
      .optional(),
    /** Everybody in D who has this value in a group column. */
    group: z.strictObject({ column: z.string().min(1), value: z.string() }).optional(),
    /** Clusters of images that look alike, by number: 1 is the largest. With `className`: of that class's images. */
    cluster: z
      .strictObject({ clusters: clusterCount.default(10), chosen: z.array(z.int().min(1).max(mostClusters)).min(1) })
      .optional(),
    /** Any rule, also combined ones. */
    rule: forgetRuleInput.optional(),
    /** Path of a CSV or text file with one id or image path a line. */
    idsFile: z.string().min(1).optional(),
    /** Where samples lie outside D: makes a new split around them instead of refusing them. */
    aroundIds: z.boolean().optional(),
    /** The forget set that this is an edited version of. */
    versionOf: reference.optional(),
    seed: seed.default(1),
  })
  .refine(
    (input) =>
      [
        input.cluster === undefined ? input.className : input.cluster,
        input.random,
        input.group,
        input.idsFile,
        input.rule,
      ].filter((rule) => rule !== undefined).length === 1,
    {
      message:
        'choose exactly one of a class (with a fraction), a random share, a group, clusters, a file of ids, or a rule',
    },
  )

export const settingValue = z.union([z.number(), z.string(), z.boolean()])

const attackNumbers = {
  /** Shadow models: an even number. */
  shadows: z.int().min(2).max(512).optional(),
  /** Unlearned and gold models each, for KLoM and forgetting quality. */
  models: z.int().min(2).max(128).optional(),
  /** `ATTACK.KEY`. */
  settings: z.record(z.string(), settingValue).optional(),
}

export const attackStudyInput = z.strictObject({
  study: reference,
  /** Added to those it has; default: those that train nothing. */
  attacks: z.array(z.string().min(1)).min(1).optional(),
  ...attackNumbers,
})

export const exposedSamplesInput = z.strictObject({
  study: reference,
  attack: z.enum(attackIds),
  method: z.string().min(1),
  seed: z.int().optional(),
  limit: z.int().min(1).max(500).default(60),
})

export const createStudyInput = z.strictObject({
  name: newName,
  dataset: reference,
  forgetSet: reference,
  architecture: z.string().min(1).optional(),
  /** Path of a file with the weights of a model to start from, instead of one that is trained. */
  original: z.string().min(1).optional(),
  /** Default: every method. */
  methods: z.array(z.string().min(1)).min(1).optional(),
  /** How many seeds; runs are made for each method and seed. */
  seeds: z.int().min(1).max(100).default(1),
  golds: z.int().min(1).max(32).default(2),
  engine: z.enum(engineIds).optional(),
  /** What it is attacked with when it runs; default: nothing. */
  attack: z.strictObject({ attacks: z.array(z.string().min(1)).min(1), ...attackNumbers }).optional(),
  /**
   * `epochs`, `lr`, `batchSize`, `optimizer`, `schedule`, `momentum`, `weightDecay`, `augment`, `splitSeed`, `earlyEpoch`,
   * `threshold` or `METHOD.KEY`.
   */
  settings: z.record(z.string(), settingValue).default({}),
  /** METHOD.KEY -> values: each makes a variant of the method beside it, one key at a time or every combination. */
  sweep: z
    .strictObject({
      factors: z.record(z.string(), z.array(settingValue).min(1).max(50)),
      grid: z.boolean().default(false),
    })
    .optional(),
})

/** A study for each size of F. A class's or a random share's sizes may be larger than the forget set's own. */
export const createSeriesInput = createStudyInput.extend({ sizes: z.array(z.int().min(1)).min(2).max(20) })

export const exportModelInput = z.strictObject({
  run: reference,
  /** Where to; absent: the workspace's folder for exports. */
  path: z.string().min(1).optional(),
  format: z.enum(modelFormats).default('safetensors'),
  overwrite: z.boolean().default(false),
})

const installableEngine = z.enum(installableEngineIds)
export const installEngineInput = z.strictObject({
  engine: installableEngine,
  /** An archive, or a folder of archives, to install from instead of the network. */
  file: z.string().min(1).optional(),
})
/** Without engines: every one that works, but the slow reference. */
export const benchEnginesInput = z.strictObject({ engines: z.array(z.enum(engineIds)).min(1).optional() })
export const engineFilesInput = z.strictObject({ engine: installableEngine })
export const uninstallEngineInput = z.strictObject({ engine: installableEngine })

export const thumbnailsInput = z.strictObject({ dataset: reference, indices: z.array(z.int().min(0)).min(1).max(1000) })
export const sheetInput = z.strictObject({ dataset: reference, indices: z.array(z.int().min(0)).min(1).max(1024) })
export const sampleNamesInput = z.strictObject({
  dataset: reference,
  offset: z.int().min(0).default(0),
  limit: z.int().min(1).max(50_000).default(50_000),
})
export const clustersInput = z.strictObject({
  dataset: reference,
  clusters: clusterCount.default(10),
  /** The class whose images alone are clustered; absent: all. */
  within: z.string().min(1).nullable().default(null),
  seed: seed.default(1),
})
/** A list as somebody has it: ids, paths or a CSV. */
export const matchListInput = z.strictObject({
  dataset: reference,
  text: z.string().max(12 * 1024 * 1024),
  source: z.string().max(300),
})
export const tagInput = z.strictObject({ dataset: reference, tag: newName, samples: idRanges })
export const embeddingInput = z.strictObject({
  dataset: reference,
  /** The model whose penultimate features are placed; absent: the pixels themselves. */
  study: reference.optional(),
  method: z.enum(['pca', 'umap']).default('pca'),
  /** UMAP places this many samples, drawn by the seed, where there are more. */
  limit: z.int().min(50).max(1_000_000).default(5000),
  seed: seed.default(1),
})
export const neighboursInput = z.strictObject({
  dataset: reference,
  index: z.int().min(0),
  study: reference.optional(),
  count: z.int().min(1).max(200).default(12),
})
export const forgetSamplesInput = z.strictObject({
  run: reference,
  sort: z.enum(['disagreement', 'index']).default('disagreement'),
  descending: z.boolean().default(true),
  offset: z.int().min(0).default(0),
  limit: z.int().min(1).max(500).default(100),
})

export const tuneStudyInput = z.strictObject({
  study: reference,
  /** Name of the tuning study; default: `NAME tuning`. */
  name: newName.optional(),
  /** Default: every method that can be tuned. */
  methods: z.array(z.string().min(1)).min(1).optional(),
  /** Settings to try, for each method. */
  budget: z.int().min(2).max(50).default(8),
  /** Seeds that each is tried at. */
  seeds: z.int().min(1).max(10).default(1),
})

export const adoptTuningInput = z.strictObject({
  study: reference,
  tuning: reference,
  /** Name of the study with the tuned settings; default: `NAME tuned`. */
  name: newName.optional(),
})

/** With `perModel` false, figures come without their values by model: a tenth of the size, for tables. */
export const resultInput = z.strictObject({
  study: reference,
  perModel: z.boolean().optional(),
  /** False: without runs and verdicts, which \`resultPage\` has. */
  runs: z.boolean().optional(),
})
/** A page of something that is in the order of the study. */
export const pageInput = z.strictObject({
  study: reference,
  offset: z.int().min(0).default(0),
  limit: z.int().min(1).max(1000).default(200),
})
/** \`stages\` false: without its stages, which \`planStages\` has. */
export const planInput = z.strictObject({ study: reference, stages: z.boolean().optional() })

/** Oldest first; the next page begins `after` the last run of the one before. */
export const listRunsInput = z.strictObject({
  study: reference.optional(),
  perModel: z.boolean().optional(),
  after: reference.optional(),
  limit: z.int().min(1).max(10_000).optional(),
})
