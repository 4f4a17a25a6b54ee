import { defineStore } from 'pinia'
import { shallowRef } from 'vue'
import type { ForgetRule } from '#shared/domain/forget-set.ts'

/** A rule on its way from where images were chosen to the builder of forget sets. */
export const useDraftRuleStore = defineStore('draft-rule', () => {
  const rule = shallowRef<ForgetRule | null>(null)
  function begin(next: ForgetRule): void {
    rule.value = next
  }
  /** Handed over once. */
  function take(): ForgetRule | null {
    const taken = rule.value
    rule.value = null
    return taken
  }
  return { begin, take }
})
