#!/usr/bin/env node
/**
 * Every package script goes through here. Needs only Node >= 18 and npm: installs what the lockfile
 * names (unless a stamp says it is done), packs the demo images, then runs the command under the
 * Node 24 of node_modules. Plain JavaScript and built-ins only, since nothing is installed yet.
 */
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(fileURLToPath(import.meta.url))
const modules = join(root, 'node_modules')
const minimumMajor = 24

/** Scripts that a command stands for: [file or tool, ...leading arguments]. */
const commands = {
  tmu: ['src-main/shell/cli/main.ts'],
  start: ['src-main/shell/start.ts'],
  test: ['test/run-all.ts'],
  check: ['test/run-all.ts', '--checks-only'],
  build: ['src-main/shell/build.ts'],
}

const [command, ...args] = process.argv.slice(2)
if (command === undefined) fail('usage: node bootstrap.mjs tmu|start|test|check|build|run FILE|TOOL [arguments]')

try {
  install()
} catch (error) {
  fail(error instanceof Error ? error.message : String(error))
}
run()

function run() {
  const node = findNode()
  const script =
    command === 'run'
      ? [args.shift() ?? fail('usage: node bootstrap.mjs run FILE [arguments]')]
      : (commands[command] ?? [toolPath(command)])
  // The IPC channel is how the command notices that this process was killed.
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', ...script.map(resolveFromRoot), ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, PATH: [dirname(node), join(modules, '.bin'), process.env.PATH ?? ''].join(delimiter) },
  })
  // Ctrl-C reaches the whole process group: the child decides, this process only passes its answer on.
  process.on('SIGINT', () => {})
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => fail(`Could not start ${node}: ${error.message}`))
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 1)))
}

function resolveFromRoot(part) {
  return part.endsWith('.ts') && existsSync(join(root, part)) ? join(root, part) : part
}

function toolPath(name) {
  const packages = {
    vitest: 'vitest',
    biome: '@biomejs/biome',
    eslint: 'eslint',
    tsc: 'typescript',
    'vue-tsc': 'vue-tsc',
  }
  const folder = packages[name]
  if (folder === undefined) fail(`Unknown command "${name}".`)
  const { bin } = JSON.parse(readFileSync(join(modules, folder, 'package.json'), 'utf8'))
  return join(modules, folder, typeof bin === 'string' ? bin : bin[name])
}

/** npm ci unless this very lockfile was installed before; one at a time. */
function install() {
  const lockfile = readFileSync(join(root, 'package-lock.json'))
  const wanted = createHash('sha256').update(lockfile).update(`${process.platform} ${process.arch}`).digest('hex')
  const stamp = join(modules, '.install-stamp')
  const installed = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted
  if (!installed()) {
    const release = acquireInstallLock()
    try {
      if (!installed()) {
        process.stderr.write('Installing the packages of package-lock.json; this happens once.\n')
        npm(['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'])
        writeFileSync(`${stamp}.tmp`, wanted)
        renameSync(`${stamp}.tmp`, stamp)
      }
    } finally {
      release()
    }
  }
  if (!existsSync(join(root, 'resources', 'demo', 'fashion-mnist.bin')) && existsSync(join(modules, 'fashion-mnist'))) {
    const packed = spawnSync(findNode(), [join(root, 'resources', 'pack-demo.ts')], { stdio: ['ignore', 2, 2] })
    if (packed.status !== 0) throw new Error('Packing the demo images failed; see above.')
  }
}

function npm(parameters) {
  const path = process.env.npm_execpath
  const viaNode = path !== undefined && /\.[cm]?js$/.test(path)
  const result = spawnSync(viaNode ? process.execPath : 'npm', viaNode ? [path, ...parameters] : parameters, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: !viaNode && process.platform === 'win32',
    env: { ...process.env, NODE_ENV: undefined, npm_config_omit: '', npm_config_update_notifier: 'false' },
  })
  if (result.error !== undefined)
    throw new Error(`Could not run npm (${result.error.message}). Install Node.js with npm and try again.`)
  if (result.status !== 0)
    throw new Error('npm ci failed; see above. Check the network and the npm registry, then try again.')
}

/** A folder as a lock: made atomically, and taken over when its owner is gone. */
function acquireInstallLock() {
  const lock = join(root, '.install-lock')
  const owner = join(lock, 'pid')
  for (let waited = 0; ; waited++) {
    try {
      mkdirSync(lock)
      writeFileSync(owner, String(process.pid))
      return () => rmSync(lock, { recursive: true, force: true })
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    if (isAbandoned(lock, owner)) rmSync(lock, { recursive: true, force: true })
    else {
      if (waited === 0) process.stderr.write('Another process is installing the packages; waiting for it.\n')
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500)
    }
  }
}

function isAbandoned(lock, owner) {
  try {
    if (!existsSync(owner)) return Date.now() - statSync(lock).mtimeMs > 5000
    process.kill(Number(readFileSync(owner, 'utf8')), 0)
    return false
  } catch (error) {
    return error.code === 'ESRCH'
  }
}

function findNode() {
  if (Number(process.versions.node.split('.')[0]) >= minimumMajor) return process.execPath
  const executable = process.platform === 'win32' ? 'node.exe' : join('bin', 'node')
  const system = process.platform === 'win32' ? 'win' : process.platform
  for (const name of [`node-${system}-${process.arch}`, `node-bin-${system}-${process.arch}`]) {
    const path = join(modules, name, executable)
    if (existsSync(path)) return path
  }
  return fail(
    `TMU Workbench runs on Node ${minimumMajor}, and npm has no such package for ${process.platform} on ${process.arch}. ` +
      `Install Node ${minimumMajor} or newer and try again.`,
  )
}

function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}
