import type { ForgetRule } from '#shared/domain/forget-set.ts'
import { assertNever } from '#shared/errors.ts'

/** A forget rule in words; inner combinations stand in brackets. */
export function ruleText(rule: ForgetRule, inner = false): string {
  const bracketed = (text: string): string => (inner ? `(${text})` : text)
  switch (rule.kind) {
    case 'class':
      return `${percent(rule.fraction)} of ${rule.className}`
    case 'random':
      return `${percent(rule.fraction)} at random`
    case 'random-count':
      return `${rule.count} at random`
    case 'group': {
      const [first = ''] = rule.values
      return `${rule.column} ${rule.values.length <= 3 ? rule.values.join(', ') : `${first} and ${rule.values.length - 1} more`}`
    }
    case 'cluster': {
      const which = rule.chosen.length === 1 ? 'cluster' : 'clusters'
      return `${which} ${rule.chosen.join(', ')} of ${rule.clusters}${rule.within === null ? '' : ` of ${rule.within}`}`
    }
    case 'ids':
      return `ids of ${rule.source}`
    case 'picked':
      return rule.source === '' ? 'picked images' : `images from ${rule.source}`
    case 'union':
      return bracketed(rule.rules.map((part) => ruleText(part, true)).join(' plus '))
    case 'intersection':
      return bracketed(rule.rules.map((part) => ruleText(part, true)).join(' within '))
    case 'minus':
      return bracketed(`${ruleText(rule.from, true)} minus ${ruleText(rule.without, true)}`)
    default:
      return assertNever(rule)
  }
}

/** As it was typed: 0.29 is 29 %, whatever binary fractions make of it. */
function percent(fraction: number): string {
  return `${Number((fraction * 100).toPrecision(12))} %`
}
