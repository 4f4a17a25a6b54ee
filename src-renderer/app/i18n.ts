import { createI18n } from 'vue-i18n'
import { catalogues, type LocaleName } from '../messages/locales.ts'

export function createMessages(locale: LocaleName) {
  return createI18n({
    legacy: false,
    locale,
    fallbackLocale: 'en',
    messages: catalogues,
    missingWarn: false,
    fallbackWarn: false,
    // Chinese has one form, English two; zero takes the plural.
    pluralRules: { zh: () => 0, en: (count: number) => (count === 1 ? 0 : 1) },
  })
}
