/** Every attack of the workbench, by id, with its parameters. */
import { z } from 'zod'
import { type AttackId, type AttackInfo, attackIds } from '#shared/domain/attack.ts'
import { AppError } from '#shared/errors.ts'
import type { AttackDefinition } from './attack.ts'
import { describe, rangeOf } from './methods.ts'

const variance = z
  .enum(['auto', 'per-sample', 'global'])
  .default('auto')
  .describe(
    'Spread of phi: each sample its own, one pooled within samples, or pooled below 64 shadow models (Carlini et al. 2022, figure 9; the public code pools raw values)',
  )

export const attackParams = {
  population: z.strictObject({}),
  streisand: z.strictObject({
    percentile: z
      .number()
      .min(0.5)
      .lt(1)
      .default(0.99)
      .describe('Losses above this percentile of the non-members stand out'),
  }),
  lira: z.strictObject({ variance }),
  rmia: z.strictObject({
    gamma: z.number().min(1).max(100).default(2).describe('How clearly x must beat z; Zarifzadeh et al. 2024 take 2'),
    offlineSlope: z
      .number()
      .min(0)
      .max(1)
      .default(0.3)
      .describe('a of p(x) = ((1 + a) pOut + (1 - a)) / 2; the paper takes 0.3 to 0.6 for images'),
    references: z
      .int()
      .min(2)
      .max(256)
      .multipleOf(2)
      .default(2)
      .describe(
        'Reference models: of each pair, the one not trained on a sample speaks for it; the paper does with 1 or 2',
      ),
  }),
  ulira: z.strictObject({ variance }),
  relearn: z.strictObject({
    optimizer: z.enum(['adam', 'sgd']).default('adam').describe('SGD without momentum'),
    lr: z
      .number()
      .gt(0)
      .max(1)
      .default(5e-5)
      .describe('Learning rate, constant: small, so that a gold takes tens of steps and not two'),
    batchSize: z.int().min(1).max(4096).default(64).describe('Samples a step'),
    steps: z
      .int()
      .min(1)
      .max(10_000)
      .default(100)
      .describe('Mini-batches after which relearning is given up; a bound of the AIN'),
    tolerance: z
      .number()
      .min(0)
      .lt(1)
      .default(0.05)
      .describe("Relearned: accuracy on F within this share of the original's; Chundawat et al. 2023 take 5 to 10 %"),
  }),
  klom: z.strictObject({
    bins: z.int().min(2).max(200).default(20).describe('Bins of a histogram of margins; Georgiev et al. 2024 take 20'),
    floor: z.number().gt(0).max(0.1).default(1e-5).describe('Least probability of a bin; the public code takes 1e-5'),
  }),
  'forgetting-quality': z.strictObject({
    delta: z.number().min(0).max(0.5).default(0.01).describe('delta of (epsilon, delta)'),
    binWidth: z.number().gt(0).max(10).default(0.5).describe('Width of a bin of epsilon; the challenge takes 0.5'),
  }),
  cka: z.strictObject({
    samples: z
      .int()
      .min(10)
      .max(5000)
      .default(300)
      .describe('Most samples of each set; wide layers take fewer by themselves'),
  }),
  weights: z.strictObject({}),
} as const satisfies { readonly [Id in AttackId]: z.ZodObject }

/** An attack's parameters with their defaults. */
export type AttackOptions<Id extends AttackId> = z.infer<(typeof attackParams)[Id]>

const about: { readonly [Id in AttackId]: Omit<AttackDefinition, 'id' | 'params'> } = {
  population: {
    title: 'Population attack',
    summary: 'Compares the loss of a forgotten image with the losses of unseen images of its class.',
    citation: 'Ye et al. 2022, Enhanced membership inference attacks (attack P)',
    trains: 'nothing',
    perMethod: false,
  },
  streisand: {
    title: 'Streisand effect',
    summary: 'Asks whether forgetting itself stands out: losses unlike those of any unseen image.',
    citation: 'Golatkar et al. 2020, Eternal sunshine of the spotless net',
    trains: 'nothing',
    perMethod: false,
  },
  lira: {
    title: 'LiRA',
    summary: 'Compares each image with shadow models that were trained on it and such that were not.',
    citation: 'Carlini et al. 2022, Membership inference attacks from first principles',
    trains: 'shadows',
    perMethod: false,
  },
  rmia: {
    title: 'RMIA',
    summary: 'Compares each image with unseen images, both relative to one or two reference models.',
    citation: 'Zarifzadeh et al. 2024, Low-cost high-power membership inference attacks',
    trains: 'shadows',
    perMethod: false,
  },
  ulira: {
    title: 'U-LiRA',
    summary: 'Unlearns from shadow models by the same method, and asks whether an image was forgotten or never seen.',
    citation: 'Hayes et al. 2024, Inexact unlearning needs more careful evaluations; Kurmanji et al. 2023',
    trains: 'shadows',
    perMethod: true,
  },
  relearn: {
    title: 'Relearning',
    summary: 'Trains on the forgotten images again, and counts the steps until they are known as before.',
    citation: 'Chundawat et al. 2023, Zero-shot machine unlearning (anamnesis index)',
    trains: 'nothing',
    perMethod: false,
  },
  klom: {
    title: 'KLoM',
    summary: 'Compares the margins of several unlearned models with those of several golds, image by image.',
    citation: 'Georgiev et al. 2024, Attribute-to-delete; Rinberg et al. 2025, Data-unlearn-bench',
    trains: 'models',
    perMethod: true,
  },
  'forgetting-quality': {
    title: 'Forgetting quality',
    summary: 'Scores how well several unlearned models can be told from several golds, times their utility.',
    citation: 'Triantafillou et al. 2024, the NeurIPS 2023 unlearning competition',
    trains: 'models',
    perMethod: true,
  },
  cka: {
    title: 'CKA by layer',
    summary: 'Compares what each layer represents with the same layer of the golds.',
    citation: 'Kornblith et al. 2019; debiased after Nguyen et al. 2021',
    trains: 'nothing',
    perMethod: false,
  },
  weights: {
    title: 'Weight distance',
    summary: "Distance of the weights to the golds' and to the original's, by layer.",
    citation: 'Golatkar et al. 2020; Thudi et al. 2022, Unrolling SGD (verification error)',
    trains: 'nothing',
    perMethod: false,
  },
}

export const attacks: readonly AttackDefinition[] = attackIds.map((id) => ({
  id,
  ...about[id],
  params: attackParams[id] as z.ZodObject,
}))

/** @throws AppError `bad-input` that names the attack and those there are. */
export function attackOf(id: string): AttackDefinition {
  const found = attacks.find((attack) => attack.id === id)
  if (found !== undefined) return found
  throw new AppError('bad-input', `There is no attack ${JSON.stringify(id)}.`, {
    hint: `Attacks are ${attackIds.join(', ')}.`,
    details: { attack: id },
  })
}

/**
 * An attack's parameters, complete.
 * @throws AppError `bad-input` that names the attack, the key, its range and the keys there are.
 */
export function parseAttackOptions(
  id: AttackId,
  given: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const { params } = attackOf(id)
  const unknown = Object.keys(given).find((key) => !Object.hasOwn(params.shape, key))
  if (unknown !== undefined) {
    const keys = Object.keys(params.shape)
    throw new AppError('bad-input', `${id} has no parameter ${JSON.stringify(unknown)}.`, {
      hint: keys.length === 0 ? `${id} has no parameters.` : `${id} has ${keys.join(', ')}.`,
      details: { attack: id, key: unknown },
    })
  }
  const parsed = params.safeParse(given)
  if (parsed.success) return parsed.data
  const key = String(parsed.error.issues[0]?.path[0] ?? '')
  throw new AppError(
    'bad-input',
    `${id}.${key} = ${JSON.stringify(given[key])} is not possible: it must be ${rangeOf(params, key)}.`,
    { hint: describe(params, key), details: { attack: id, key } },
  )
}

export function attackInfo({ id, title, summary, citation, trains, perMethod, params }: AttackDefinition): AttackInfo {
  return {
    id,
    title,
    summary,
    citation,
    trains,
    perMethod,
    defaults: params.parse({}),
    schema: z.toJSONSchema(params, { io: 'input' }),
  }
}
