/** `npm start`: the desktop window where Electron's binary is or can be had, else the same workbench in the browser. */
import { spawn } from 'node:child_process'
import { Command } from 'commander'
import { buildDesktop } from './build.ts'
import { serveUntilInterrupted } from './cli/commands/serve.ts'
import { createContext } from './cli/context.ts'
import { endWithParent } from './cli/interrupt.ts'
import { parseInteger } from './cli/parse.ts'
import { surviveClosedStreams } from './cli/streams.ts'
import { findElectron } from './electron-binary.ts'

interface StartOptions {
  readonly browser?: boolean
  readonly open: boolean
  readonly port?: string
  readonly workspace?: string
}

endWithParent()
surviveClosedStreams()
const context = createContext()
const command = new Command('start')
  .description('Open TMU Workbench.')
  .option('--browser', 'use the browser even where the desktop window is available')
  .option('--no-open', 'only print the address')
  .option('--port <port>', 'port on 127.0.0.1 (default: a free one)')
  .option('--workspace <folder>', 'the workspace to use')
  .action(async (options: StartOptions, self: Command) => {
    const note = (line: string): void => void process.stderr.write(`${line}\n`)
    const electron = options.browser === true || !options.open ? null : await findElectron(note)
    if (electron !== null) {
      await buildDesktop()
      context.exitCode = await openWindow(electron, options.workspace)
      return
    }
    await context.run(self, 'write', (call) =>
      serveUntilInterrupted(call, {
        open: options.open,
        path: '/',
        ...(options.port === undefined ? {} : { port: parseInteger(options.port, '--port') }),
      }),
    )
  })
await command.parseAsync(process.argv)
process.exitCode = context.exitCode
setTimeout(() => process.exit(context.exitCode), 1000).unref()

function openWindow(electron: string, workspace: string | undefined): Promise<number> {
  const root = new URL('../..', import.meta.url)
  const child = spawn(electron, ['.', ...(workspace === undefined ? [] : ['--workspace', workspace])], {
    cwd: root,
    stdio: 'inherit',
  })
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)))
}
