/** The installing process's work: a folder with everything, ready to be tested. The active build isn't touched. */
import { mkdir, mkdtemp, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '#shared/errors.ts'
import { formatMebibytes } from '#shared/units.ts'
import { compileBinding, findCompiler } from './compile.ts'
import { download, sizeOf } from './download.ts'
import { extract } from './extract.ts'
import { nativeFolder } from './folders.ts'
import type { InstallJob, InstallProgress } from './job.ts'
import { findInIndex, indexAddress } from './package-index.ts'
import type { ArchiveSource } from './pins.ts'

/** Of the C library, by the libraries' own needs. */
const oldestGlibc = [2, 27] as const
const room = 64 * 2 ** 20

export type Tell = (phase: InstallProgress['phase'], done: number, total: number | null) => void

/** Returns the folder. @throws AppError what is wrong; nothing of this build is left then. */
export async function prepareBuild({ engines, file, pins }: InstallJob, tell: Tell): Promise<string> {
  requireSystem()
  const compiler = await findCompiler()
  const folder = nativeFolder(engines)
  await mkdir(folder, { recursive: true })
  const unpacked = Object.values(pins.files).reduce((sum, { bytes }) => sum + bytes, 0)
  let build: string | null = null
  try {
    await requireSpace(folder, unpacked + room)
    const archive = file ?? (await fetchArchive(folder, pins.sources, unpacked, tell))
    build = await mkdtemp(join(folder, 'build-'))
    tell('unpacking', 0, unpacked)
    await extract(archive, build, pins.files, (done) => tell('unpacking', done, unpacked))
    // What was downloaded isn't needed any more; what was given stays.
    if (file === null) await rm(archive)
    tell('compiling', 0, null)
    await compileBinding(compiler, build)
    return build
  } catch (error) {
    if (build !== null) await rm(build, { recursive: true, force: true })
    throw asInstallError(error, folder)
  }
}

function requireSystem(): void {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new AppError(
      'unsupported',
      `There is no native engine for ${process.platform} on ${process.arch}; it needs Linux on x86-64.`,
      { hint: 'Use the wasm engine, which works everywhere.' },
    )
  }
  const { header } = process.report.getReport() as { readonly header: { readonly glibcVersionRuntime?: string } }
  const version = header.glibcVersionRuntime
  const [major = 0, minor = 0] = (version ?? '').split('.').map(Number)
  if (major > oldestGlibc[0] || (major === oldestGlibc[0] && minor >= oldestGlibc[1])) return
  const found = version === undefined ? 'this system has another C library' : `this system has ${version}`
  throw new AppError('unsupported', `The native engine needs glibc ${oldestGlibc.join('.')} or newer; ${found}.`, {
    hint: 'Use the wasm engine, which works everywhere.',
  })
}

/** From the first source that can be reached. */
async function fetchArchive(
  folder: string,
  sources: readonly ArchiveSource[],
  unpacked: number,
  tell: Tell,
): Promise<string> {
  const reasons: string[] = []
  for (const source of sources) {
    const { bytes, sha256, title } = source
    const path = join(folder, `download-${sha256.slice(0, 16)}`)
    await requireSpace(folder, bytes - (await sizeOf(path)) + unpacked + room)
    try {
      const url =
        source.kind === 'address'
          ? source.url
          : await findInIndex(await indexAddress(), source.project, source.fileName)
      tell('downloading', await sizeOf(path), bytes)
      await download({ url, path, bytes, sha256, title, onProgress: (done) => tell('downloading', done, bytes) })
      return path
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') throw error
      if (error instanceof AppError && error.code === 'corrupt') throw error
      reasons.push(`${title}: ${describe(error)}`)
    }
  }
  throw new AppError('not-found', `The library could not be downloaded. ${reasons.join(' ')}`, {
    hint: 'Check the network and try again: it goes on where it stopped. Without a network: tmu engine install native --from FILE',
  })
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  return cause instanceof Error && cause.message !== '' ? `${error.message} (${cause.message}).` : error.message
}

async function requireSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  const free = bavail * bsize
  if (free >= bytes) return
  throw new AppError(
    'disk-full',
    `The disk of "${folder}" has ${formatMebibytes(free)} left; the native engine needs ${formatMebibytes(bytes)}.`,
    { hint: 'Free some space, or choose another folder with the variable TMU_ENGINES.' },
  )
}

function asInstallError(error: unknown, folder: string): AppError {
  if (error instanceof AppError) return error
  const code = error instanceof Error && 'code' in error ? error.code : null
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new AppError('disk-full', `The disk of "${folder}" is full.`, {
      hint: 'Free some space and try again; nothing was changed.',
      cause: error,
    })
  }
  if (code === 'ENOENT' || code === 'EACCES' || code === 'EROFS' || code === 'EPERM') {
    return new AppError('bad-input', `${(error as Error).message}.`, {
      hint: 'Check the path and its rights; nothing was changed.',
      cause: error,
    })
  }
  return AppError.from(error)
}
