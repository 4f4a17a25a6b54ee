import { describe, expect, it } from 'vitest'
import { metricCatalogue } from '../../../src-renderer/lib/metric-catalogue.ts'
import { catalogues, localeNames } from '../../../src-renderer/messages/locales.ts'

function texts(node: unknown, path = ''): ReadonlyMap<string, string> {
  if (typeof node === 'string') return new Map([[path, node]])
  const found = new Map<string, string>()
  for (const [key, value] of Object.entries(node as Record<string, unknown>))
    for (const entry of texts(value, path === '' ? key : `${path}.${key}`)) found.set(...entry)
  return found
}

const placeholders = (text: string): readonly string[] => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort()
const english = texts(catalogues.en)
/** Forms for one and many name the count in one of them at least. */
const leavesOutTheCount = new Set(['{n}'])

describe.each(localeNames.filter((name) => name !== 'en'))('catalogue %s', (name) => {
  const other = texts(catalogues[name])

  it('has exactly the texts that English has', () => {
    expect([...other.keys()].sort()).toEqual([...english.keys()].sort())
  })

  it('fills the same places in each text', () => {
    for (const [key, text] of english) {
      const wanted = placeholders(text).filter((place) => !leavesOutTheCount.has(place))
      expect(
        placeholders(other.get(key) ?? '').filter((place) => !leavesOutTheCount.has(place)),
        key,
      ).toEqual(wanted)
    }
  })
})

describe('every catalogue', () => {
  it.each(localeNames)('%s has no empty text and no exclamation mark', (name) => {
    for (const [key, text] of texts(catalogues[name])) {
      expect(text.trim(), key).not.toBe('')
      expect(text, key).not.toMatch(/[!\uff01]/)
    }
  })

  it.each(localeNames)('%s keeps to what the message compiler reads literally', (name) => {
    for (const [key, text] of texts(catalogues[name])) expect(text, key).not.toMatch(/[@$]|\{[^}\w]/)
  })

  it('names and defines every metric of the table', () => {
    for (const { label, definition } of metricCatalogue)
      for (const key of [label, definition]) expect(english.get(key), key).toBeDefined()
  })

  it('has at most two forms of a text, and only where it counts', () => {
    for (const [key, text] of english) {
      const forms = text.split(' | ')
      expect(forms.length, key).toBeLessThanOrEqual(2)
      if (forms.length === 2 && !/[Oo]ne |^image/.test(text)) expect(text, key).toContain('{n}')
    }
  })
})
