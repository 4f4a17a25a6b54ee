import { computed, type WritableComputedRef } from 'vue'
import { type Router, useRoute, useRouter } from 'vue-router'
import { queryWriter } from '../lib/query-writer.ts'

const writers = new WeakMap<Router, ReturnType<typeof queryWriter>>()

/** A part of the view's state that stands in the address; the fallback isn't written. */
export function useQuery(name: string, fallback: string): WritableComputedRef<string> {
  const route = useRoute()
  const router = useRouter()
  const write = writers.get(router) ?? queryWriter(router)
  writers.set(router, write)
  return computed({
    get: () => {
      const value = route.query[name]
      return typeof value === 'string' ? value : fallback
    },
    set: (value) => write(name, value === fallback ? undefined : value),
  })
}
