import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { importSource } from '#main/workbench/datasets/import-source.ts'
import { ProgressReporter } from '#main/workbench/datasets/progress-reporter.ts'
import type { ImportProblem } from '#shared/domain/dataset.ts'
import { AppError } from '#shared/errors.ts'
import type { Files, HostileCase } from '#test/fixtures/hostile/case.ts'

export interface HostileResult {
  readonly outcome: 'refused' | 'skipped' | 'imported' | 'crashed'
  /** The refusal's sentence, or the problems' reasons. */
  readonly texts: readonly string[]
  /** Of the processor: what a busy machine can't blur. */
  readonly seconds: number
  /** Files that weren't there before, outside the staging folder. */
  readonly strays: readonly string[]
}

/** Imports a source in this process, as the data set process would, and says what came of it. */
export async function runHostile(one: Omit<HostileCase, 'name' | 'outcome'>): Promise<HostileResult> {
  const root = await mkdtemp(join(tmpdir(), 'tmu-hostile-'))
  try {
    // Three folders down, so that a name that climbs out would still be found.
    const folder = join(root, 'x', 'y', 'source')
    const staging = join(root, 'x', 'y', 'staging')
    await mkdir(staging, { recursive: true })
    await writeFiles(folder, await one.files())
    await one.prepare?.(folder)
    const before = await filesBelow(root)
    const start = process.cpuUsage()
    const { outcome, texts } = await attempt(one, join(folder, one.path ?? ''), staging)
    const { user, system } = process.cpuUsage(start)
    const known = new Set(before)
    const strays = (await filesBelow(root)).filter((file) => !known.has(file) && !file.startsWith(staging))
    return { outcome, texts, seconds: (user + system) / 1e6, strays }
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

async function attempt(
  one: Omit<HostileCase, 'name' | 'outcome'>,
  path: string,
  staging: string,
): Promise<Pick<HostileResult, 'outcome' | 'texts'>> {
  try {
    const { dataset } = await importSource(
      {
        kind: 'import',
        staging,
        path,
        format: one.format ?? 'auto',
        groups: one.groups ?? [],
        size: null,
        strict: false,
        splitSeed: 1,
      },
      new ProgressReporter(() => {}),
    )
    const texts = dataset.problems.map(({ path: culprit, reason }: ImportProblem) => `${culprit}: ${reason}`)
    return { outcome: texts.length > 0 ? 'skipped' : 'imported', texts }
  } catch (error) {
    if (error instanceof AppError && error.code !== 'internal') return { outcome: 'refused', texts: [error.message] }
    return { outcome: 'crashed', texts: [error instanceof Error ? (error.stack ?? error.message) : String(error)] }
  }
}

async function writeFiles(folder: string, files: Files): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), content)
  }
}

async function filesBelow(root: string): Promise<readonly string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name))
}
