/** Some parameters mean something only beside certain values of others: momentum is SGD's, and Adam has none. */

/** Values that other parameters must have, each one of its list. */
export type Condition = Readonly<Record<string, readonly (string | number | boolean)[]>>

/**
 * KEY -> when the parameter is in effect: where any of the conditions holds; without a condition never. One that isn't
 * named always is.
 */
export type InEffect = Readonly<Record<string, readonly Condition[]>>

type Params = Readonly<Record<string, unknown>>

export function isInEffect(inEffect: InEffect | undefined, key: string, params: Params): boolean {
  const conditions = inEffect !== undefined && Object.hasOwn(inEffect, key) ? inEffect[key] : null
  if (conditions === null) return true
  return conditions.some((condition) =>
    Object.entries(condition).every(([other, values]) => values.some((value) => value === params[other])),
  )
}

/** Of complete parameters those that are in effect: equal ones mean equal results. */
export function paramsInEffect(inEffect: InEffect | undefined, params: Params): Params {
  return Object.fromEntries(Object.entries(params).filter(([key]) => isInEffect(inEffect, key, params)))
}

/** `optimizer = sgd`, `twinCorruption = noise | blur`; several conditions with a semicolon. Empty: it never is in effect. */
export function conditionText(inEffect: InEffect, key: string): string {
  return (inEffect[key] ?? [])
    .map((condition) =>
      Object.entries(condition)
        .map(([other, values]) => `${other} = ${values.join(' | ')}`)
        .join(', '),
    )
    .join('; ')
}
