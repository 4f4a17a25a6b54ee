import type { Command } from 'commander'
import { locateWorkspace } from '#main/store/workspace.ts'
import type { EngineStatus } from '#shared/domain/engine.ts'
import type { CommandContext } from '../context.ts'
import { table } from '../output.ts'

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
