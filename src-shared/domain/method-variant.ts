/**
 * A method of a study under settings of its own, beside the method itself: `tmu[features=cf]`. A sweep is a set of
 * these. The id is what runs, tables and `--filter` call it; the method behind it is the part before the bracket.
 */
export type VariantValue = number | string | boolean

/** `tmu[epsilon=0.01,features=cf]`; keys in alphabetical order, so that equal settings have equal ids. */
export function variantId(method: string, settings: Readonly<Record<string, VariantValue>>): string {
  const parts = Object.keys(settings)
    .sort()
    .map((key) => `${key}=${String(settings[key])}`)
  return `${method}[${parts.join(',')}]`
}

/** The method behind an id; of a plain method the id itself. */
export function baseMethodOf(id: string): string {
  const bracket = id.indexOf('[')
  return bracket === -1 ? id : id.slice(0, bracket)
}

/** `epsilon=0.01,features=cf`; null for a plain method. */
export function variantText(id: string): string | null {
  const bracket = id.indexOf('[')
  return bracket === -1 ? null : id.slice(bracket + 1, -1)
}
