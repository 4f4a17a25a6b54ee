import { onScopeDispose, type Ref, readonly, ref } from 'vue'

/** Whether a media query holds, followed as it changes. */
export function useMediaQuery(query: string): Readonly<Ref<boolean>> {
  const list = window.matchMedia(query)
  const holds = ref(list.matches)
  const follow = (event: MediaQueryListEvent): void => {
    holds.value = event.matches
  }
  list.addEventListener('change', follow)
  onScopeDispose(() => list.removeEventListener('change', follow))
  return readonly(holds)
}
