import { quoted } from '#main/formats/text.ts'
import type { GroupRule } from '#shared/domain/dataset.ts'
import { AppError, assertNever } from '#shared/errors.ts'
import { checkDistinct, checkGroupName, type GroupValues } from './group-column.ts'
import { groupsFromPattern } from './name-pattern.ts'
import { groupsFromTable } from './table-join.ts'

/** The columns that the rules give for samples of these names, after those that are there already. */
export async function resolveGroups(
  rules: readonly GroupRule[],
  names: readonly string[],
  present: readonly GroupValues[] = [],
): Promise<readonly GroupValues[]> {
  const found: GroupValues[] = [...present]
  for (const rule of rules) found.push(...(await columnsOf(rule, names)))
  for (const { name } of found) checkGroupName(name)
  checkDistinct(found.map(({ name }) => name))
  return found
}

async function columnsOf(rule: GroupRule, names: readonly string[]): Promise<readonly GroupValues[]> {
  switch (rule.kind) {
    case 'pattern':
      return groupsFromPattern(rule.pattern, names)
    case 'csv':
      return await groupsFromTable(rule, names)
    case 'level': {
      const values = names.map((name) => {
        const parts = name.split('/')
        return rule.level < parts.length ? parts[rule.level - 1] : null
      })
      if (values.every((value) => value === null)) {
        throw new AppError('bad-input', `No sample lies ${rule.level} folders deep.`, {
          hint: `A name is, for example, ${quoted(names[0] ?? '')}: its folders are counted from 1.`,
        })
      }
      return [{ name: rule.name, values }]
    }
    default:
      return assertNever(rule)
  }
}
