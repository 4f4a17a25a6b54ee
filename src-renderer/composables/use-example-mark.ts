import { type ComputedRef, computed, type InjectionKey, inject, provide } from 'vue'

const key: InjectionKey<ComputedRef<boolean>> = Symbol('example')

/** Everything below that is exported says that it comes from the bundled example. */
export function provideExampleMark(isExample: ComputedRef<boolean>): void {
  provide(key, isExample)
}

export function useExampleMark(): ComputedRef<boolean> {
  return inject(
    key,
    computed(() => false),
  )
}
