import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Command } from 'commander'
import { AppError } from '#shared/errors.ts'
import { ensurePages } from '../../build.ts'
import { createRouter } from '../../router.ts'
import { startServer } from '../../server/server.ts'
import type { CommandCall, CommandContext } from '../context.ts'
import { parseInteger } from '../parse.ts'

export interface ServeOptions {
  readonly open: boolean
  /** Where the browser lands, `/#/…`. */
  readonly path: string
  readonly port?: number
}

export function registerServeCommand(program: Command, context: CommandContext): void {
  program
    .command('serve')
    .description('serve the workbench to the browser on this machine')
    .option('--port <port>', 'port on 127.0.0.1 (default: a free one)')
    .option('--open', 'open the browser')
    .action((options: { port?: string; open?: boolean }, command: Command) =>
      context.run(command, 'write', (call) =>
        serveUntilInterrupted(call, {
          open: options.open === true,
          path: '/',
          ...(options.port === undefined ? {} : { port: parseInteger(options.port, '--port') }),
        }),
      ),
    )
}

/** Serves until Ctrl-C; jobs that still run then are interrupted at their last checkpoint and resumed later. */
export async function serveUntilInterrupted(call: CommandCall, options: ServeOptions): Promise<number> {
  if (options.port !== undefined && (options.port < 0 || options.port > 65_535)) {
    throw new AppError('bad-input', `There is no port ${options.port}.`, { hint: 'Choose one from 1024 to 65535.' })
  }
  const pages = await ensurePages(call.output.note)
  const server = await startServer({
    router: createRouter(call.api, call.report),
    pages,
    ...(options.port === undefined ? {} : { port: options.port }),
  }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error
    throw new AppError('bad-input', `Port ${options.port ?? ''} is taken.`, {
      hint: 'Choose another one, or leave --port out.',
    })
  })
  const address = server.address + options.path.replace(/^\//, '')
  call.output.note(`TMU Workbench is at ${address}`)
  call.output.note('The address works once. Ctrl-C ends the workbench.')
  if (options.open) openBrowser(address, call.output.note)
  const end = AbortSignal.any([call.signal, call.lost])
  if (!end.aborted) await once(end, 'abort')
  await server.close()
  if (!call.signal.aborted) call.lost.throwIfAborted()
  return 0
}

function openBrowser(address: string, note: (line: string) => void): void {
  const [command, ...parameters] =
    process.platform === 'darwin' ? ['open'] : process.platform === 'win32' ? ['cmd', '/c', 'start', ''] : ['xdg-open']
  if (command === undefined) return
  const child = spawn(command, [...parameters, address], { stdio: 'ignore', detached: true })
  child.once('error', () => note('No browser could be opened; open the address yourself.'))
  child.unref()
}
