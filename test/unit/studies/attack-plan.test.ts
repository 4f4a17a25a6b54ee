import { describe, expect, it } from 'vitest'
import { attackInfo, attacks } from '#main/compute/attacks.ts'
import { attackPlan } from '#main/workbench/studies/attack-plan.ts'
import { attackIds } from '#shared/domain/attack.ts'

describe('the plan of attacks', () => {
  it('takes those that train nothing where none is named', () => {
    const { attacks: chosen } = attackPlan(null, {})
    expect(chosen).toEqual(['population', 'streisand', 'relearn', 'cka', 'weights'])
  })

  it('adds to what there is, in one order, and keeps what was set', () => {
    const first = attackPlan(null, { attacks: ['rmia', 'lira'], shadows: 16, settings: { 'rmia.gamma': 1.5 } })
    const second = attackPlan(first, { attacks: ['relearn'] })
    expect(second.attacks).toEqual(['lira', 'rmia', 'relearn'])
    expect(second.shadows).toBe(16)
    expect(second.options['rmia']).toMatchObject({ gamma: 1.5, references: 2 })
  })

  it('trains only what an attack needs: RMIA alone does with two', () => {
    expect(attackPlan(null, { attacks: ['rmia'] }).shadows).toBe(2)
    expect(attackPlan(null, { attacks: ['rmia'], settings: { 'rmia.references': 6 } }).shadows).toBe(6)
    expect(attackPlan(null, { attacks: ['lira'] }).shadows).toBe(8)
    expect(() => attackPlan(null, { attacks: ['rmia'], shadows: 2, settings: { 'rmia.references': 6 } })).toThrow(
      'need 6',
    )
  })

  it.each([
    [{ attacks: ['lira', 'lira'] }, 'named twice'],
    [{ attacks: ['lira'], settings: { 'rmia.gamma': 2 } }, "isn't among the chosen ones"],
    [{ attacks: ['rmia'], settings: { 'rmia.gama': 2 } }, 'rmia has no parameter "gama"'],
    [{ attacks: ['rmia'], settings: { gamma: 2 } }, 'no setting "gamma" of an attack'],
    [{ attacks: ['relearn'], settings: { 'relearn.optimizer': 'lion' } }, 'must be one of adam, sgd'],
  ])('refuses %j', (request, message) => {
    expect(() => attackPlan(null, request)).toThrow(message)
  })

  it('describes every attack with its parameters, their defaults and a source', () => {
    expect(attacks.map(({ id }) => id)).toEqual([...attackIds])
    for (const info of attacks.map(attackInfo)) {
      expect(info.summary).toMatch(/\.$/)
      expect(info.citation).not.toBe('')
      const properties = (info.schema['properties'] ?? {}) as Record<string, { description?: string }>
      for (const [key, { description }] of Object.entries(properties)) {
        expect(info.defaults).toHaveProperty(key)
        expect(description).toBeTruthy()
      }
    }
  })
})
