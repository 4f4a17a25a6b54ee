import { resolve } from 'node:path'
import type { Command } from 'commander'
import { locateWorkspace } from '#main/store/workspace.ts'
import type { EngineStatus } from '#shared/domain/engine.ts'
import { AppError } from '#shared/errors.ts'
import type { CommandContext } from '../context.ts'
import { table } from '../output.ts'
import { ProgressLine } from '../progress-line.ts'

export function registerSystemCommands(program: Command, context: CommandContext): void {
  const engine = program.command('engine').description('tensor engines of this machine')
  engine
    .command('list')
    .description('which engines are there')
    .action((_options: unknown, command: Command) =>
      context.run(command, 'read', async ({ client, output }) => {
        const engines = await client.engines.list()
        output.result(engines, () => describe(engines))
        return 0
      }),
    )
  engine
    .command('doctor')
    .description('run each engine’s self-test; say why an engine is missing and what to do')
    .action((_options: unknown, command: Command) =>
      context.run(command, 'read', async ({ client, output }) => {
        const engines = await client.engines.doctor()
        output.result(engines, () => describe(engines))
        return engines.some((item) => item.available) ? 0 : 1
      }),
    )

  engine
    .command('install')
    .argument('<engine>', 'native')
    .description('install TensorFlow’s library for the native engine: 190 MB to download, 860 MB on disk')
    .option('--from <file>', 'a tensorflow-core-native jar or tensorflow-cpu wheel, instead of the network')
    .action((name: string, options: { readonly from?: string }, command: Command) =>
      context.run(command, 'read', async ({ client, output, signal }) => {
        const line = new ProgressLine(output.terminal)
        // The process that reads it may have another working folder.
        const file = options.from === undefined ? {} : { file: resolve(options.from) }
        let installed: EngineStatus | null = null
        try {
          for await (const event of await client.engines.install({ engine: installable(name), ...file }, { signal })) {
            if (event.kind === 'finished') installed = event.status
            else line.update(event.total === null ? 0 : event.done / event.total, event.etaSeconds, event.phase)
          }
        } finally {
          line.clear()
        }
        const status = installed
        if (status === null) throw new AppError('cancelled', 'The installation was cancelled; nothing was changed.')
        output.result(status, () => describe([status]))
        return 0
      }),
    )
  engine
    .command('uninstall')
    .argument('<engine>', 'native')
    .description('remove an installed engine')
    .action((name: string, _options: unknown, command: Command) =>
      context.run(command, 'read', async ({ client, output }) => {
        const result = await client.engines.uninstall({ engine: installable(name) })
        output.result(result, () =>
          result.removed ? `The ${name} engine was removed.` : `The ${name} engine was not installed.`,
        )
        return 0
      }),
    )

  const workspace = program.command('workspace').description('the folder that holds everything')
  workspace
    .command('path')
    .description('print its path')
    .action((_options: unknown, command: Command) =>
      // Of a workspace that can't be opened, or isn't there yet, too.
      context.runAlone(command, async ({ workspace, output }) => {
        const path = locateWorkspace(workspace)
        output.result({ path }, () => path)
        return 0
      }),
    )
  workspace
    .command('check')
    .description('verify the database and every stored object; exit 1 only for loss or damage')
    .action((_options: unknown, command: Command) =>
      context.run(command, 'read', async ({ client, output }) => {
        const check = await client.workspace.check()
        output.result(check, () =>
          [
            check.ok
              ? `The workspace is sound: ${check.objectsChecked} objects verified.`
              : 'The workspace is damaged:',
            ...check.problems.map((problem) => `  ${problem.kind}: ${problem.what} (${problem.hint})`),
            ...check.notes.map((note) => `  note: ${note}`),
          ].join('\n'),
        )
        return check.ok ? 0 : 1
      }),
    )
}

function installable(name: string): 'native' {
  if (name === 'native') return name
  throw new AppError('bad-input', `The engine "${name}" can't be installed.`, { hint: 'Engines to install: native.' })
}

function describe(engines: readonly EngineStatus[]): string {
  return table(
    ['ENGINE', 'AVAILABLE', 'VERSION', 'DEVICE', 'THREADS', 'KERNELS', 'SELF-TEST', 'REASON'],
    engines.map((item) => [
      item.id,
      item.available ? 'yes' : 'no',
      item.version ?? '–',
      item.device ?? '–',
      item.threads ?? '–',
      item.kernelSet ?? '–',
      item.selfTestSeconds === undefined ? '–' : `${item.selfTestSeconds.toFixed(2)} s`,
      item.reason ?? '',
    ]),
  )
}
