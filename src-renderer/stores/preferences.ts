import { defineStore } from 'pinia'
import { computed, reactive, ref, watch, watchEffect } from 'vue'
import { type LocaleName, localeNames } from '../messages/locales.ts'
import { type ColourTokens, type ThemeName, tokens } from '../theme/tokens.ts'

export type ThemeChoice = 'system' | ThemeName

interface Stored {
  theme: ThemeChoice
  locale: LocaleName
  railCollapsed: boolean
  /** CSS pixels. */
  inspectorWidth: number
  /** Table -> column -> shown; columns that are not named keep their default. */
  columns: Record<string, Record<string, boolean>>
}

const storageKey = 'tmu.preferences'
export const inspectorLimits = { min: 280, max: 720 } as const

/** What this person likes, kept by the browser: it says nothing about results and may be lost without harm. */
export const usePreferencesStore = defineStore('preferences', () => {
  const stored = reactive<Stored>({ ...defaults(), ...read() })
  watch(stored, () => write(stored), { deep: true })

  const systemDark = window.matchMedia('(prefers-color-scheme: dark)')
  const systemTheme = ref<ThemeName>(systemDark.matches ? 'dark' : 'light')
  systemDark.addEventListener('change', (event) => {
    systemTheme.value = event.matches ? 'dark' : 'light'
  })
  const theme = computed<ThemeName>(() => (stored.theme === 'system' ? systemTheme.value : stored.theme))
  const colours = computed<ColourTokens>(() => tokens[theme.value])
  watchEffect(() => {
    document.documentElement.dataset['theme'] = theme.value
    document.documentElement.lang = stored.locale
  })

  return { stored, theme, colours }
})

function defaults(): Stored {
  const language = navigator.language.split('-')[0]
  return {
    theme: 'system',
    locale: localeNames.find((name) => name === language) ?? 'en',
    railCollapsed: false,
    inspectorWidth: 360,
    columns: {},
  }
}

/** Only what has the right shape: the storage may hold an older version's or another program's text. */
function read(): Partial<Stored> {
  let value: unknown
  try {
    value = JSON.parse(localStorage.getItem(storageKey) ?? '{}')
  } catch {
    return {}
  }
  if (typeof value !== 'object' || value === null) return {}
  const given = value as Record<keyof Stored, unknown>
  const result: Partial<Stored> = {}
  if (given.theme === 'system' || given.theme === 'light' || given.theme === 'dark') result.theme = given.theme
  const locale = localeNames.find((name) => name === given.locale)
  if (locale !== undefined) result.locale = locale
  if (typeof given.railCollapsed === 'boolean') result.railCollapsed = given.railCollapsed
  if (typeof given.inspectorWidth === 'number' && Number.isFinite(given.inspectorWidth))
    result.inspectorWidth = Math.min(inspectorLimits.max, Math.max(inspectorLimits.min, given.inspectorWidth))
  if (typeof given.columns === 'object' && given.columns !== null) result.columns = given.columns as Stored['columns']
  return result
}

function write(stored: Stored): void {
  try {
    localStorage.setItem(storageKey, JSON.stringify(stored))
  } catch {
    // A full or forbidden storage costs the next visit its preferences, nothing else.
  }
}
