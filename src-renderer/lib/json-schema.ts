/** A parameter of a method as its form field shows it; made from the JSON Schema that zod gives. */
export interface ParameterField {
  readonly key: string
  readonly kind: 'number' | 'integer' | 'boolean' | 'choice' | 'text' | 'list'
  readonly description: string | null
  readonly fallback: number | string | boolean | null
  readonly minimum: number | null
  readonly maximum: number | null
  /** The bound itself isn't allowed. */
  readonly exclusiveMinimum: boolean
  readonly exclusiveMaximum: boolean
  readonly choices: readonly string[]
}

type Schema = Readonly<Record<string, unknown>>

/** Fields of an object schema, in its order; what can't be set by a single value is left out. */
export function parameterFields(
  schema: Schema,
  defaults: Readonly<Record<string, unknown>>,
): readonly ParameterField[] {
  const properties = isSchema(schema['properties']) ? schema['properties'] : {}
  return Object.entries(properties).flatMap(([key, property]) => {
    if (!isSchema(property)) return []
    const field = fieldOf(key, property, defaults[key] ?? property['default'])
    return field === null ? [] : [field]
  })
}

function fieldOf(key: string, schema: Schema, fallback: unknown): ParameterField | null {
  const choices = choicesOf(schema)
  const kind = choices.length > 0 ? 'choice' : kindOf(schema['type'])
  if (kind === null) return null
  const low = bound(schema, 'minimum', 'exclusiveMinimum')
  const high = bound(schema, 'maximum', 'exclusiveMaximum')
  return {
    key,
    kind,
    description: typeof schema['description'] === 'string' ? schema['description'] : null,
    fallback: plain(fallback),
    // zod names the safe-integer range for every integer; that is no bound a person needs to read.
    minimum: low.value === Number.MIN_SAFE_INTEGER ? null : low.value,
    maximum: high.value === Number.MAX_SAFE_INTEGER ? null : high.value,
    exclusiveMinimum: low.exclusive,
    exclusiveMaximum: high.exclusive,
    choices,
  }
}

function choicesOf(schema: Schema): readonly string[] {
  if (Array.isArray(schema['enum'])) return schema['enum'].map(String)
  const options = schema['anyOf'] ?? schema['oneOf']
  if (!Array.isArray(options)) return []
  const constants = options.filter(isSchema).flatMap((option) => ('const' in option ? [String(option['const'])] : []))
  return constants.length === options.length ? constants : []
}

function kindOf(type: unknown): ParameterField['kind'] | null {
  if (type === 'number' || type === 'integer' || type === 'boolean') return type
  if (type === 'string') return 'text'
  return type === 'array' ? 'list' : null
}

function bound(schema: Schema, inclusive: string, exclusive: string): { value: number | null; exclusive: boolean } {
  const [closed, open] = [schema[inclusive], schema[exclusive]]
  if (typeof open === 'number') return { value: open, exclusive: true }
  return { value: typeof closed === 'number' ? closed : null, exclusive: false }
}

/** A list is written as its members with commas, as on the command line. */
function plain(value: unknown): number | string | boolean | null {
  if (typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean') return value
  return Array.isArray(value) ? value.join(',') : null
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export type ParameterProblem = 'number' | 'integer' | 'low' | 'high'

/** What is wrong with a typed value; null when nothing is, or nothing was typed. */
export function parameterProblem(field: ParameterField, typed: string): ParameterProblem | null {
  if (typed.trim() === '' || (field.kind !== 'number' && field.kind !== 'integer')) return null
  const value = Number(typed)
  if (!Number.isFinite(value)) return 'number'
  if (field.kind === 'integer' && !Number.isInteger(value)) return 'integer'
  if (field.minimum !== null && (value < field.minimum || (field.exclusiveMinimum && value === field.minimum)))
    return 'low'
  if (field.maximum !== null && (value > field.maximum || (field.exclusiveMaximum && value === field.maximum)))
    return 'high'
  return null
}

/** The value that is sent for what was typed. */
export function parameterValue(field: ParameterField, typed: string): number | string | boolean {
  if (field.kind === 'number' || field.kind === 'integer') return Number(typed)
  return field.kind === 'boolean' ? typed === 'true' : typed.trim()
}
