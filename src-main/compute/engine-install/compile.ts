/** Compiles tfjs-node's binding against the installed library. */
import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { AppError } from '#shared/errors.ts'
import { patchBinding, patchedFiles } from './binding-patch.ts'
import { headersFolder, libraryFiles } from './folders.ts'

const execute = promisify(execFile)
const limitMs = 10 * 60_000

export interface Compiler {
  readonly command: string
  readonly arguments: readonly string[]
}

/** zig brings its own C++ library and, asked so, an old enough C library. */
const candidates: readonly Compiler[] = [
  { command: 'g++', arguments: [] },
  { command: 'clang++', arguments: [] },
  { command: 'zig', arguments: ['c++', '-target', 'x86_64-linux-gnu.2.27'] },
]

/** @throws AppError `unsupported` when there is none. */
export async function findCompiler(known: readonly Compiler[] = candidates): Promise<Compiler> {
  for (const compiler of known) {
    const version = compiler.command === 'zig' ? 'version' : '--version'
    const found = await execute(compiler.command, [version]).then(
      () => true,
      () => false,
    )
    if (found) return compiler
  }
  throw new AppError(
    'unsupported',
    'No C++ compiler was found: a small part of the engine is compiled on this machine.',
    {
      hint: 'Install g++ (Debian, Ubuntu: apt install g++; Fedora: dnf install gcc-c++) or zig (pip install ziglang), then try again.',
    },
  )
}

/**
 * Compiles the binding in a folder that holds the libraries; they are found beside it when it is loaded.
 * @throws AppError `unsupported` with the end of what the compiler said.
 */
export async function compileBinding(compiler: Compiler, libraries: string): Promise<void> {
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
  try {
    await execute(
      compiler.command,
      [
        ...compiler.arguments,
        ...['-O2', '-std=c++17', '-fPIC', '-shared', '-DNAPI_VERSION=8'],
        ...[`-I${sources}`, `-I${headers}`, join(sources, 'tfjs_backend.cc'), join(sources, 'tfjs_binding.cc')],
        ...['-o', join(libraries, libraryFiles.binding), `-L${libraries}`],
        ...[`-l:${libraryFiles.library}`, `-l:${libraryFiles.framework}`, '-Wl,-rpath,$ORIGIN'],
      ],
      { timeout: limitMs, maxBuffer: 2 ** 26 },
    )
  } catch (cause) {
    const said = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim().split('\n') : []
    throw new AppError('unsupported', `The binding did not compile with ${compiler.command}.`, {
      hint: 'Update the compiler (it must know C++17) or install another one: g++, clang++ or zig.',
      details: said.slice(-20),
      cause,
    })
  }
  await rm(sources, { recursive: true })
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
