/** A workbench with a small real data set, and studies on it that take seconds. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { forkLauncher } from '#main/compute/pool/fork-launcher.ts'
import { openWorkbench, type Workbench } from '#main/workbench/workbench.ts'
import type { WorkbenchApi } from '#shared/contract/api.ts'
import type { JobState } from '#shared/domain/stage.ts'
import type { StudyResult } from '#shared/domain/study.ts'
import type { StudyEvent } from '#shared/progress.ts'
import { writeStripedImages } from '#test/support/striped-images.ts'

export const datasetName = 'stripes'
export const forgetSetName = 'some across'

export interface Bench extends AsyncDisposable {
  readonly root: string
  readonly api: WorkbenchApi
  readonly notes: readonly string[]
  close(): Promise<void>
  /** Closes and opens the workspace again, as a new start of the program does. */
  reopen(): Promise<Bench>
}

/** An empty workspace. */
export async function newBench(): Promise<Bench> {
  return await openBench(await mkdtemp(join(tmpdir(), 'tmu-bench-')))
}

export async function openBench(root: string): Promise<Bench> {
  const notes: string[] = []
  const workbench: Workbench = await openWorkbench({
    workspace: root,
    launcher: forkLauncher,
    shell: 'cli',
    workers: 2,
    note: (line) => notes.push(line),
  })
  return {
    root,
    api: workbench.api,
    notes,
    close: () => workbench.close(),
    async reopen() {
      await workbench.close()
      return await openBench(root)
    },
    async [Symbol.asyncDispose]() {
      await workbench.close()
      await rm(root, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** Three classes of stripes; F is 40 % of one class's members. */
export async function withDataset(bench: Bench, perClass = 60, contrast?: number): Promise<Bench> {
  const images = join(bench.root, '..', `${bench.root.split('/').at(-1)}-images`)
  try {
    await writeStripedImages(images, perClass, 1, contrast)
    const input = { path: images, name: datasetName, format: 'folder', strict: true, size: 28 } as const
    for await (const _ of bench.api.datasets.import(input));
  } finally {
    await rm(images, { recursive: true, force: true })
  }
  await bench.api.forgetSets.create({
    name: forgetSetName,
    dataset: datasetName,
    split: 'default',
    className: 'across',
    fraction: 0.4,
    seed: 1,
  })
  return bench
}

type CreateInput = Parameters<WorkbenchApi['studies']['create']>[0]

export async function createStudy(bench: Bench, changes: Partial<CreateInput> = {}): Promise<string> {
  const study = await bench.api.studies.create({
    name: 'study',
    dataset: datasetName,
    forgetSet: forgetSetName,
    methods: ['gold', 'none', 'rewind', 'fine-tune'],
    seeds: 1,
    golds: 2,
    settings: { epochs: 3, 'rewind.epoch': 2, 'rewind.epochs': 1, 'fine-tune.epochs': 1 },
    ...changes,
  })
  return study.id
}

export interface Followed {
  readonly events: readonly StudyEvent[]
  readonly state: JobState
  readonly result: StudyResult
}

/** Runs a study to its end. */
export async function runStudy(bench: Bench, study: string): Promise<Followed> {
  await bench.api.studies.run({ study })
  return await follow(bench, study)
}

export async function follow(bench: Bench, study: string): Promise<Followed> {
  const events: StudyEvent[] = []
  for await (const event of bench.api.studies.watch({ study })) events.push(event)
  const last = events.at(-1)
  if (last?.kind !== 'finished') throw new Error('The stream ended without `finished`.')
  return { events, state: last.state, result: await bench.api.studies.result({ study }) }
}

/** Resolves with the first event that `test` accepts. */
export async function waitForEvent(
  bench: Bench,
  study: string,
  test: (event: StudyEvent) => boolean,
): Promise<StudyEvent> {
  for await (const event of bench.api.studies.watch({ study })) if (test(event)) return event
  throw new Error('The study ended before.')
}
