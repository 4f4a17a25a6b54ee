/** Input schemas of the contract: every shell's bad input is refused here, with the same sentence. */
import { z } from 'zod'
import { engineIds } from '#shared/domain/engine.ts'

/** A name or an id; what it names is looked up by the use case. */
export const reference = z.string().trim().min(1).max(200)

/** A new object's name: printable, one line. */
export const newName = z
  .string()
  .trim()
  .min(1)
  .max(120)
  .regex(/^[^\p{Cc}/\\]+$/u, 'must not contain slashes or control characters')

export const seed = z
  .int()
  .min(0)
  .max(2 ** 31 - 1)
const share = z.number().gt(0).max(1)

export const importDatasetInput = z.strictObject({
  path: z.string().min(1),
  name: newName.optional(),
  /** Side length that every image is brought to. */
  size: z.int().min(8).max(512).optional(),
  strict: z.boolean().default(false),
  format: z.enum(['auto', 'folder', 'demo']).default('auto'),
})

export const splitRuleInput = z.strictObject({
  dataset: reference,
  name: newName,
  /** Shares of members, twin pool and evaluation; sum at most 1. */
  fractions: z.tuple([share, share, share]).default([0.7, 0.15, 0.15]),
  seed: seed.default(1),
})

export const createForgetSetInput = z
  .strictObject({
    name: newName,
    dataset: reference,
    split: reference.default('default'),
    className: z.string().min(1).optional(),
    fraction: share.optional(),
    /** Share of D at random. */
    random: share.optional(),
    /** Path of a CSV or text file with one id or image path a line. */
    idsFile: z.string().min(1).optional(),
    seed: seed.default(1),
  })
  .refine((input) => [input.className, input.random, input.idsFile].filter((rule) => rule !== undefined).length === 1, {
    message: 'choose exactly one of a class (with a fraction), a random share, or a file of ids',
  })

export const settingValue = z.union([z.number(), z.string(), z.boolean()])

export const createStudyInput = z.strictObject({
  name: newName,
  dataset: reference,
  forgetSet: reference,
  architecture: z.string().min(1).optional(),
  /** Default: every method. */
  methods: z.array(z.string().min(1)).min(1).optional(),
  /** How many seeds; runs are made for each method and seed. */
  seeds: z.int().min(1).max(100).default(1),
  golds: z.int().min(1).max(32).default(2),
  engine: z.enum(engineIds).optional(),
  /** `epochs`, `lr`, `batchSize`, `augment`, `splitSeed`, `earlyEpoch`, `threshold` or `METHOD.KEY`. */
  settings: z.record(z.string(), settingValue).default({}),
  /** METHOD.KEY -> values: each makes a variant of the method beside it, one key at a time or every combination. */
  sweep: z
    .strictObject({
      factors: z.record(z.string(), z.array(settingValue).min(1).max(50)),
      grid: z.boolean().default(false),
    })
    .optional(),
})

/** Engines that aren't part of the program. */
const installableEngine = z.enum(['native'])
export const installEngineInput = z.strictObject({
  engine: installableEngine,
  /** An archive to install from, instead of the network. */
  file: z.string().min(1).optional(),
})
export const uninstallEngineInput = z.strictObject({ engine: installableEngine })

export const thumbnailsInput = z.strictObject({ dataset: reference, indices: z.array(z.int().min(0)).min(1).max(1000) })
export const forgetSamplesInput = z.strictObject({
  run: reference,
  sort: z.enum(['disagreement', 'index']).default('disagreement'),
  descending: z.boolean().default(true),
  offset: z.int().min(0).default(0),
  limit: z.int().min(1).max(500).default(100),
})
