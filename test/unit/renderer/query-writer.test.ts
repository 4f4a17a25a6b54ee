import { describe, expect, it } from 'vitest'
import { createMemoryHistory, createRouter, type Router } from 'vue-router'
import { queryWriter } from '../../../src-renderer/lib/query-writer.ts'

async function routerAt(path: string): Promise<Router> {
  const component = { render: () => null }
  const routes = ['/runs', '/images'].map((place) => ({ path: place, component }))
  const router = createRouter({ history: createMemoryHistory(), routes })
  await router.push(path)
  return router
}
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20))

describe('the writer of the address', () => {
  it('loses none of two changes made in the same instant', async () => {
    const router = await routerAt('/runs?sort=-gap')
    const write = queryWriter(router)
    write('method', 'tmu')
    write('seed', '2')
    await settled()
    expect(router.currentRoute.value.query).toEqual({ sort: '-gap', method: 'tmu', seed: '2' })
  })

  it('loses none that is made while the one before is still on its way', async () => {
    const router = await routerAt('/runs')
    let arrive = (): void => {}
    const gate = new Promise<void>((resolve) => {
      arrive = resolve
    })
    router.beforeEach(() => gate)
    const write = queryWriter(router)
    write('method', 'tmu')
    await settled()
    write('seed', '2')
    arrive()
    await settled()
    expect(router.currentRoute.value.query).toEqual({ method: 'tmu', seed: '2' })
  })

  it('takes a part away, and brings none of it back later', async () => {
    const router = await routerAt('/runs?pick=run:1&seed=2')
    const write = queryWriter(router)
    write('pick', undefined)
    await settled()
    write('seed', '3')
    await settled()
    expect(router.currentRoute.value.query).toEqual({ seed: '3' })
  })

  it('carries nothing over to another place that was gone to meanwhile', async () => {
    const router = await routerAt('/runs')
    const write = queryWriter(router)
    write('method', 'tmu')
    await router.push('/images')
    await settled()
    write('order', 'index')
    await settled()
    expect(router.currentRoute.value.fullPath).toBe('/images?order=index')
  })
})
