import { onScopeDispose, ref, watchEffect } from 'vue'

/** The name of what the screen shows, for the document's title. */
export const pageTitle = ref('')

export function usePageTitle(title: () => string): void {
  watchEffect(() => {
    pageTitle.value = title()
  })
  onScopeDispose(() => {
    pageTitle.value = ''
  })
}
