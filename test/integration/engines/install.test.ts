import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import type { EnginePins } from '#main/compute/engine-install/archive-pins.ts'
import {
  activeBuild,
  activeBuildFile,
  engineFolder,
  hasCurrentBinding,
  libraryFiles,
} from '#main/compute/engine-install/folders.ts'
import { installEngine, uninstallEngine } from '#main/compute/engine-install/install.ts'
import type { InstallProgress } from '#main/compute/engine-install/job.ts'
import { forkLauncher } from '#main/compute/pool/fork-launcher.ts'
import type { Launcher } from '#main/compute/pool/launcher.ts'
import type { EngineStatus } from '#shared/domain/engine.ts'
import {
  archiveOf,
  bytes,
  compiler,
  engines,
  expectOld,
  fakeArchive,
  fakeFiles,
  folder,
  installOld,
  onLinux,
  pinsOf,
  serve,
  working,
} from './install-ground.ts'
import { storedZip } from './stored-zip.ts'

const probedWorker = new URL('../pool/children/probed-worker.ts', import.meta.url)
const canInstall = compiler !== null && onLinux
const titled = (title: string): string =>
  canInstall ? title : `${title} (skipped: it needs Linux on x86-64 and a C++ compiler)`

/** One that has ended may still be listed, until whoever adopted it takes note. */
function isRunning(pid: string): boolean {
  const path = `/proc/${pid.trim()}/stat`
  return existsSync(path) && !/\) Z /.test(readFileSync(path, 'utf8'))
}

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

  test('for a wrong checksum at one source takes the next one', async () => {
    const asked: string[] = []
    const url = await serve((request, response) => {
      asked.push(String(request.url))
      response.end(request.url === '/good' ? fakeArchive : fakeArchive.map((byte) => byte ^ 1))
    })
    const [archive] = pinsOf(fakeFiles, fakeArchive)
    const sourcesOf = (...paths: readonly string[]): EnginePins => [
      {
        ...archive,
        sources: paths.flatMap((path) =>
          archiveOf({}, fakeArchive, new URL(path, url).href).sources.map((source) => ({ ...source, title: path })),
        ),
      },
    ]
    // These libraries are no libraries; that it comes to compiling shows that the download was right.
    await expect(install(sourcesOf('/bad', '/good'))).rejects.toThrow(/did not compile/)
    expect(asked).toEqual(['/bad', '/good'])
    await uninstallEngine('native', engines)
    await expect(install(sourcesOf('/bad', '/worse'))).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringMatching(/checksum .*\/bad differs .*checksum .*\/worse differs/),
      hint: expect.stringContaining('--from FILE'),
    })
  })

  test('for want of space for the next source’s larger file says so, before that is fetched', async () => {
    const asked: string[] = []
    const url = await serve((request, response) => {
      asked.push(String(request.url))
      response.writeHead(404).end()
    })
    const [archive] = pinsOf(fakeFiles, fakeArchive, url)
    const larger = { ...archive.sources[0], bytes: 2 ** 60, sha256: '0'.repeat(64) }
    await expect(install([{ ...archive, sources: [archive.sources[0], larger] }])).rejects.toMatchObject({
      code: 'disk-full',
      message: expect.stringMatching(/MiB left; installing the native engine needs/),
    })
    expect(asked).toEqual(['/archive'])
  })

  test('for a path that isn’t there says so before it asks for a compiler', async () => {
    const file = join(folder, 'mistyped.whl')
    const launcher: Launcher = { spawn: (entry, env) => forkLauncher.spawn(entry, { ...env, PATH: folder }) }
    await expect(install(pinsOf(fakeFiles, fakeArchive), { launcher, file })).rejects.toMatchObject({
      code: 'not-found',
      message: `There is no file or folder "${file}".`,
      hint: expect.stringContaining('tmu engine files native'),
    })
  })

  test('for a folder that can’t be there names it and the cause', async () => {
    const file = join(folder, 'file')
    const circle = join(folder, 'circle')
    await writeFile(file, '')
    await symlink(circle, circle)
    const places = [
      [file, 'a part of its path is a file'],
      [circle, 'its links lead in a circle'],
      [join(folder, 'n'.repeat(300)), 'its path is too long'],
      // Here, Node would try for ever.
      ['/proc/tmu-engines', 'it can’t be created there ("/proc/tmu-engines")'],
    ] as const
    for (const [place, cause] of places) {
      const installing = installEngine({
        engine: 'native',
        launcher: forkLauncher,
        engines: place,
        pins: pinsOf(fakeFiles, fakeArchive),
        onProgress: () => {},
      })
      await expect(installing).rejects.toMatchObject({
        code: 'bad-input',
        message: `The folder of the engine, "${engineFolder('native', place)}", can’t be used: ${cause}.`,
        hint: expect.stringContaining('TMU_ENGINES'),
      })
    }
    await expect(uninstallEngine('native', file)).rejects.toThrow(/a part of its path is a file/)
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
    const url = await serve((_, response) => response.writeHead(404).end())
    await expect(install(pinsOf(fakeFiles, fakeArchive, url))).rejects.toMatchObject({
      code: 'not-found',
      hint: expect.stringContaining('--from FILE'),
    })
    expect(activeBuild(engineFolder('native', engines))).toBeNull()
  })

  /** Sends half of the archive to the first caller and then nothing; `half` resolves when all of that is in its file. */
  const stalling = async (): Promise<{ url: string; ranges: (string | undefined)[]; half: Promise<unknown> }> => {
    const ranges: (string | undefined)[] = []
    const { promise: half, resolve } = Promise.withResolvers<unknown>()
    const own = engineFolder('native', engines)
    const downloaded = async (): Promise<readonly number[]> => {
      const names = (await readdir(own)).filter((name) => name.startsWith('download-'))
      return await Promise.all(names.map(async (name) => (await stat(join(own, name))).size))
    }
    const url = await serve((request, response) => {
      ranges.push(request.headers.range)
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
      if (ranges.length > 1) {
        response.writeHead(206).end(fakeArchive.subarray(from))
        return
      }
      response.writeHead(200, { 'content-length': fakeArchive.length })
      response.write(fakeArchive.subarray(0, 150_000))
      resolve(vi.waitFor(async () => expect(await downloaded()).toEqual([150_000]), { timeout: 60_000 }))
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

  const killable = (more: Record<string, string> = {}): { launcher: Launcher; kill: () => void } => {
    const pids: number[] = []
    const launcher: Launcher = {
      spawn<In, Out>(entry: URL, env: Readonly<Record<string, string>>) {
        const child = forkLauncher.spawn<In, Out>(entry, { ...env, ...more })
        pids.push(child.pid ?? 0)
        return child
      },
    }
    return { launcher, kill: () => process.kill(pids[0], 'SIGKILL') }
  }

  test('because its process was killed in the download leaves the old engine working', async () => {
    const old = await installOld()
    const { url, half } = await stalling()
    const { launcher, kill } = killable()
    const installing = install(pinsOf(fakeFiles, fakeArchive, url), { launcher })
    void half.then(kill)
    await expect(installing).rejects.toMatchObject({ code: 'worker-died' })
    await expectOld(old)
  })

  test.each(['unpacking', 'compiling'] as const)(
    'because its process was killed while %s leaves the old engine working',
    async (phase) => {
      const old = await installOld()
      const file = join(folder, 'whole.whl')
      await writeFile(file, fakeArchive)
      // One that ends by itself could be faster than the signal.
      await writeFile(join(folder, 'g++'), '#!/bin/sh\n[ "$1" = --version ] || sleep 60\n', { mode: 0o755 })
      const { launcher, kill } = killable({ PATH: `${folder}:${process.env.PATH}` })
      const onProgress = (event: InstallProgress): void => {
        if (event.phase === phase) kill()
      }
      const installing = install(pinsOf(fakeFiles, fakeArchive), { launcher, file, onProgress })
      await expect(installing).rejects.toMatchObject({
        code: 'worker-died',
        hint: expect.stringContaining('try again'),
      })
      await expectOld(old)
    },
  )

  test('because it was cancelled while compiling leaves no compiler running', async () => {
    const old = await installOld()
    const file = join(folder, 'whole.whl')
    await writeFile(file, fakeArchive)
    // As the true one does, it has a child that works.
    const work = `sleep 60 & echo $! > "${folder}/pid.new"; mv "${folder}/pid.new" "${folder}/pid"; wait`
    await writeFile(join(folder, 'g++'), `#!/bin/sh\n[ "$1" = --version ] || { ${work}; }\n`, { mode: 0o755 })
    const launcher: Launcher = {
      spawn: (entry, env) => forkLauncher.spawn(entry, { ...env, PATH: `${folder}:${process.env.PATH}` }),
    }
    const abort = new AbortController()
    const installing = install(pinsOf(fakeFiles, fakeArchive), { launcher, file, signal: abort.signal })
    installing.catch(() => {})
    const pid = await vi.waitFor(() => readFile(join(folder, 'pid'), 'utf8'), { timeout: 60_000 })
    expect(isRunning(pid)).toBe(true)
    abort.abort()
    await expect(installing).rejects.toMatchObject({ code: 'cancelled' })
    await vi.waitFor(() => expect(isRunning(pid)).toBe(false), { timeout: 30_000 })
    await expectOld(old)
  })

  test('because there is no compiler says which to install, before anything is fetched', async () => {
    const old = await installOld()
    let asked = 0
    const url = await serve((_, response) => {
      asked++
      response.end(fakeArchive)
    })
    const launcher: Launcher = { spawn: (entry, env) => forkLauncher.spawn(entry, { ...env, PATH: folder }) }
    await expect(install(pinsOf(fakeFiles, fakeArchive, url), { launcher })).rejects.toMatchObject({
      code: 'unsupported',
      hint: expect.stringMatching(/g\+\+.*zig/),
    })
    expect(asked).toBe(0)
    await expectOld(old)
  })

  test('for want of space says how much is needed, before anything is fetched', async () => {
    const old = await installOld()
    let asked = 0
    const url = await serve((_, response) => {
      asked++
      response.end(fakeArchive)
    })
    const [archive] = pinsOf(fakeFiles, fakeArchive, url)
    const huge = { ...archive, files: { ...archive.files, 'huge.so': { bytes: 2 ** 60, sha256: '' } } }
    await expect(install([huge])).rejects.toMatchObject({
      code: 'disk-full',
      message: expect.stringMatching(/MiB left; installing the native engine needs/),
    })
    expect(asked).toBe(0)
    await expectOld(old)
  })

  test('for a disk that fills up meanwhile leaves the old engine working', async (context) => {
    await mkdir(engines)
    const options = ['-t', 'tmpfs', '-o', 'size=90m', 'tmpfs', engines]
    if (spawnSync('mount', options).status !== 0) context.skip('a small disk can be mounted by root only')
    try {
      const old = await installOld()
      const big = { ...fakeFiles, [libraryFiles.library]: bytes(4 * 2 ** 20) }
      const archive = storedZip(big)
      const file = join(folder, 'big.whl')
      await writeFile(file, archive)
      // What somebody else writes there after the installer has looked.
      await writeFile(join(engines, 'other'), Buffer.alloc(0))
      const onProgress = ({ phase }: InstallProgress): void => {
        if (phase === 'testing') throw new Error('There was space for all of it.')
      }
      const { promise: looked, resolve } = Promise.withResolvers<unknown>()
      const url = await serve(async (_, response) => {
        resolve(null)
        await filled
        response.end(archive)
      })
      const filled = looked.then(() => writeFile(join(engines, 'other'), Buffer.alloc(100 * 2 ** 20)).catch(() => {}))
      await expect(install(pinsOf(big, archive, url), { onProgress })).rejects.toMatchObject({
        code: 'disk-full',
        hint: expect.stringContaining('nothing was changed'),
      })
      await rm(join(engines, 'other'))
      await expectOld(old)
    } finally {
      spawnSync('umount', [engines])
    }
  })

  test('for a folder that lacks some of its archives names them', async () => {
    const old = await installOld()
    const given = join(folder, 'given')
    await mkdir(given)
    await writeFile(join(given, 'archive'), fakeArchive)
    const [first] = pinsOf(fakeFiles, fakeArchive, 'http://127.0.0.1/archive')
    const pins = [
      first,
      { ...first, title: 'cuWhat 1.0', sources: pinsOf({}, fakeArchive, 'http://127.0.0.1/cuwhat.whl')[0].sources },
    ]
    await expect(install(pins, { file: given })).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringMatching(/lacks cuWhat 1\.0 \(cuwhat\.whl\)/),
    })
    await expect(install(pins, { file: join(given, 'archive') })).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringMatching(/needs 2 archives/),
    })
    await expectOld(old)
  })

  test('on a disk that is full says so, and needs nothing but space to go on', async (context) => {
    await mkdir(engines)
    const options = ['-t', 'tmpfs', '-o', 'size=90m', 'tmpfs', engines]
    if (spawnSync('mount', options).status !== 0) context.skip('a small disk can be mounted by root only')
    try {
      const old = await installOld()
      const url = await serve((_, response) => response.end(fakeArchive))
      const pins = pinsOf(fakeFiles, fakeArchive, url)
      await writeFile(join(engines, 'other'), Buffer.alloc(100 * 2 ** 20)).catch(() => {})
      await expect(install(pins)).rejects.toMatchObject({ code: 'disk-full', hint: expect.stringContaining('space') })
      await rm(join(engines, 'other'))
      await expectOld(old)
      // Wrong, but no longer for want of space, nor because of the first attempt.
      await expect(install(pinsOf(fakeFiles, fakeArchive.subarray(1), url))).rejects.toMatchObject({ code: 'corrupt' })
      expect(await uninstallEngine('native', engines)).toBe(true)
    } finally {
      spawnSync('umount', [engines])
    }
  })

  test('isn\u2019t held up by one that was killed', async () => {
    const { url, half } = await stalling()
    const pins = pinsOf(fakeFiles, fakeArchive, url)
    const script = [
      `import { alone } from ${JSON.stringify(import.meta.resolve('#main/compute/engine-install/alone.ts'))}`,
      `await alone(${JSON.stringify(engineFolder('native', engines))}, 'native', async () => {`,
      `  process.stdout.write('alone')`,
      `  await new Promise((done) => setTimeout(done, 60_000))`,
      `})`,
    ]
    const other = spawn(process.execPath, ['--input-type=module', '-e', script.join('\n')], { stdio: 'pipe' })
    await once(other.stdout, 'data')
    await expect(install(pins)).rejects.toMatchObject({ code: 'conflict' })
    await expect(uninstallEngine('native', engines)).rejects.toMatchObject({ code: 'conflict' })
    other.kill('SIGKILL')
    await once(other, 'exit')
    const abort = new AbortController()
    const again = install(pins, { signal: abort.signal })
    again.catch(() => {})
    await half
    abort.abort()
    await expect(again).rejects.toMatchObject({ code: 'cancelled' })
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

describe.skipIf(!canInstall || compiler?.version === 'version')(titled('an installation'), () => {
  /** Libraries with the right names and nothing in them: the binding links with them, though it can't be loaded. */
  const emptyLibraries = async (): Promise<{ pins: EnginePins; file: string }> => {
    const files: Record<string, Uint8Array> = {}
    for (const name of [libraryFiles.library, libraryFiles.framework]) {
      const path = join(folder, name)
      const empty = join(folder, 'empty.cc')
      await writeFile(empty, '')
      execFileSync(compiler?.command[0] ?? '', ['-shared', `-Wl,-soname,${name}`, empty, '-o', path])
      files[name] = await readFile(path)
    }
    const archive = storedZip(files)
    await writeFile(join(folder, 'archive.whl'), archive)
    return { pins: pinsOf(files, archive), file: join(folder, 'archive.whl') }
  }

  test('tests the new build, then replaces the old one at one moment; a leftover of a killed one is removed', async () => {
    const old = await installOld()
    // Whoever looks finds the old build or the new one, whole.
    const seen = new Set<string | null>()
    let watching = true
    const watch = async (): Promise<void> => {
      for (let last = false; !last; await nextTurn()) {
        // One look more at the end: what is there then must have been seen.
        last = !watching
        const found = activeBuild(engineFolder('native', engines))
        const whole = found !== null && (found === old || existsSync(join(found, libraryFiles.binding)))
        seen.add(whole ? found : null)
      }
    }
    const watched = watch()
    await mkdir(join(engineFolder('native', engines), 'build-dead'))
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
    watching = false
    await watched
    expect([...seen]).toEqual([old, activeBuild(engineFolder('native', engines))])
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

  test('again compiles anew from the libraries that are there, and fetches those that changed', async () => {
    const { pins: given, file } = await emptyLibraries()
    const library = await readFile(file)
    let asked = 0
    const url = await serve((_, response) => {
      asked++
      response.end(library)
    })
    const pins: EnginePins = [{ ...given[0], sources: pinsOf({}, library, url)[0].sources }]
    const own = engineFolder('native', engines)
    const installAgain = async (): Promise<readonly string[]> => {
      const phases = new Set<string>()
      const onProgress = ({ phase }: InstallProgress): void => void phases.add(phase)
      const probe = async (): Promise<EngineStatus> => working
      await installEngine({ engine: 'native', launcher: forkLauncher, engines, pins, onProgress, probe })
      expect(readdirSync(activeBuild(own) ?? '').sort()).toEqual(Object.values(libraryFiles).sort())
      return [...phases]
    }
    expect(await installAgain()).toEqual(['downloading', 'unpacking', 'compiling', 'testing'])
    expect(asked).toBe(1)
    expect(hasCurrentBinding(own)).toBe(true)

    // As an installation of an earlier version of the program left it.
    const first = activeBuild(own) ?? ''
    await writeFile(activeBuildFile(own), JSON.stringify({ build: basename(first) }))
    expect(hasCurrentBinding(own)).toBe(false)
    expect(await installAgain()).toEqual(['checking', 'compiling', 'testing'])
    expect(asked).toBe(1)
    expect(hasCurrentBinding(own)).toBe(true)
    expect(activeBuild(own)).not.toBe(first)

    const path = join(activeBuild(own) ?? '', libraryFiles.library)
    const damaged = await readFile(path)
    damaged[100] ^= 1
    await writeFile(path, damaged)
    expect(await installAgain()).toEqual(['checking', 'downloading', 'unpacking', 'compiling', 'testing'])
    expect(asked).toBe(2)
    expect(await readFile(join(activeBuild(own) ?? '', libraryFiles.library))).not.toEqual(damaged)
  })

  test('of several archives lays them out as their packages do, and goes on after the one that is there', async () => {
    const { pins, file } = await emptyLibraries()
    const partFiles = { 'libcuwhat.so.12': bytes(20_000) }
    const part = storedZip({
      'nvidia/cuwhat/lib/libcuwhat.so.12': bytes(20_000),
      'nvidia/cuwhat/include/what.h': bytes(9),
    })
    const library = await readFile(file)
    const asked: string[] = []
    const url = await serve((request, response) => {
      asked.push(String(request.url))
      const broken = request.url === '/part' && asked.filter((path) => path === '/part').length <= 1
      if (broken) response.writeHead(404).end()
      else response.end(request.url === '/part' ? part : library)
    })
    const at = (name: string): string => new URL(`/${name}`, url).href
    const several: EnginePins = [
      { ...pins[0], into: 'tensorflow', sources: pinsOf({}, library, at('library'))[0].sources },
      archiveOf(partFiles, part, at('part'), { title: 'cuWhat 1.0', into: 'nvidia/cuwhat/lib' }),
    ]
    const progress: InstallProgress[] = []
    const install = (): Promise<EngineStatus> =>
      installEngine({
        engine: 'cuda',
        launcher: forkLauncher,
        engines,
        pins: several,
        check: async () => {},
        onProgress: (event) => progress.push(event),
        probe: async () => ({ id: 'cuda', available: true }),
      })
    await expect(install()).rejects.toMatchObject({ code: 'not-found', message: expect.stringMatching(/^CuWhat 1\.0/) })
    expect(activeBuild(engineFolder('cuda', engines))).toBeNull()
    await install()
    // The first archive was whole: only the second one was fetched again.
    expect(asked).toEqual(['/library', '/part', '/part'])
    const build = activeBuild(engineFolder('cuda', engines)) ?? ''
    const found = readdirSync(build, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('.'))
    expect(found.sort()).toEqual([
      'nvidia/cuwhat/lib/libcuwhat.so.12',
      ...Object.values(libraryFiles).map((name) => `tensorflow/${name}`),
    ])
    expect(await readFile(join(build, 'nvidia/cuwhat/lib/libcuwhat.so.12'))).toEqual(partFiles['libcuwhat.so.12'])
    // Nothing of what was downloaded is left.
    expect(readdirSync(engineFolder('cuda', engines)).sort()).toEqual(['active.json', basename(build)])
    expect(progress.findLast(({ phase }) => phase === 'downloading')).toMatchObject({
      total: library.length + part.length,
      part: '2 of 2: cuWhat 1.0',
    })
  })

  test('that is cancelled in its test ends the test, and leaves the old engine working', async () => {
    const old = await installOld()
    const { pins, file } = await emptyLibraries()
    const tested: number[] = []
    const abort = new AbortController()
    const launcher: Launcher = {
      spawn<In, Out>(entry: URL, env: Readonly<Record<string, string>>) {
        if (!entry.href.endsWith('/worker/main.ts')) return forkLauncher.spawn<In, Out>(entry, env)
        const child = forkLauncher.spawn<In, Out>(probedWorker, { ...env, TMU_TEST_SILENT: '1' })
        tested.push(child.pid ?? 0)
        child.onMessage(() => abort.abort())
        return child
      },
    }
    const installing = installEngine({
      engine: 'native',
      launcher,
      engines,
      pins,
      file,
      signal: abort.signal,
      onProgress: () => {},
    })
    await expect(installing).rejects.toMatchObject({ code: 'cancelled' })
    expect(tested).toHaveLength(1)
    expect(isRunning(String(tested[0]))).toBe(false)
    await expectOld(old)
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
