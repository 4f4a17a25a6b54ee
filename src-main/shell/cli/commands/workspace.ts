import type { Command } from 'commander'
import { locateWorkspace } from '#main/store/workspace.ts'
import type { CommandContext } from '../context.ts'

export function registerWorkspaceCommands(program: Command, context: CommandContext): void {
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
