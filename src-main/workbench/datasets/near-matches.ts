import { firstFew, quoted } from '#main/formats/text.ts'
import { AppError } from '#shared/errors.ts'

/** Names close enough to what was typed to be meant, best first. */
export function nearMatches(typed: string, names: readonly string[]): readonly string[] {
  const wanted = typed.toLowerCase()
  const limit = Math.max(2, Math.floor(wanted.length / 3))
  return names
    .map((name) => {
      const candidate = name.toLowerCase()
      const related = candidate.startsWith(wanted) || wanted.startsWith(candidate)
      return { name, distance: related ? 0.5 : editDistance(wanted, candidate) }
    })
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, 3)
    .map(({ name }) => name)
}

/** `not-found`, with the names that may have been meant, else those there are. `listing` says how to see all. */
export function notFound(kind: string, typed: string, names: readonly string[], listing: string): AppError {
  const near = nearMatches(typed, names)
  const hint =
    near.length > 0
      ? `Did you mean ${near.map((name) => quoted(name)).join(' or ')}?`
      : names.length > 0
        ? `There is ${firstFew(names, 5)}. See all with: ${listing}`
        : `This workspace has no ${kind} yet: make one first, or check which workspace you use.`
  return new AppError('not-found', `There is no ${kind} ${quoted(typed)}.`, { hint, details: { near } })
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length]
}
