import { createContext, Script } from 'node:vm'
import { quoted } from '#main/formats/text.ts'
import { AppError } from '#shared/errors.ts'
import type { GroupValues } from './group-column.ts'

const maxPatternLength = 1000
const namesPerCall = 2000
/** For all names together; an honest pattern takes milliseconds. */
const budgetMs = 1500

/**
 * Looks for a regular expression in each name; each of its named groups is a column. A pattern that takes exponential
 * time is stopped: the engine that runs it lets itself be interrupted.
 * @throws AppError `bad-input`: no regular expression, no named group, too slow.
 */
export function groupsFromPattern(pattern: string, names: readonly string[]): readonly GroupValues[] {
  const columns = namedGroupsOf(pattern)
  const match = new Script(
    'expression ??= new RegExp(pattern); names.map((name) => { const found = expression.exec(name); return found === null ? null : columns.map((column) => found.groups[column] ?? null) })',
  )
  const context = createContext(
    { pattern, columns, names: [], expression: null },
    { codeGeneration: { strings: false, wasm: false } },
  )
  const values: (string | null)[][] = columns.map(() => [])
  const end = performance.now() + budgetMs
  for (let at = 0; at < names.length; at += namesPerCall) {
    context['names'] = names.slice(at, at + namesPerCall)
    const left = Math.max(1, Math.ceil(end - performance.now()))
    let found: readonly (readonly (string | null)[] | null)[]
    try {
      found = match.runInContext(context, { timeout: left }) as typeof found
    } catch (error) {
      if ((error as { readonly code?: unknown }).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw tooSlow(pattern)
      throw refuse(pattern, error instanceof Error ? error.message : String(error))
    }
    for (const row of found) columns.forEach((_, index) => void values[index].push(row?.[index] || null))
  }
  return columns.map((name, index) => ({ name, values: values[index] }))
}

function namedGroupsOf(pattern: string): readonly string[] {
  if (pattern.length > maxPatternLength) throw refuse(pattern, `it has more than ${maxPatternLength} characters`)
  let groups: Readonly<Record<string, string | undefined>> | undefined
  try {
    // With an empty alternative it matches at once, whatever it is.
    groups = new RegExp(`|(?:${pattern})`).exec('')?.groups
    new RegExp(pattern)
  } catch (error) {
    throw refuse(pattern, error instanceof Error ? error.message.replace(/^.*?: (?=[^:]*$)/, '') : String(error))
  }
  const names = Object.keys(groups ?? {})
  if (names.length > 0) return names
  throw new AppError('bad-input', `The pattern ${quoted(pattern, 200)} has no named group.`, {
    hint: 'Put the part that names the group into one: (?<patient>C\\d+)P.',
  })
}

function tooSlow(pattern: string): AppError {
  return new AppError('bad-input', `The pattern ${quoted(pattern, 200)} takes too long on these names.`, {
    hint: 'A repeated part inside a repeated part, as in (a+)+, takes exponential time: write it without.',
  })
}

function refuse(pattern: string, reason: string): AppError {
  return new AppError('bad-input', `${quoted(pattern, 200)} is not a regular expression: ${reason}.`, {
    hint: 'For example (?<patient>C\\d+)P takes C112 from C112P73_1.png.',
  })
}
