import { computed } from 'vue'
import type { Verdict } from '#shared/domain/metrics.ts'
import { useMessages } from './use-messages.ts'
import { useResult } from './use-result.ts'

export type VerdictTone = 'aligned' | 'under' | 'over' | 'lost' | 'unknown'

const tones: Readonly<Record<Verdict['label'], VerdictTone>> = {
  aligned: 'aligned',
  'under-forgotten': 'under',
  'over-forgotten': 'over',
  'utility-lost': 'lost',
  'cannot tell': 'unknown',
}

/** The verdict on the chosen method and seed, with its colour and its word. */
export function useVerdict() {
  const { t } = useMessages()
  const { result, method, seed } = useResult()
  const verdict = computed(
    () =>
      result.data.value?.verdicts.find(
        (candidate) => candidate.method === method.value && candidate.seed === seed.value,
      ) ?? null,
  )
  const tone = computed<VerdictTone>(() => (verdict.value === null ? 'unknown' : tones[verdict.value.label]))
  const label = computed(() => {
    if (verdict.value === null) return ''
    // Message keys hold no spaces.
    return t(`verdict.label.${verdict.value.label === 'cannot tell' ? 'cannot-tell' : verdict.value.label}`)
  })
  return { verdict, tone, label }
}
