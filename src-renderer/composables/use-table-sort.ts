import { computed, type WritableComputedRef } from 'vue'
import type { TableSort } from '../components/data-table.ts'
import { useQuery } from './use-query.ts'

/** A table's order in the address: `sort=gap` or `sort=-gap`. */
export function useTableSort(name = 'sort'): WritableComputedRef<TableSort | null> {
  const query = useQuery(name, '')
  return computed({
    get: () => {
      if (query.value === '') return null
      const desc = query.value.startsWith('-')
      return { id: desc ? query.value.slice(1) : query.value, desc }
    },
    set: (sort) => {
      query.value = sort === null ? '' : `${sort.desc ? '-' : ''}${sort.id}`
    },
  })
}
