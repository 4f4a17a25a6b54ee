import { Command, CommanderError } from 'commander'
import { AppError } from '#shared/errors.ts'
import { registerDatasetCommands } from './commands/dataset.ts'
import { registerDemoCommand } from './commands/demo.ts'
import { registerEngineCommands } from './commands/engine.ts'
import { registerForgetCommands } from './commands/forget.ts'
import { registerMethodCommands } from './commands/method.ts'
import { registerModelCommands } from './commands/model.ts'
import { registerOutcomeCommands } from './commands/outcome.ts'
import { registerRunCommands } from './commands/run.ts'
import { registerServeCommand } from './commands/serve.ts'
import { registerSplitCommands } from './commands/split.ts'
import { registerStudyCommands } from './commands/study.ts'
import { registerWorkerCommands } from './commands/worker.ts'
import { registerWorkspaceCommands } from './commands/workspace.ts'
import type { CommandContext } from './context.ts'

/** The whole command line. Every action is `context.run(...)`, which connects, prints and maps errors. */
export function createProgram(context: CommandContext, version: string): Command {
  const program = new Command('tmu')
    .description('Machine unlearning aligned with the gold model: data sets, studies, comparison.')
    .version(version)
    .option(
      '--workspace <folder>',
      'the workspace to use (default: TMU_WORKSPACE, else the data folder of this platform)',
    )
    .option('--json', 'print exactly one JSON document to stdout')
  registerDatasetCommands(program, context)
  registerSplitCommands(program, context)
  registerForgetCommands(program, context)
  registerMethodCommands(program, context)
  registerStudyCommands(program, context)
  registerRunCommands(program, context)
  registerModelCommands(program, context)
  registerOutcomeCommands(program, context)
  registerWorkerCommands(program, context)
  registerEngineCommands(program, context)
  registerWorkspaceCommands(program, context)
  registerServeCommand(program, context)
  registerDemoCommand(program, context)
  inherit(program)
  return program
}

/** `--json` and `--workspace` are accepted before and after the command's own words. */
function inherit(command: Command): void {
  command.exitOverride()
  for (const child of command.commands) {
    if (child.commands.length === 0) {
      child.option('--workspace <folder>', 'the workspace to use')
      child.option('--json', 'print exactly one JSON document to stdout')
    }
    inherit(child)
  }
}

/** What commander refuses is bad input; its help and version texts are no errors. */
export function fromCommander(error: unknown): AppError | 'shown' {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 'shown'
    if (error.code === 'commander.help') {
      return new AppError('bad-input', 'A command is missing.', { hint: 'Add --help to see which ones there are.' })
    }
    return new AppError('bad-input', error.message.replace(/^error: /, '').replace(/\n[\s\S]*$/, ''), {
      hint: 'Add --help to see what the command takes.',
    })
  }
  return AppError.from(error)
}
