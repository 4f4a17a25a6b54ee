import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { patchBinding } from '#main/compute/engine-install/binding-patch.ts'
import { findCompiler } from '#main/compute/engine-install/compile.ts'
import { download } from '#main/compute/engine-install/download.ts'
import { extract } from '#main/compute/engine-install/extract.ts'
import { activeBuild, engineFolder, libraryFiles } from '#main/compute/engine-install/folders.ts'
import { installEngine, uninstallEngine } from '#main/compute/engine-install/install.ts'
import type { InstallProgress } from '#main/compute/engine-install/job.ts'
import { findInIndex } from '#main/compute/engine-install/package-index.ts'
import type { ArchivePins, EnginePins } from '#main/compute/engine-install/pins.ts'
import { forkLauncher } from '#main/compute/pool/fork-launcher.ts'
import type { Launcher } from '#main/compute/pool/launcher.ts'
import type { EngineStatus } from '#shared/domain/engine.ts'
import { storedZip } from './stored-zip.ts'

const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex')
const compiler = await findCompiler().catch(() => null)
const onLinux = process.platform === 'linux' && process.arch === 'x64'

let folder: string
let engines: string
const closing: (() => void)[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tmu-install-'))
  engines = join(folder, 'engines')
})
afterEach(async () => {
  for (const close of closing.splice(0)) close()
  await rm(folder, { recursive: true })
})

/** Serves on this machine only; returns the address. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/archive`
}

/** Bytes of no pattern, so that nothing lost or doubled goes unseen. */
function bytes(length: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, i) =>
    createHash('sha256').update(String(i)).digest(),
  )
  return Buffer.concat(blocks).subarray(0, length)
}

function archiveOf(
  files: Readonly<Record<string, Uint8Array>>,
  archive: Uint8Array,
  url = '',
  more: { readonly title?: string; readonly into?: string } = {},
): ArchivePins {
  return {
    title: 'the library',
    into: '',
    files: Object.fromEntries(
      Object.entries(files).map(([name, data]) => [name, { bytes: data.length, sha256: sha256(data) }]),
    ),
    sources:
      url === '' ? [] : [{ kind: 'address', title: 'the test', url, bytes: archive.length, sha256: sha256(archive) }],
    ...more,
  }
}

const pinsOf = (...parts: Parameters<typeof archiveOf>): EnginePins => [archiveOf(...parts)]

const fakeFiles = { [libraryFiles.library]: bytes(300_000), [libraryFiles.framework]: bytes(5000) }
const fakeArchive = storedZip({
  'tensorflow/readme.txt': bytes(100),
  ...Object.fromEntries(Object.entries(fakeFiles).map(([name, data]) => [`tensorflow/${name}`, data])),
})
const working: EngineStatus = { id: 'native', available: true, version: '2.21.0' }

/** An installed build; what it holds doesn't matter here. */
async function installOld(): Promise<string> {
  const build = join(engineFolder('native', engines), 'build-old')
  await mkdir(build, { recursive: true })
  await writeFile(join(build, 'mark'), 'old')
  await writeFile(join(engineFolder('native', engines), 'active.json'), JSON.stringify({ build: 'build-old' }))
  return build
}

/** The old build is active and whole, and nothing is left of a new one. */
async function expectOld(build: string): Promise<void> {
  expect(activeBuild(engineFolder('native', engines))).toBe(build)
  expect(await readFile(join(build, 'mark'), 'utf8')).toBe('old')
  const left = readdirSync(engineFolder('native', engines)).filter((name) => !name.startsWith('download-'))
  expect(left.sort()).toEqual(['active.json', 'build-old'])
}

describe('download', () => {
  const content = bytes(200_000)
  const wanted = (url: string, more: { sha256?: string } = {}): Parameters<typeof download>[0] => ({
    url,
    path: join(folder, 'file'),
    bytes: content.length,
    sha256: sha256(content),
    title: 'the test',
    onProgress: () => {},
    ...more,
  })

  test('goes on where the line broke', async () => {
    const starts: number[] = []
    const url = await serve((request, response) => {
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
      starts.push(from)
      response.writeHead(from === 0 ? 200 : 206, { 'content-length': content.length - from })
      if (starts.length > 2) response.end(content.subarray(from))
      else response.write(content.subarray(from, from + 60_000), () => setTimeout(() => response.destroy(), 50))
    })
    await download(wanted(url))
    expect(await readFile(join(folder, 'file'))).toEqual(content)
    expect(starts[0]).toBe(0)
    expect(starts.slice(1).every((start) => start > 0)).toBe(true)
  })

  test('begins again with a server that knows no ranges', async () => {
    const url = await serve((_, response) => response.end(content))
    await writeFile(join(folder, 'file'), content.subarray(0, 1000))
    await download(wanted(url))
    expect(await readFile(join(folder, 'file'))).toEqual(content)
  })

  test('refuses a file with another checksum, and keeps nothing of it', async () => {
    const url = await serve((_, response) => response.end(content))
    await expect(download(wanted(url, { sha256: sha256(bytes(5)) }))).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringMatching(/checksum .* differs/),
    })
    expect(existsSync(join(folder, 'file'))).toBe(false)
  })

  test('gives up on a server that only refuses', async () => {
    const url = await serve((_, response) => response.writeHead(403).end())
    await expect(download(wanted(url))).rejects.toThrow('the test answered 403')
  })
})

describe('a package index', () => {
  const name = 'pack-1.0-py3.whl'
  test.each([
    ['JSON', JSON.stringify({ files: [{ filename: name, url: `../files/ab/${name}`, hashes: {} }] })],
    ['HTML', `<a href="../files/ab/${name}#sha256=12">${name}</a>`],
  ])('says in %s where a file is', async (_, page) => {
    const url = await serve((_request, response) => response.end(page))
    const index = `${new URL(url).origin}/simple/`
    expect(await findInIndex(index, 'pack', name)).toBe(`${new URL(url).origin}/simple/files/ab/${name}`)
    await expect(findInIndex(index, 'pack', 'other.whl')).rejects.toMatchObject({ code: 'not-found' })
  })
})

describe('an archive', () => {
  const take = async (archive: Uint8Array, files: ArchivePins['files']): Promise<string[]> => {
    await writeFile(join(folder, 'archive'), archive)
    const target = join(folder, 'target')
    await mkdir(target)
    await extract(join(folder, 'archive'), target, { files, title: 'the library' }, () => {})
    return readdirSync(target).sort()
  }
  const { files } = archiveOf(fakeFiles, fakeArchive)

  test('gives the wanted files, whole, and nothing else', async () => {
    expect(await take(fakeArchive, files)).toEqual(Object.keys(fakeFiles).sort())
    for (const [name, data] of Object.entries(fakeFiles)) {
      expect(await readFile(join(folder, 'target', name))).toEqual(data)
    }
  })

  test('is refused when it is cut off', async () => {
    await expect(take(fakeArchive.subarray(0, 200_000), files)).rejects.toMatchObject({ code: 'bad-input' })
  })

  test('is refused when a file is another one of the same length', async () => {
    const other = { ...fakeFiles, [libraryFiles.framework]: bytes(5001).subarray(1) }
    await expect(take(storedZip(other), files)).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringContaining(libraryFiles.framework),
    })
  })

  test('is refused when a file is missing, by its name', async () => {
    await expect(take(storedZip({ [libraryFiles.library]: bytes(300_000) }), files)).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringContaining(libraryFiles.framework),
    })
  })
})

describe('the compiler', () => {
  test('is asked for in plain words when there is none', async () => {
    const missing = [{ command: join(folder, 'no-compiler'), arguments: [] }]
    await expect(findCompiler(missing)).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(/^No C\+\+ compiler was found/),
    })
  })

  test('gets only the sources that the patch is for', () => {
    expect(() => patchBinding('int main() {}')).toThrow(/not those of version 4\.22\.0/)
  })
})

const canInstall = compiler !== null && onLinux
const titled = (title: string): string =>
  canInstall ? title : `${title} (skipped: it needs Linux on x86-64 and a C++ compiler)`

describe.skipIf(!canInstall)(titled('an installation that fails'), () => {
  const install = (
    pins: EnginePins,
    more: {
      file?: string
      signal?: AbortSignal
      launcher?: Launcher
      probe?: () => Promise<EngineStatus>
      onProgress?: (event: InstallProgress) => void
    } = {},
  ): Promise<EngineStatus> =>
    installEngine({
      engine: 'native',
      launcher: forkLauncher,
      engines,
      pins,
      onProgress: () => {},
      probe: async () => working,
      ...more,
    })

  test('for an archive that is cut off leaves the old engine working', async () => {
    const old = await installOld()
    const file = join(folder, 'cut.whl')
    await writeFile(file, fakeArchive.subarray(0, 100_000))
    await expect(install(pinsOf(fakeFiles, fakeArchive), { file })).rejects.toMatchObject({ code: 'bad-input' })
    await expectOld(old)
    expect(existsSync(file)).toBe(true)
  })

  test('for a wrong checksum leaves the old engine working', async () => {
    const old = await installOld()
    const url = await serve((_, response) => response.end(fakeArchive.map((byte) => byte ^ 1)))
    await expect(install(pinsOf(fakeFiles, fakeArchive, url))).rejects.toMatchObject({ code: 'corrupt' })
    await expectOld(old)
  })

  test('for libraries that nothing can be linked with leaves the old engine working', async () => {
    const old = await installOld()
    const url = await serve((_, response) => response.end(fakeArchive))
    await expect(install(pinsOf(fakeFiles, fakeArchive, url))).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(/did not compile/),
    })
    await expectOld(old)
  })

  test('for want of a network says so, and how to do without', async () => {
    const url = await serve((_, response) => response.writeHead(503).end())
    await expect(install(pinsOf(fakeFiles, fakeArchive, url))).rejects.toMatchObject({
      code: 'not-found',
      hint: expect.stringContaining('--from FILE'),
    })
    expect(activeBuild(engineFolder('native', engines))).toBeNull()
  })

  /** Sends half of the archive to the first caller and then nothing. */
  const stalling = async (): Promise<{ url: string; ranges: (string | undefined)[]; half: Promise<unknown> }> => {
    const ranges: (string | undefined)[] = []
    const { promise: half, resolve } = Promise.withResolvers<unknown>()
    const url = await serve((request, response) => {
      ranges.push(request.headers.range)
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
      if (ranges.length > 1) {
        response.writeHead(206).end(fakeArchive.subarray(from))
        return
      }
      response.writeHead(200, { 'content-length': fakeArchive.length })
      response.write(fakeArchive.subarray(0, 150_000), () => setTimeout(() => resolve(null), 300))
    })
    return { url, ranges, half }
  }

  test('because it was cancelled leaves the old engine working, and goes on later where it stopped', async () => {
    const old = await installOld()
    const { url, ranges, half } = await stalling()
    const abort = new AbortController()
    const pins = pinsOf(fakeFiles, fakeArchive, url)
    const installing = install(pins, { signal: abort.signal })
    void half.then(() => abort.abort())
    await expect(installing).rejects.toMatchObject({ code: 'cancelled' })
    await expectOld(old)
    // These libraries are no libraries; that it comes to compiling shows that the download was whole.
    await expect(install(pins)).rejects.toThrow(/did not compile/)
    expect(ranges).toEqual([undefined, 'bytes=150000-'])
  })

  test('because its process was killed leaves the old engine working', async () => {
    const old = await installOld()
    const { url, half } = await stalling()
    const pids: number[] = []
    const launcher: Launcher = {
      spawn<In, Out>(entry: URL, env: Readonly<Record<string, string>>) {
        const child = forkLauncher.spawn<In, Out>(entry, env)
        pids.push(child.pid ?? 0)
        return child
      },
    }
    const installing = install(pinsOf(fakeFiles, fakeArchive, url), { launcher })
    void half.then(() => process.kill(pids[0], 'SIGKILL'))
    await expect(installing).rejects.toMatchObject({ code: 'worker-died' })
    await expectOld(old)
  })

  test('while another one runs says so', async () => {
    const { url, half } = await stalling()
    const abort = new AbortController()
    const pins = pinsOf(fakeFiles, fakeArchive, url)
    const first = install(pins, { signal: abort.signal })
    first.catch(() => {})
    await half
    await expect(install(pins)).rejects.toMatchObject({ code: 'conflict' })
    abort.abort()
    await expect(first).rejects.toMatchObject({ code: 'cancelled' })
  })
})

describe.skipIf(!canInstall || compiler?.command === 'zig')(titled('an installation'), () => {
  /** Libraries with the right names and nothing in them: the binding links with them, though it can't be loaded. */
  const emptyLibraries = async (): Promise<{ pins: EnginePins; file: string }> => {
    const files: Record<string, Uint8Array> = {}
    for (const name of [libraryFiles.library, libraryFiles.framework]) {
      const path = join(folder, name)
      const empty = join(folder, 'empty.cc')
      await writeFile(empty, '')
      execFileSync(compiler?.command ?? '', ['-shared', `-Wl,-soname,${name}`, empty, '-o', path])
      files[name] = await readFile(path)
    }
    const archive = storedZip(files)
    await writeFile(join(folder, 'archive.whl'), archive)
    return { pins: pinsOf(files, archive), file: join(folder, 'archive.whl') }
  }

  test('tests the new build, then replaces the old one; a leftover of a killed one is removed', async () => {
    const old = await installOld()
    await mkdir(join(engineFolder('native', engines), 'build-dead'))
    // No process has this id.
    await writeFile(join(engineFolder('native', engines), 'install.lock'), '4194305')
    const { pins, file } = await emptyLibraries()
    const phases = new Set<string>()
    const tested: string[] = []
    const status = await installEngine({
      engine: 'native',
      launcher: forkLauncher,
      engines,
      pins,
      file,
      onProgress: ({ phase }) => phases.add(phase),
      probe: async (build) => {
        tested.push(build)
        // Until the test has passed, the old one is the active one.
        expect(activeBuild(engineFolder('native', engines))).toBe(old)
        return working
      },
    })
    expect(status).toBe(working)
    expect([...phases]).toEqual(['unpacking', 'compiling', 'testing'])
    const active = activeBuild(engineFolder('native', engines))
    expect(tested).toEqual([active])
    expect(readdirSync(active ?? '').sort()).toEqual(Object.values(libraryFiles).sort())
    expect(readdirSync(engineFolder('native', engines)).filter((name) => name.startsWith('build-'))).toHaveLength(1)
    expect(await uninstallEngine('native', engines)).toBe(true)
    expect(activeBuild(engineFolder('native', engines))).toBeNull()
    expect(existsSync(engineFolder('native', engines))).toBe(false)
    expect(await uninstallEngine('native', engines)).toBe(false)
  })

  test('whose test fails leaves the old engine working', async () => {
    const old = await installOld()
    const { pins, file } = await emptyLibraries()
    const installing = installEngine({
      engine: 'native',
      launcher: forkLauncher,
      engines,
      pins,
      file,
      onProgress: () => {},
    })
    await expect(installing).rejects.toMatchObject({
      code: 'engine-unavailable',
      message: expect.stringMatching(/^The native engine does not work here/),
    })
    await expectOld(old)
  })
})
