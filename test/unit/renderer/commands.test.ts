import { describe, expect, it } from 'vitest'
import {
  type CommandContext,
  type CommandState,
  commandGroups,
  commands,
  describeKeys,
  isEnabled,
  keysOf,
} from '../../../src-renderer/commands/registry.ts'
import { catalogues } from '../../../src-renderer/messages/locales.ts'

const idle: CommandState = {
  readOnly: false,
  demoAvailable: true,
  study: null,
  canExportData: false,
  canExportPicture: false,
  canUndo: false,
  canRedo: false,
}
const command = (id: string) => {
  const found = commands.find((candidate) => candidate.id === id)
  if (found === undefined) throw new Error(`There is no command ${id}.`)
  return found
}

describe('the command registry', () => {
  it('names each command once', () => {
    const ids = commands.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
  })

  it.each([
    ['desktop window', false],
    ['browser tab', true],
  ])('gives each combination of keys to one command in the %s', (_shell, inTab) => {
    const keys = commands.flatMap((candidate) => keysOf(candidate, inTab).map((binding) => binding.toLowerCase()))
    expect(new Set(keys).size).toBe(keys.length)
  })

  it('has a title in the catalogue for every command and group', () => {
    const lookUp = (path: string): unknown =>
      path
        .split('.')
        .reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], catalogues.en)
    for (const { title, group } of commands) {
      expect(lookUp(title), title).toBeTypeOf('string')
      expect(commandGroups).toContain(group)
      expect(lookUp(`commandGroup.${group}`)).toBeTypeOf('string')
    }
  })

  it('keeps bare keys out of text fields and never binds them to anything that changes data', () => {
    for (const candidate of commands)
      for (const binding of keysOf(candidate, true)) {
        const bare = !/\$mod|Alt|^F\d|Escape/.test(binding)
        if (!bare) continue
        expect(candidate.inTextFields ?? false, candidate.id).toBe(false)
        expect(['go', 'help'], candidate.id).toContain(candidate.group)
      }
  })

  it('leaves combinations alone that a browser tab keeps for itself', () => {
    const reserved = ['$mod+n', '$mod+t', '$mod+w']
    for (const candidate of commands)
      for (const binding of keysOf(candidate, true)) expect(reserved, candidate.id).not.toContain(binding.toLowerCase())
  })

  it('offers nothing that writes in a read-only workspace', () => {
    const readOnly = { ...idle, readOnly: true, study: { canRun: true, canCancel: false } }
    for (const id of ['new-study', 'import-folder', 'demo', 'demo-fast', 'run-study'])
      expect(isEnabled(command(id), readOnly), id).toBe(false)
    expect(isEnabled(command('go-studies'), readOnly)).toBe(true)
  })

  it('offers to run or cancel only what can be', () => {
    expect(isEnabled(command('run-study'), idle)).toBe(false)
    expect(isEnabled(command('run-study'), { ...idle, study: { canRun: true, canCancel: false } })).toBe(true)
    expect(isEnabled(command('cancel-study'), { ...idle, study: { canRun: false, canCancel: true } })).toBe(true)
  })

  it('calls what its name says', () => {
    const called: string[] = []
    const context = new Proxy({} as CommandContext, {
      get: (_target, name) => (argument: unknown) => called.push(`${String(name)} ${String(argument)}`),
    })
    command('go-data').run(context)
    command('theme-dark').run(context)
    command('demo-fast').run(context)
    expect(called).toEqual(['goTo data', 'setTheme dark', 'openDemo true'])
  })

  it('writes keys as people read them', () => {
    expect(describeKeys('$mod+Shift+e', false)).toBe('Ctrl+Shift+E')
    expect(describeKeys('$mod+Shift+e', true)).toBe('\u2318\u21e7E')
    expect(describeKeys('Alt+Shift+KeyN', false)).toBe('Alt+Shift+N')
    expect(describeKeys('Escape', false)).toBe('Esc')
    expect(describeKeys('F6', false)).toBe('F6')
    expect(describeKeys('?', false)).toBe('?')
  })
})
