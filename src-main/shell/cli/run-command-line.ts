import { createContext } from './context.ts'
import { reportError } from './output.ts'
import { createProgram, fromCommander } from './program.ts'

/** Runs one command to its end and resolves with its exit code. `argv`: as a process has it, with two words before. */
export async function runCommandLine(argv: readonly string[], version: string): Promise<number> {
  const context = createContext()
  const program = createProgram(context, version)
  // Commander's own complaint comes through reportError, so that it looks like every other one.
  program.configureOutput({ outputError: () => {} })
  for (const child of walk(program)) child.configureOutput({ outputError: () => {} })
  try {
    await program.parseAsync([...argv])
  } catch (error) {
    const known = fromCommander(error)
    if (known !== 'shown') context.exitCode = reportError(known, argv.includes('--json'))
  }
  return context.exitCode
}

function* walk(command: ReturnType<typeof createProgram>): Generator<ReturnType<typeof createProgram>> {
  for (const child of command.commands) {
    yield child
    yield* walk(child)
  }
}
