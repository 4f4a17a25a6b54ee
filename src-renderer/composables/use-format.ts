import { computed } from 'vue'
import {
  englishUnits,
  formatCount,
  formatDuration,
  formatEstimate,
  formatGap,
  formatGapWithCi,
  formatInterval,
  formatMebibytes,
  formatNumber,
  formatPercent,
  formatPoints,
  formatShare,
  formatSigned,
  type UnitWords,
} from '#shared/units.ts'
import type { LocaleName } from '../messages/locales.ts'
import { usePreferencesStore } from '../stores/preferences.ts'

const words: Readonly<Record<LocaleName, UnitWords>> = {
  en: englishUnits,
  zh: {
    points: '个百分点',
    seconds: '秒',
    minutes: '分',
    hours: '小时',
    days: '天',
    to: '至',
    confidenceInterval: '95 % CI',
    about: '约 {time}',
    below: '< {limit}',
  },
}

const dateLocales: Readonly<Record<LocaleName, string>> = { en: 'en-GB', zh: 'zh-CN' }

/** src-shared/units in the window's language. */
export function useFormat() {
  const preferences = usePreferencesStore()
  const unit = computed(() => words[preferences.stored.locale])
  return {
    count: formatCount,
    number: formatNumber,
    signed: formatSigned,
    percent: formatPercent,
    share: formatShare,
    mebibytes: formatMebibytes,
    gap: (difference: number) => formatGap(difference, unit.value),
    points: (distance: number) => formatPoints(distance, unit.value),
    gapWithCi: (difference: number, ci: readonly [number, number] | null | undefined) =>
      formatGapWithCi(difference, ci, unit.value),
    interval: (ci: readonly [number, number], decimals: number) => formatInterval(ci, decimals, unit.value),
    duration: (seconds: number) => formatDuration(seconds, unit.value),
    estimate: (seconds: number) => formatEstimate(seconds, unit.value),
    date: (iso: string) =>
      new Date(iso).toLocaleDateString(dateLocales[preferences.stored.locale], { dateStyle: 'medium' }),
    dateTime: (iso: string) =>
      new Date(iso).toLocaleString(dateLocales[preferences.stored.locale], {
        // Numbers alone are unambiguous in Chinese and half as wide.
        dateStyle: preferences.stored.locale === 'zh' ? 'short' : 'medium',
        timeStyle: 'short',
      }),
  }
}

export type Format = ReturnType<typeof useFormat>
