import { isAbsolute, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { locateWorkspace } from '#main/store/workspace.ts'

describe('locateWorkspace', () => {
  it('takes the folder given before the environment, and the environment before the default', () => {
    expect(locateWorkspace('/given', { TMU_WORKSPACE: '/environment' })).toBe(resolve('/given'))
    expect(locateWorkspace('', { TMU_WORKSPACE: '/environment' })).toBe(resolve('/environment'))
    expect(locateWorkspace(undefined, { TMU_WORKSPACE: '' })).toBe(locateWorkspace(undefined, {}))
  })

  it("has a default among the user's data, named after the program alone", () => {
    const path = locateWorkspace(undefined, {})
    expect(isAbsolute(path)).toBe(true)
    expect(path).toMatch(/tmu-workbench/)
    expect(path).not.toMatch(/nodejs/)
  })

  it('makes a relative path absolute, so that a later change of folder means nothing', () => {
    expect(locateWorkspace('here', {})).toBe(resolve('here'))
  })

  it('refuses a path that no file system takes', () => {
    expect(() => locateWorkspace('a\0b', {})).toThrow(expect.objectContaining({ code: 'bad-input' }))
  })
})
