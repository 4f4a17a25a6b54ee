import type { ForgetRule } from '#shared/domain/forget-set.ts'
import { assertNever } from '#shared/errors.ts'
import { useFormat } from './use-format.ts'
import { useMessages } from './use-messages.ts'

/** A forget set's rule in words. */
export function useForgetRule(): (rule: ForgetRule) => string {
  const { t } = useMessages()
  const format = useFormat()
  /** Whole percents as such: a rule is exact. */
  const percent = (fraction: number): string =>
    format.percent(fraction, Number.isInteger(Math.round(fraction * 1e9) / 1e7) ? 0 : 1)
  const text = (rule: ForgetRule, inner: boolean): string => {
    const within = (words: string): string => (inner ? t('forget.ruleBrackets', { rule: words }) : words)
    switch (rule.kind) {
      case 'class':
        return t('forget.ruleClass', { share: percent(rule.fraction), name: rule.className })
      case 'random':
        return t('forget.ruleRandom', { share: percent(rule.fraction) })
      case 'ids':
        return t('forget.ruleIds', { source: rule.source })
      case 'random-count':
        return t('forget.ruleRandomCount', { count: format.count(rule.count) })
      case 'group':
        return rule.values.length <= 3
          ? t('forget.ruleGroup', { column: rule.column, values: rule.values.join(', ') })
          : t('forget.ruleGroupMany', {
              column: rule.column,
              first: rule.values[0] ?? '',
              more: format.count(rule.values.length - 1),
            })
      case 'cluster': {
        const about = { numbers: rule.chosen.join(', '), all: format.count(rule.clusters) }
        return rule.within === null
          ? t('forget.ruleCluster', about)
          : t('forget.ruleClusterOf', { ...about, name: rule.within })
      }
      case 'picked':
        return rule.source === '' ? t('forget.rulePicked') : t('forget.rulePickedFrom', { source: rule.source })
      case 'union':
        return within(rule.rules.map((part) => text(part, true)).join(t('forget.rulePlus')))
      case 'intersection':
        return within(rule.rules.map((part) => text(part, true)).join(t('forget.ruleWithin')))
      case 'minus':
        return within(t('forget.ruleMinus', { from: text(rule.from, true), without: text(rule.without, true) }))
      default:
        return assertNever(rule)
    }
  }
  return (rule) => text(rule, false)
}
