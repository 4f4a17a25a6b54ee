import { computed, type WritableComputedRef } from 'vue'
import { useRoute, useRouter } from 'vue-router'

/** A part of the view's state that stands in the address; the fallback isn't written. */
export function useQuery(name: string, fallback: string): WritableComputedRef<string> {
  const route = useRoute()
  const router = useRouter()
  return computed({
    get: () => {
      const value = route.query[name]
      return typeof value === 'string' ? value : fallback
    },
    set: (value) => {
      // The router leaves out what is undefined.
      void router.replace({ query: { ...route.query, [name]: value === fallback ? undefined : value } })
    },
  })
}
