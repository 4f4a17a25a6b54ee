import { readFileSync } from 'node:fs'
import { endWithParent } from './interrupt.ts'
import { runCommandLine } from './run-command-line.ts'
import { surviveClosedStreams } from './streams.ts'

endWithParent()
surviveClosedStreams()
const packageFile = new URL('../../../package.json', import.meta.url)
const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string }

const exitCode = await runCommandLine(process.argv, version)
process.exitCode = exitCode
// Sockets and idle workers are closed by now; what a library still holds open must not keep the shell waiting.
setTimeout(() => process.exit(exitCode), 1000).unref()
