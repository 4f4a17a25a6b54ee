/** `--set KEY=VALUE` of a study: what each key means, its range, and what isn't one. */
import { completeMethodOptions, type MethodParams, methodIds, methodOf, methods } from '#main/compute/methods.ts'
import { quoted } from '#main/formats/text.ts'
import { type Augmentation, augmentations, type Recipe } from '#shared/domain/study.ts'
import { AppError } from '#shared/errors.ts'

export type SettingValue = number | string | boolean

/** Settings of the study itself; what isn't set is absent. */
export interface StudySettings {
  readonly epochs?: number
  readonly lr?: number
  readonly batchSize?: number
  readonly earlyEpoch?: number
  readonly splitSeed?: number
  readonly optimizer?: Recipe['optimizer']
  readonly schedule?: Recipe['schedule']
  readonly momentum?: number
  readonly weightDecay?: number
  readonly augment?: Augmentation
  /** METHOD -> what was set for it, `threshold` included. */
  readonly methods: Readonly<Record<string, MethodParams>>
}

interface Range {
  readonly words: string
  accepts(value: number): boolean
}

const whole = (low: number, high: number): Range => ({
  words: `a whole number from ${low} to ${high}`,
  accepts: (value) => Number.isInteger(value) && value >= low && value <= high,
})

const ranges = {
  epochs: whole(1, 10_000),
  lr: { words: 'a number above 0 and at most 10', accepts: (value) => value > 0 && value <= 10 },
  batchSize: whole(1, 4096),
  momentum: { words: 'a number from 0 to below 1', accepts: (value) => value >= 0 && value < 1 },
  weightDecay: { words: 'a number from 0 to 1', accepts: (value) => value >= 0 && value <= 1 },
  splitSeed: whole(0, 2 ** 31 - 1),
  earlyEpoch: whole(1, 10_000),
  threshold: { words: 'a number from 0 to 1', accepts: (value) => value >= 0 && value <= 1 },
} as const satisfies Readonly<Record<string, Range>>
type StudyKey = keyof typeof ranges

const choices = {
  optimizer: ['adam', 'sgd'],
  schedule: ['cosine', 'constant'],
  augment: ['none', ...augmentations],
} as const
type ChoiceKey = keyof typeof choices
type Chosen = { -readonly [Key in ChoiceKey]?: (typeof choices)[Key][number] }

const known = `Settings are ${[...Object.keys(ranges), ...Object.keys(choices)].join(', ')}, and METHOD.KEY for the parameters of a method.`

/**
 * Sorts settings by what they are for, and checks them.
 * @throws AppError `bad-input` naming the key, its range and the keys there are.
 */
export function parseSettings(
  settings: Readonly<Record<string, SettingValue>>,
  chosen: readonly string[],
): StudySettings {
  const own: Partial<Record<StudyKey, number>> = {}
  const picked: Chosen = {}
  const ofMethods: Record<string, Record<string, SettingValue>> = {}
  for (const [key, value] of Object.entries(settings)) {
    if (isStudyKey(key)) own[key] = checkRange(key, value)
    else if (isChoiceKey(key)) Object.assign(picked, { [key]: checkChoice(key, value) })
    else {
      const [method, option, ...rest] = key.split('.')
      if (option === undefined || option === '' || rest.length > 0) throw unknownKey(key)
      if (!methods.has(method)) throw unknownMethod(key, method)
      ofMethods[method] = { ...ofMethods[method], [option]: value }
    }
  }
  const { threshold, ...rest } = own
  const given = threshold === undefined ? ofMethods : withThreshold(threshold, ofMethods, chosen)
  completeMethodOptions([], given)
  const { augment, ...others } = picked
  if (own.momentum !== undefined && others.optimizer !== 'sgd') {
    throw new AppError('bad-input', `momentum = ${own.momentum} is not possible: Adam has none.`, {
      hint: 'Set optimizer=sgd too, or leave it out.',
      details: { key: 'momentum' },
    })
  }
  return { ...rest, ...others, ...(augment === undefined || augment === 'none' ? {} : { augment }), methods: given }
}

function isStudyKey(key: string): key is StudyKey {
  return Object.hasOwn(ranges, key)
}

function checkRange(key: StudyKey, value: SettingValue): number {
  const range: Range = ranges[key]
  if (typeof value === 'number' && range.accepts(value)) return value
  throw new AppError('bad-input', `${key} = ${JSON.stringify(value)} is not possible: it must be ${range.words}.`, {
    hint: known,
    details: { key },
  })
}

function isChoiceKey(key: string): key is ChoiceKey {
  return Object.hasOwn(choices, key)
}

function checkChoice(key: ChoiceKey, value: SettingValue): string {
  const possible: readonly string[] = choices[key]
  const found = possible.find((choice) => choice === value)
  if (found !== undefined) return found
  throw new AppError(
    'bad-input',
    `${key} = ${JSON.stringify(value)} is not possible: it must be ${possible.join(', ')}.`,
    {
      hint: known,
      details: { key },
    },
  )
}

/** The study's threshold is that of every method with a predictor, unless its own was set. */
function withThreshold(
  threshold: number,
  given: Readonly<Record<string, MethodParams>>,
  chosen: readonly string[],
): Readonly<Record<string, MethodParams>> {
  const having = chosen.filter((method) => Object.hasOwn(methodOf(method).params.shape, 'threshold'))
  if (having.length === 0) {
    throw new AppError(
      'bad-input',
      'The threshold is for methods with a predictor, and none is among the chosen ones.',
      {
        hint: `Leave it out, or choose one of ${methodIds
          .filter((method) => Object.hasOwn(methodOf(method).params.shape, 'threshold'))
          .join(', ')}.`,
        details: { key: 'threshold' },
      },
    )
  }
  return { ...given, ...Object.fromEntries(having.map((method) => [method, { threshold, ...given[method] }])) }
}

function unknownKey(key: string): AppError {
  return new AppError('bad-input', `There is no setting ${quoted(key)}.`, { hint: known, details: { key } })
}

function unknownMethod(key: string, method: string): AppError {
  return new AppError(
    'bad-input',
    `The setting ${quoted(key)} is for a method ${quoted(method)}, which doesn't exist.`,
    {
      hint: `Methods are ${methodIds.join(', ')}. ${known}`,
      details: { key },
    },
  )
}
