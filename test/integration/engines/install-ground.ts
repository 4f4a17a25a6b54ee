/** What tests of installing share: a folder of their own, a server, archives that hold next to nothing. */
import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect } from 'vitest'
import type { ArchivePins, EnginePins } from '#main/compute/engine-install/archive-pins.ts'
import { findCompilers } from '#main/compute/engine-install/compile.ts'
import { activeBuild, engineFolder, libraryFiles } from '#main/compute/engine-install/folders.ts'
import type { EngineStatus } from '#shared/domain/engine.ts'
import { storedZip } from './stored-zip.ts'

export const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex')
export const [compiler = null] = await findCompilers().catch(() => [])
export const onLinux = process.platform === 'linux' && process.arch === 'x64'

export let folder: string
export let engines: string
const closing: (() => void)[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tmu-install-'))
  engines = join(folder, 'engines')
})
afterEach(async () => {
  for (const close of closing.splice(0)) close()
  // A compiler whose installer was killed is just ending, and may still write.
  await rm(folder, { recursive: true, maxRetries: 20 })
})

/** Serves on this machine only; returns the address. */
export async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/archive`
}

/** Bytes of no pattern, so that nothing lost or doubled goes unseen. */
export function bytes(length: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, i) =>
    createHash('sha256').update(String(i)).digest(),
  )
  return Buffer.concat(blocks).subarray(0, length)
}

export function archiveOf(
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

export const pinsOf = (...parts: Parameters<typeof archiveOf>): EnginePins => [archiveOf(...parts)]

export const fakeFiles = { [libraryFiles.library]: bytes(300_000), [libraryFiles.framework]: bytes(5000) }
export const fakeArchive = storedZip({
  'tensorflow/readme.txt': bytes(100),
  ...Object.fromEntries(Object.entries(fakeFiles).map(([name, data]) => [`tensorflow/${name}`, data])),
})
export const working: EngineStatus = { id: 'native', available: true, version: '2.21.0' }

/** An installed build; what it holds doesn't matter here. */
export async function installOld(): Promise<string> {
  const build = join(engineFolder('native', engines), 'build-old')
  await mkdir(build, { recursive: true })
  await writeFile(join(build, 'mark'), 'old')
  await writeFile(join(engineFolder('native', engines), 'active.json'), JSON.stringify({ build: 'build-old' }))
  return build
}

/** The old build is active and whole, and nothing is left of a new one. */
export async function expectOld(build: string): Promise<void> {
  expect(activeBuild(engineFolder('native', engines))).toBe(build)
  expect(await readFile(join(build, 'mark'), 'utf8')).toBe('old')
  const left = readdirSync(engineFolder('native', engines)).filter((name) => !name.startsWith('download-'))
  expect(left.sort()).toEqual(['active.json', 'build-old'])
}
