/** Commands that end with this process, however that ends: a killed process can't end its children itself. */
import { spawn } from 'node:child_process'

export interface BoundCommand {
  readonly command: readonly [string, ...string[]]
  /** It is ended after this time. */
  readonly limitMs: number
}

export interface CommandEnd {
  /** Null when it was ended by a signal. */
  readonly code: number | null
  /** The end of what it wrote there. */
  readonly stderr: string
}

const keptCharacters = 2 ** 16

/**
 * The command and all that it starts are one process group. Its watcher reads from this process, which never writes: what
 * comes is the end of this process, and then the watcher ends the group.
 */
const script = `
exec 3<&0
(read -r _ <&3; kill -KILL 0) >/dev/null 2>&1 &
"$@" </dev/null 3<&-
status=$?
kill -KILL $!
exit $status
`

/** POSIX only. Resolves also when the command doesn't exist (127). */
export function runBound({ command, limitMs }: BoundCommand): Promise<CommandEnd> {
  const child = spawn('/bin/sh', ['-c', script, 'sh', ...command], {
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-keptCharacters)
  })
  child.stdin.on('error', () => {})
  const timer = setTimeout(() => child.stdin.end(), limitMs)
  return new Promise<CommandEnd>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stderr }))
  }).finally(() => clearTimeout(timer))
}
