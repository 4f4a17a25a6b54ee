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
  return (rule) => {
    switch (rule.kind) {
      case 'class':
        return t('forget.ruleClass', { share: percent(rule.fraction), name: rule.className })
      case 'random':
        return t('forget.ruleRandom', { share: percent(rule.fraction) })
      case 'ids':
        return t('forget.ruleIds', { source: rule.source })
      default:
        return assertNever(rule)
    }
  }
}
