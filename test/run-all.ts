/**
 * `npm test`: every check and every test, and one last line that says how many passed, failed and were
 * skipped. A static check counts as one test; a skipped test says why in its name or note.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

interface Tally {
  passed: number
  failed: number
  skipped: number
}

interface VitestReport {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numTodoTests: number
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly message: string
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[]
  }[]
}

const root = join(import.meta.dirname, '..')
const bin = (name: string): string => join(root, 'node_modules', '.bin', name)

const checks: readonly { readonly name: string; readonly command: readonly string[] }[] = [
  { name: 'format', command: [bin('biome'), 'ci', '--reporter=summary', '--colors=off', '.'] },
  { name: 'types of main, shared and tests', command: [bin('tsc'), '-p', 'tsconfig.json'] },
  { name: 'types of the renderer', command: [bin('vue-tsc'), '-p', 'tsconfig.renderer.json'] },
  {
    name: 'lint',
    command: [bin('eslint'), '--max-warnings=0', 'src-main', 'src-shared', 'src-renderer', 'test', 'resources'],
  },
  {
    name: 'import rules',
    command: [bin('depcruise'), '--config', '.dependency-cruiser.mjs', 'src-main', 'src-shared', 'src-renderer'],
  },
  { name: 'nothing unused', command: [bin('knip'), '--no-progress'] },
]

const tally: Tally = { passed: 0, failed: 0, skipped: 0 }
for (const check of checks) {
  const started = Date.now()
  const { code, text } = await run(check.command)
  const seconds = ((Date.now() - started) / 1000).toFixed(1)
  process.stdout.write(`${code === 0 ? 'ok  ' : 'FAIL'}  check: ${check.name} (${seconds} s)\n`)
  if (code === 0) tally.passed++
  else {
    tally.failed++
    process.stdout.write(`${text}\n`)
  }
}
if (!process.argv.includes('--checks-only')) await runTests(process.argv.slice(2))

process.stdout.write(`${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped\n`)
process.exitCode = tally.failed === 0 ? 0 : 1

async function runTests(parameters: readonly string[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tmu-test-'))
  const report = join(folder, 'report.json')
  try {
    const { code } = await run(
      [bin('vitest'), 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...parameters],
      'inherit',
    )
    const results = JSON.parse(await readFile(report, 'utf8')) as VitestReport
    tally.passed += results.numPassedTests
    tally.failed += results.numFailedTests
    tally.skipped += results.numPendingTests + results.numTodoTests
    for (const file of results.testResults) {
      // A file that broke before its first test has no failed test of its own.
      if (file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed')) tally.failed++
      for (const test of file.assertionResults) {
        if (test.status === 'pending' || test.status === 'skipped') process.stdout.write(`skipped: ${test.fullName}\n`)
      }
    }
    if (code !== 0 && tally.failed === 0) tally.failed++
  } catch (error) {
    tally.failed++
    process.stdout.write(`The tests did not finish: ${String(error)}\n`)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function run(
  command: readonly string[],
  output: 'collect' | 'inherit' = 'collect',
): Promise<{ code: number; text: string }> {
  const [file, ...parameters] = command
  return new Promise((resolve) => {
    const child = spawn(file ?? '', parameters, {
      cwd: root,
      stdio: ['ignore', output === 'inherit' ? 'inherit' : 'pipe', output === 'inherit' ? 'inherit' : 'pipe'],
    })
    let text = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
    child.stderr?.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
    child.once('error', (error) => resolve({ code: 1, text: error.message }))
    child.once('close', (code) => resolve({ code: code ?? 1, text }))
  })
}
