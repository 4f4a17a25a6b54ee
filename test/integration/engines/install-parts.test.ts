import { existsSync, readdirSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { ArchivePins } from '#main/compute/engine-install/archive-pins.ts'
import { patchBinding } from '#main/compute/engine-install/binding-patch.ts'
import { type Compiler, compileBinding, findCompilers } from '#main/compute/engine-install/compile.ts'
import { download } from '#main/compute/engine-install/download.ts'
import { extract } from '#main/compute/engine-install/extract.ts'
import { libraryFiles } from '#main/compute/engine-install/folders.ts'
import { findInIndex } from '#main/compute/engine-install/package-index.ts'
import { requireSystem } from '#main/compute/engine-install/prepare-build.ts'
import { AppError } from '#shared/errors.ts'
import { archiveOf, bytes, fakeArchive, fakeFiles, folder, onLinux, serve, sha256 } from './install-ground.ts'
import { storedZip } from './stored-zip.ts'

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
    let onProgress = (_done: number): void => {}
    const url = await serve((request, response) => {
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
      starts.push(from)
      response.writeHead(from === 0 ? 200 : 206, { 'content-length': content.length - from })
      if (starts.length > 2) {
        response.end(content.subarray(from))
        return
      }
      const sent = from + 60_000
      // What is on its way when a line breaks may be lost: it breaks when all of it has come.
      onProgress = (done) => {
        if (done === sent) response.destroy()
      }
      response.write(content.subarray(from, sent))
    })
    await download({ ...wanted(url), onProgress: (done) => onProgress(done) })
    expect(await readFile(join(folder, 'file'))).toEqual(content)
    expect(starts).toEqual([0, 60_000, 120_000])
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

  test('outlasts a short outage, with a pause before each further attempt, and gives up after the last', async () => {
    const at: number[] = []
    let failures = 2
    const url = await serve((_, response) => {
      at.push(performance.now())
      if (at.length > failures) response.end(content)
      else response.writeHead(503).end()
    })
    await download(wanted(url), [100, 300])
    expect(await readFile(join(folder, 'file'))).toEqual(content)
    expect(at).toHaveLength(3)
    expect(at[1] - at[0]).toBeGreaterThan(95)
    expect(at[2] - at[1]).toBeGreaterThan(295)

    await rm(join(folder, 'file'))
    at.length = 0
    failures = 3
    await expect(download(wanted(url), [1, 1])).rejects.toThrow('the test answered 503')
    expect(at).toHaveLength(3)
  })

  test('does not ask a server again that refuses', async () => {
    let asked = 0
    const url = await serve((_, response) => {
      asked++
      response.writeHead(403).end()
    })
    await expect(download(wanted(url))).rejects.toThrow('the test answered 403')
    expect(asked).toBe(1)
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
    const { url: found } = await findInIndex(index, 'pack', name)
    expect(found.href).toBe(`${new URL(url).origin}/simple/files/ab/${name}`)
    await expect(findInIndex(index, 'pack', 'other.whl')).rejects.toMatchObject({ code: 'not-found' })
  })
})

describe('a package index that wants a password', () => {
  const name = 'pack-1.0-py3.whl'
  const content = bytes(1000)
  const secret = 'to/ken:x'
  const credentials = `user:${encodeURIComponent(secret)}@`
  const authorization = `Basic ${Buffer.from(`user:${secret}`).toString('base64')}`

  /** Two servers: of the index, and of a file that it says lies elsewhere. */
  async function start(): Promise<{ readonly index: string; readonly seen: (string | undefined)[] }> {
    const seen: (string | undefined)[] = []
    const elsewhere = new URL(
      await serve((request, response) => {
        seen.push(request.headers.authorization)
        response.end(content)
      }),
    ).origin
    const url = await serve((request, response) => {
      if (request.headers.authorization !== authorization) response.writeHead(401).end()
      else if (request.url === `/files/${name}`) response.end(content)
      else if (request.url === '/simple/near/') response.end(`<a href="/files/${name}">${name}</a>`)
      else response.end(`<a href="${elsewhere}/files/${name}">${name}</a>`)
    })
    return { index: `${new URL(url).origin}/simple`, seen }
  }
  const fetchFrom = async (index: string, project: string): Promise<string> => {
    const { url, headers } = await findInIndex(index, project, name)
    const path = join(folder, 'file')
    const title = 'the test'
    const file = { path, bytes: content.length, sha256: sha256(content), title, onProgress: () => {} }
    await download({ url: url.href, headers, ...file })
    expect(await readFile(path)).toEqual(content)
    return url.href
  }

  test('gets the one in its address, for the file too, and no other server gets it', async () => {
    const { index, seen } = await start()
    const known = index.replace('//', `//${credentials}`)
    expect(await fetchFrom(known, 'near')).toBe(`${new URL(index).origin}/files/${name}`)
    await rm(join(folder, 'file'))
    await fetchFrom(known, 'far')
    expect(seen).toEqual([undefined])
  })

  test('says that it was refused, without the password', async () => {
    const { index } = await start()
    const wrong = index.replace('//', '//user:hush@')
    await expect(findInIndex(index, 'near', name)).rejects.toThrow('answered 401')
    for (const address of [wrong, 'user:hush@example.org/simple', 'https://user:hush@/simple']) {
      const error = await findInIndex(address, 'near', name).catch((refused: unknown) => refused)
      expect(error).toBeInstanceOf(AppError)
      expect(inspect(error, { depth: 5 })).not.toContain('hush')
    }
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
  /** A program that does what its lines of shell say. */
  const fakeCompiler = async (name: string, lines: string): Promise<Compiler> => {
    const path = join(folder, name)
    await writeFile(path, `#!/bin/sh\n${lines}\n`, { mode: 0o755 })
    return { command: ['/bin/sh', path], version: '--version', arguments: ['-from', name] }
  }
  const failing = (name: string): Promise<Compiler> => fakeCompiler(name, `echo "${name} knows no C++17" >&2\nexit 1`)

  test('that is a command with arguments of its own is found, and one that does not answer is not', async () => {
    const module = await fakeCompiler('module', '[ "$1" = --version ]')
    expect(await findCompilers([await failing('broken'), module])).toEqual([module])
  })

  test.skipIf(!onLinux)('that fails is followed by the next one', async () => {
    // Writes what it was called with where the binding belongs.
    const works = await fakeCompiler(
      'works',
      'all="$*"\nwhile [ "$1" != -o ]; do shift; done\necho "$all" > "$2"\necho warned >&2',
    )
    await compileBinding([await failing('old'), works], folder)
    const command = await readFile(join(folder, libraryFiles.binding), 'utf8')
    expect(command).toMatch(/^-from works .*-std=c\+\+17.* -o /)
    expect(existsSync(join(folder, 'sources'))).toBe(false)
  })

  test.skipIf(!onLinux)('is named with all others when none worked, with what the first one said', async () => {
    await expect(compileBinding([await failing('old'), await failing('older')], folder)).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(/did not compile with .*old, nor with .*older\.$/),
      details: ['old knows no C++17'],
    })
  })

  test('is asked for in plain words when there is none', async () => {
    const missing: Compiler = { command: [join(folder, 'no-compiler')], version: '--version', arguments: [] }
    await expect(findCompilers([missing])).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(/^No C\+\+ compiler was found/),
    })
  })

  test('gets only the sources that the patch is for', () => {
    expect(() => patchBinding('tfjs_backend.cc', 'int main() {}')).toThrow(/not those of version 4\.22\.0/)
  })
})

describe('a system', () => {
  test.each([
    [
      'an older glibc',
      { platform: 'linux', arch: 'x64', glibc: '2.17' },
      'needs glibc 2.27 or newer; this system has 2.17',
    ],
    ['another C library', { platform: 'linux', arch: 'x64', glibc: undefined }, 'this system has another C library'],
    ['another processor', { platform: 'linux', arch: 'arm64', glibc: '2.36' }, 'no native engine for linux on arm64'],
    ['another system', { platform: 'win32', arch: 'x64', glibc: undefined }, 'no native engine for win32 on x64'],
  ])('with %s is told so, and what to use instead', (_, system, what) => {
    expect(() => requireSystem('native', system)).toThrow(
      expect.objectContaining({
        code: 'unsupported',
        message: expect.stringContaining(what),
        hint: expect.stringContaining('wasm'),
      }),
    )
  })

  test('with glibc 2.27 or newer is taken', () => {
    for (const glibc of ['2.27', '2.36', '3.0']) requireSystem('cuda', { platform: 'linux', arch: 'x64', glibc })
  })
})
