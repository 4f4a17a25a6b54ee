import { readFileSync } from 'node:fs'
import { createContext } from './context.ts'
import { endWithParent } from './interrupt.ts'
import { reportError } from './output.ts'
import { createProgram, fromCommander } from './program.ts'
import { surviveClosedStreams } from './streams.ts'

endWithParent()
surviveClosedStreams()
const packageFile = new URL('../../../package.json', import.meta.url)
const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string }

const context = createContext()
const program = createProgram(context, version)
// Commander's own complaint comes through reportError, so that it looks like every other one.
program.configureOutput({ outputError: () => {} })
for (const child of walk(program)) child.configureOutput({ outputError: () => {} })
try {
  await program.parseAsync(process.argv)
} catch (error) {
  const known = fromCommander(error)
  if (known !== 'shown') context.exitCode = reportError(known, process.argv.includes('--json'))
}
process.exitCode = context.exitCode
// Sockets and idle workers are closed by now; what a library still holds open must not keep the shell waiting.
setTimeout(() => process.exit(context.exitCode), 1000).unref()

function* walk(command: typeof program): Generator<typeof program> {
  for (const child of command.commands) {
    yield child
    yield* walk(child)
  }
}
