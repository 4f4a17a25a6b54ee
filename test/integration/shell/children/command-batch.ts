/** A process that runs the commands that its parent sends, one after the other, and sends back how each ended. */
import { runCommandLine } from '#main/shell/cli/run-command-line.ts'

process.once('message', (commands: readonly (readonly string[])[]) => {
  void (async () => {
    const ends = []
    for (const command of commands) {
      const heard = { stdout: '', stderr: '' }
      for (const name of ['stdout', 'stderr'] as const) {
        process[name].write = (chunk: string | Uint8Array): boolean => {
          heard[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString()
          return true
        }
      }
      const code = await runCommandLine([process.execPath, 'tmu', ...command], '0')
      ends.push({ code, signal: null, ...heard })
    }
    process.send?.(ends, () => process.exit(0))
  })()
})
