import type { ForgetRule } from '#shared/domain/forget-set.ts'
import { assertNever } from '#shared/errors.ts'
import { useFormat } from './use-format.ts'
import { useMessages } from './use-messages.ts'

/** A forget set's rule in words. */
export function useForgetRule(): (rule: ForgetRule) => string {
  const { t } = useMessages()
  const format = useFormat()
  return (rule) => {
    switch (rule.kind) {
      case 'class':
        return t('forget.ruleClass', { share: format.percent(rule.fraction), name: rule.className })
      case 'random':
        return t('forget.ruleRandom', { share: format.percent(rule.fraction) })
      case 'ids':
        return t('forget.ruleIds', { source: rule.source })
      default:
        return assertNever(rule)
    }
  }
}
