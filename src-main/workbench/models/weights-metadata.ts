/** What a file of weights says about its model, in the metadata of safetensors: texts, the values JSON. */
import { z } from 'zod'
import type { ImageShape, Normalisation } from '#shared/domain/dataset.ts'

const keys = {
  architecture: 'tmu.architecture',
  image: 'tmu.image',
  classes: 'tmu.classes',
  normalisation: 'tmu.normalisation',
} as const

export interface WeightsMetadata {
  readonly architecture: string
  /** Height, width, channels. */
  readonly image: ImageShape
  /** Names, in the order of the logits. */
  readonly classes: readonly string[]
  /** Inputs are (pixel / 255 - mean) / std, channel by channel. */
  readonly normalisation: Normalisation
}

const numbers = z.array(z.number())

export function metadataText(about: WeightsMetadata): Readonly<Record<string, string>> {
  return {
    [keys.architecture]: about.architecture,
    [keys.image]: JSON.stringify(about.image),
    [keys.classes]: JSON.stringify(about.classes),
    [keys.normalisation]: JSON.stringify(about.normalisation),
  }
}

/** What is there and well formed; a file made elsewhere may say nothing. */
export function parseMetadata(texts: Readonly<Record<string, string>>): Partial<WeightsMetadata> {
  const found: { -readonly [Key in keyof WeightsMetadata]?: WeightsMetadata[Key] } = {}
  const { [keys.architecture]: architecture } = texts
  if (architecture !== undefined) found.architecture = architecture
  const image = parsed(texts[keys.image], z.tuple([z.int(), z.int(), z.int()]))
  if (image !== null) found.image = image
  const classes = parsed(texts[keys.classes], z.array(z.string()))
  if (classes !== null) found.classes = classes
  const normalisation = parsed(texts[keys.normalisation], z.strictObject({ mean: numbers, std: numbers }))
  if (normalisation !== null) found.normalisation = normalisation
  return found
}

function parsed<T>(text: string | undefined, schema: z.ZodType<T>): T | null {
  if (text === undefined) return null
  try {
    const result = schema.safeParse(JSON.parse(text))
    return result.success ? result.data : null
  } catch {
    return null
  }
}
