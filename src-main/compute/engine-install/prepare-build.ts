/** The installing process's work: a folder with everything, ready to be tested. The active build isn't touched. */
import { copyFile, link, mkdir, mkdtemp, readdir, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { createFolders } from '#main/artifacts/create-folders.ts'
import { errnoOf } from '#main/artifacts/storage-errors.ts'
import type { InstallableEngineId } from '#shared/domain/engine.ts'
import { AppError } from '#shared/errors.ts'
import { formatMebibytes } from '#shared/units.ts'
import { requireAddress } from './address.ts'
import type { ArchivePins, ArchiveSource, EnginePins } from './archive-pins.ts'
import { compileBinding, findCompilers } from './compile.ts'
import { download, fileHash, sizeOf } from './download.ts'
import { extract } from './extract.ts'
import { activeBuild, engineFolder, librariesFolder } from './folders.ts'
import { asInstallError, isSystemError } from './install-errors.ts'
import type { InstallJob, InstallProgress } from './job.ts'
import { findInIndex, indexAddress } from './package-index.ts'
import { fileNameOf, unpackedBytes } from './pins.ts'

/** Of the C library, by the libraries' own needs. */
const oldestGlibc = [2, 27] as const
/** For what is compiled, and so that the disk isn't full to the last byte. */
const room = 64 * 2 ** 20

export type Tell = (phase: InstallProgress['phase'], done: number, total: number | null, part?: string | null) => void

/** Returns the folder. @throws AppError what is wrong; nothing of this build is left then. */
export async function prepareBuild({ engine, engines, file, pins }: InstallJob, tell: Tell): Promise<string> {
  const folder = engineFolder(engine, engines)
  let build: string | null = null
  try {
    requireSystem(engine)
    if (file !== null) await requireGiven(file, engine)
    const compilers = await findCompilers()
    await createFolders(folder)
    const there = file === null ? await intactArchives(folder, pins, tell) : new Map<ArchivePins, string>()
    const wanted = pins.filter((archive) => !there.has(archive))
    const unpacked = unpackedBytes(wanted)
    const given = file === null ? null : await givenArchives(file, wanted, engine)
    if (given !== null) await requireSpace(folder, engine, unpacked + room)
    const archives = given ?? (await fetchArchives(folder, engine, wanted, unpacked, tell))
    build = await mkdtemp(join(folder, 'build-'))
    for (const [archive, before] of there) await linkFiles(archive, before, join(build, archive.into))
    let before = 0
    if (wanted.length > 0) tell('unpacking', 0, unpacked)
    for (const [i, archive] of wanted.entries()) {
      const target = join(build, archive.into)
      await mkdir(target, { recursive: true })
      const done = before
      await extract(archives[i], target, archive, (more) => tell('unpacking', done + more, unpacked, partOf(wanted, i)))
      before += unpackedBytes([archive])
    }
    tell('compiling', 0, null)
    await compileBinding(compilers, librariesFolder(engine, build))
    return build
  } catch (error) {
    if (build !== null) await rm(build, { recursive: true, force: true })
    throw asInstallError(error, folder)
  }
}

/**
 * Archives whose files the active build has, unchanged, with the folder that they are in: when only the binding is to be
 * compiled anew, nothing is downloaded again.
 */
async function intactArchives(folder: string, pins: EnginePins, tell: Tell): Promise<Map<ArchivePins, string>> {
  const intact = new Map<ArchivePins, string>()
  const active = activeBuild(folder)
  if (active === null) return intact
  const total = unpackedBytes(pins)
  let done = 0
  for (const [i, archive] of pins.entries()) {
    const source = join(active, archive.into)
    const isIntact = await hasFiles(source, archive, (bytes) => {
      done += bytes
      tell('checking', done, total, partOf(pins, i))
    })
    if (isIntact) intact.set(archive, source)
  }
  return intact
}

async function hasFiles(folder: string, { files }: ArchivePins, onRead: (bytes: number) => void): Promise<boolean> {
  for (const [name, { bytes, sha256 }] of Object.entries(files)) {
    const path = join(folder, name)
    if ((await sizeOf(path)) !== bytes || (await fileHash(path, onRead)) !== sha256) return false
  }
  return true
}

/** The same bytes in two builds, of which the older one is removed soon; copied where a file system has no links. */
async function linkFiles({ files }: ArchivePins, source: string, target: string): Promise<void> {
  await mkdir(target, { recursive: true })
  for (const name of Object.keys(files)) {
    await link(join(source, name), join(target, name)).catch(() => copyFile(join(source, name), join(target, name)))
  }
}

interface System {
  readonly platform: string
  readonly arch: string
  /** Version of glibc; undefined with another C library. */
  readonly glibc: string | undefined
}

function thisSystem(): System {
  const { header } = process.report.getReport() as { readonly header: { readonly glibcVersionRuntime?: string } }
  return { platform: process.platform, arch: process.arch, glibc: header.glibcVersionRuntime }
}

/** @throws AppError `unsupported` where the libraries can't run. */
export function requireSystem(engine: InstallableEngineId, { platform, arch, glibc }: System = thisSystem()): void {
  const hint = 'Use the wasm engine, which works everywhere.'
  if (platform !== 'linux' || arch !== 'x64') {
    const needs = `There is no ${engine} engine for ${platform} on ${arch}; it needs Linux on x86-64.`
    throw new AppError('unsupported', needs, { hint })
  }
  const [major = 0, minor = 0] = (glibc ?? '').split('.').map(Number)
  if (major > oldestGlibc[0] || (major === oldestGlibc[0] && minor >= oldestGlibc[1])) return
  const found = glibc === undefined ? 'this system has another C library' : `this system has ${glibc}`
  const message = `The ${engine} engine needs glibc ${oldestGlibc.join('.')} or newer; ${found}.`
  throw new AppError('unsupported', message, { hint })
}

/** `1 of 10: cuDNN`, or null where there is but one. */
function partOf(pins: EnginePins, i: number): string | null {
  return pins.length === 1 ? null : `${i + 1} of ${pins.length}: ${pins[i].title}`
}

/** Before anything else: whoever mistyped a path shouldn't install a compiler first. */
async function requireGiven(file: string, engine: InstallableEngineId): Promise<void> {
  const found = await stat(file).catch((error: unknown) => {
    const code = errnoOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    throw error
  })
  if (found !== null) return
  throw new AppError('not-found', `There is no file or folder "${file}".`, {
    hint: `Give the path of what was downloaded; the files are listed by: tmu engine files ${engine}`,
  })
}

/** The archives in a folder, or the one that a file is. @throws AppError `bad-input` naming those that are missing. */
async function givenArchives(file: string, pins: EnginePins, engine: InstallableEngineId): Promise<readonly string[]> {
  const found = await stat(file)
  if (!found.isDirectory()) {
    if (pins.length === 1) return [file]
    throw new AppError('bad-input', `The ${engine} engine needs ${pins.length} archives; "${file}" is one file.`, {
      hint: `Give the folder that holds all of them; they are listed by: tmu engine files ${engine}`,
    })
  }
  const names = new Set(await readdir(file))
  const archives = pins.map(({ title, sources }) => {
    const name = sources.map(fileNameOf).find((candidate) => names.has(candidate))
    return { path: name === undefined ? null : join(file, name), missing: `${title} (${fileNameOf(sources[0])})` }
  })
  const missing = archives.filter(({ path }) => path === null).map((archive) => archive.missing)
  if (missing.length === 0) return archives.flatMap(({ path }) => path ?? [])
  throw new AppError('bad-input', `The folder "${file}" lacks ${missing.join(' and ')}.`, {
    hint: `How to download them is said by: tmu engine files ${engine}`,
  })
}

/** Every archive, each from the first source that can be reached; what an earlier attempt brought isn't fetched again. */
async function fetchArchives(
  folder: string,
  engine: InstallableEngineId,
  pins: EnginePins,
  unpacked: number,
  tell: Tell,
): Promise<readonly string[]> {
  const pathOf = ({ sha256 }: ArchiveSource): string => join(folder, `download-${sha256.slice(0, 16)}`)
  const sizes = pins.map(({ sources }) => sources[0]?.bytes ?? 0)
  const there = await Promise.all(
    pins.map(async ({ sources: [source] }) => (source ? await sizeOf(pathOf(source)) : 0)),
  )
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
  const requireRoom = (): Promise<void> => requireSpace(folder, engine, sum(sizes) - sum(there) + unpacked + room)
  // Before the first byte: nobody waits an hour to read that the disk is full.
  await requireRoom()
  const paths: string[] = []
  for (const [i, { sources }] of pins.entries()) {
    const failures: { readonly title: string; readonly error: unknown }[] = []
    let fetched: string | null = null
    for (const source of sources) {
      const { bytes, sha256, title } = source
      const path = pathOf(source)
      there[i] = await sizeOf(path)
      const isLarger = bytes > sizes[i]
      sizes[i] = bytes
      if (isLarger) await requireRoom()
      const total = sum(sizes)
      const rest = sum(there) - there[i]
      try {
        const { url, headers } =
          source.kind === 'address'
            ? requireAddress(source.url, `The address of ${title}`)
            : await findInIndex(await indexAddress(), source.project, source.fileName)
        const progress = (done: number): void => tell('downloading', rest + done, total, partOf(pins, i))
        progress(there[i])
        await download({ url: url.href, headers, path, bytes, sha256, title, onProgress: progress })
        fetched = path
        there[i] = bytes
        break
      } catch (error) {
        // This machine's own trouble is the same with every source.
        if (isSystemError(error)) throw error
        failures.push({ title, error })
      }
    }
    if (fetched === null) throw notFetched(pins[i].title, engine, failures)
    paths.push(fetched)
  }
  return paths
}

/** Why no source brought an archive. That one of them sent something else weighs more than that another was silent. */
function notFetched(
  archive: string,
  engine: InstallableEngineId,
  failures: readonly { readonly title: string; readonly error: unknown }[],
): AppError {
  const isCorrupt = (error: unknown): boolean => error instanceof AppError && error.code === 'corrupt'
  const reasons = failures.map(({ title, error }) =>
    isCorrupt(error) ? describe(error) : `${title}: ${describe(error)}`,
  )
  const message = `${capital(archive)} could not be downloaded. ${reasons.join(' ')}`
  const without = `download the files that "tmu engine files ${engine}" lists elsewhere, then tmu engine install ${engine} --from FILE`
  if (failures.some(({ error }) => isCorrupt(error))) {
    return new AppError('corrupt', message, {
      hint: `Nothing was installed. Try again; if it happens again, something between here and the server changes files: ${without}`,
    })
  }
  return new AppError('not-found', message, {
    hint: `Check the network and try again: it goes on where it stopped. Without a network: ${without}`,
  })
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  return cause instanceof Error && cause.message !== '' ? `${error.message} (${cause.message}).` : error.message
}

async function requireSpace(folder: string, engine: InstallableEngineId, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  const free = bavail * bsize
  if (free >= bytes) return
  throw new AppError(
    'disk-full',
    `The disk of "${folder}" has ${formatMebibytes(free)} left; installing the ${engine} engine needs ${formatMebibytes(bytes)}.`,
    { hint: 'Free some space, or choose another folder with the variable TMU_ENGINES.' },
  )
}
