/** Signals that end a worker which did nothing wrong itself, by number. */
const posixSignals: ReadonlyMap<number, NodeJS.Signals> = new Map([
  [4, 'SIGILL'],
  [6, 'SIGABRT'],
  [9, 'SIGKILL'],
  [11, 'SIGSEGV'],
])

const windowsFailures: ReadonlyMap<number, NodeJS.Signals> = new Map([
  [0xc000001d, 'SIGILL'],
  [0xc0000409, 'SIGABRT'],
  [0xc0000005, 'SIGSEGV'],
])

/**
 * The signal behind an exit code, for launchers that get nothing else. Electron's utility processes give what waitpid
 * gave: the signal's number, 128 more where memory was dumped, which is also how a shell writes a signal.
 */
export function signalOfCode(code: number, platform: NodeJS.Platform): NodeJS.Signals | null {
  if (platform === 'win32') return windowsFailures.get(code >>> 0) ?? null
  return posixSignals.get(code >= 128 ? code - 128 : code) ?? null
}
