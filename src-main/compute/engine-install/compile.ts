/** Compiles tfjs-node's binding against the installed library. */
import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { AppError } from '#shared/errors.ts'
import { patchBinding, patchedFiles } from './binding-patch.ts'
import { runBound } from './bound-command.ts'
import { headersFolder, libraryFiles } from './folders.ts'

const execute = promisify(execFile)
const limitMs = 10 * 60_000

export interface Compiler {
  /** Program and leading arguments. */
  readonly command: readonly [string, ...string[]]
  /** What it answers with its version. */
  readonly version: string
  readonly arguments: readonly string[]
}

const plain = { version: '--version', arguments: [] } as const
/** zig brings its own C++ library and, asked so, an old enough C library. */
const zig = { version: 'version', arguments: ['c++', '-target', 'x86_64-linux-gnu.2.27'] } as const

const candidates: readonly Compiler[] = [
  { command: ['g++'], ...plain },
  { command: ['clang++'], ...plain },
  { command: ['zig'], ...zig },
  // The Python package ziglang has no command "zig": newer ones have this one, all of them the module.
  { command: ['python-zig'], ...zig },
  { command: ['python3', '-m', 'ziglang'], ...zig },
]

/** Those that are installed, the best first. @throws AppError `unsupported` when there is none. */
export async function findCompilers(known: readonly Compiler[] = candidates): Promise<readonly Compiler[]> {
  const found: Compiler[] = []
  for (const compiler of known) {
    const [program, ...first] = compiler.command
    const answers = await execute(program, [...first, compiler.version]).then(
      () => true,
      () => false,
    )
    if (answers) found.push(compiler)
  }
  if (found.length > 0) return found
  throw new AppError(
    'unsupported',
    'No C++ compiler was found: a small part of the engine is compiled on this machine.',
    {
      hint: 'Install g++ (Debian, Ubuntu: apt install g++; Fedora: dnf install gcc-c++) or zig (pip install ziglang, for the python3 that is found first), then try again.',
    },
  )
}

/**
 * Compiles the binding in a folder that holds the libraries; they are found beside it when it is loaded. A compiler that
 * fails is followed by the next one.
 * @throws AppError `unsupported` with the end of what the first compiler said.
 */
export async function compileBinding(compilers: readonly Compiler[], libraries: string): Promise<void> {
  // Copied, since a packaged program's files may lie in an archive that no compiler reads.
  const sources = join(libraries, 'sources')
  const headers = join(sources, 'headers')
  await mkdir(sources, { recursive: true })
  await cp(bindingSources(), sources, { recursive: true })
  await cp(headersFolder(), headers, { recursive: true })
  for (const file of patchedFiles) {
    const path = join(sources, file)
    await writeFile(path, patchBinding(file, await readFile(path, 'utf8')))
  }
  const wanted = [
    ...['-O2', '-std=c++17', '-fPIC', '-shared', '-DNAPI_VERSION=8'],
    ...[`-I${sources}`, `-I${headers}`, join(sources, 'tfjs_backend.cc'), join(sources, 'tfjs_binding.cc')],
    ...['-o', join(libraries, libraryFiles.binding), `-L${libraries}`],
    ...[`-l:${libraryFiles.library}`, `-l:${libraryFiles.framework}`, '-Wl,-rpath,$ORIGIN'],
  ]
  let said: string | null = null
  for (const compiler of compilers) {
    const command = [...compiler.command, ...compiler.arguments, ...wanted] as const
    const { code, stderr } = await runBound({ command, limitMs })
    if (code === 0) {
      await rm(sources, { recursive: true })
      return
    }
    said ??= stderr
  }
  const tried = compilers.map(({ command }) => command.join(' ')).join(', nor with ')
  throw new AppError('unsupported', `The binding did not compile with ${tried}.`, {
    hint: 'Update the compiler (it must know C++17) or install another one: g++, clang++ or zig.',
    details: (said ?? '').trim().split('\n').slice(-20),
  })
}

function bindingSources(): string {
  try {
    const packageFile = createRequire(import.meta.url).resolve('@tensorflow/tfjs-node-gpu/package.json')
    return join(dirname(packageFile), 'binding')
  } catch (cause) {
    throw new AppError('unsupported', 'The package @tensorflow/tfjs-node-gpu is missing.', {
      hint: 'Reinstall the dependencies with the optional ones.',
      cause,
    })
  }
}
