import { cpus } from 'node:os'

/** Model of this machine's processor, or its architecture where the system doesn't tell. */
export function processorName(): string {
  return cpus()[0]?.model.trim() || process.arch
}
