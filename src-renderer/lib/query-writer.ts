import type { Router } from 'vue-router'

/**
 * Writes parts of the address's query. A navigation takes a while and ends the one before it, so that each carries all
 * changes that haven't arrived yet: of two made in the same instant neither is lost.
 */
export function queryWriter(
  router: Pick<Router, 'currentRoute' | 'replace'>,
): (name: string, value: string | undefined) => void {
  let underway: Readonly<Record<string, string | undefined>> = {}
  return (name, value) => {
    const wanted = { ...underway, [name]: value }
    underway = wanted
    // The router leaves out what is undefined.
    void router.replace({ query: { ...router.currentRoute.value.query, ...wanted } }).finally(() => {
      if (underway === wanted) underway = {}
    })
  }
}
