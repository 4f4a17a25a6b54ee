import { desktop } from '../rpc/desktop.ts'
import { commands, describeKeys, keysOf } from './registry.ts'

export const inBrowserTab = desktop === null
const mac = navigator.platform.startsWith('Mac')
const names = new Map(
  commands.map((command) => {
    const [first] = keysOf(command, inBrowserTab)
    return [command.id, first === undefined ? '' : describeKeys(first, mac)]
  }),
)

/** A command's first keys as people read them; empty where it has none. */
export function useKeyNames(): (id: string) => string {
  return (id) => names.get(id) ?? ''
}
