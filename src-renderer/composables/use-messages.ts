import { useI18n } from 'vue-i18n'
import type { MessageKey } from '../messages/locales.ts'

export type Translate = (key: MessageKey, values?: Readonly<Record<string, unknown>>, count?: number) => string

/** The catalogue with its keys checked by the compiler; `count` picks the plural form. */
export function useMessages(): { readonly t: Translate } {
  const { t } = useI18n({ useScope: 'global' })
  return {
    t: (key, values = {}, count) => (count === undefined ? t(key, values) : t(key, { n: count, ...values }, count)),
  }
}
