import { rm } from 'node:fs/promises'
import type { Dataset } from '#shared/domain/dataset.ts'
import type { QualityReport } from '#shared/domain/quality.ts'
import type { CheckEvent } from '#shared/progress.ts'
import type { CommitLock } from './commit-lock.ts'
import { commitStaged } from './commit-staged.ts'
import { requireDataset, requireForgetSet, requireSplit } from './find.ts'
import type { DatasetDependencies } from './ports.ts'
import { findLeakage } from './quality/leakage.ts'
import { readFindings, readGroupCodes, readIds } from './sample-data.ts'
import { streamJob } from './stream-job.ts'

/** Lists in a report are for reading; the findings hold them whole. */
const maxReported = 500

/**
 * Looks at all images of a data set in a child process and keeps what it found as an object. What was found before
 * is given at once, unless `again`.
 * @throws AppError `not-found`, `cancelled`, `corrupt`.
 */
export async function* checkQuality(
  dependencies: DatasetDependencies,
  lock: CommitLock,
  { dataset: reference, again }: { readonly dataset: string; readonly again: boolean },
  signal?: AbortSignal,
): AsyncGenerator<CheckEvent> {
  const { objects, datasets } = dependencies
  const dataset = requireDataset(dependencies, reference)
  const known = again ? null : await readFindings(objects, dataset)
  if (known !== null) {
    yield { kind: 'finished', findings: known }
    return
  }
  const staging = await objects.createStagingFolder('check')
  try {
    const job = { kind: 'check', staging, objectsRoot: objects.root, dataset } as const
    const { findings, staged } = yield* streamJob(dependencies, job, signal)
    await lock.run(() => commitStaged(objects, staging, [staged], () => datasets.setQuality(dataset.id, staged.hash)))
    yield { kind: 'finished', findings }
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

/** What is known about the images, and where related ones lie on two sides of a split; null while nobody has looked. */
export async function qualityReport(
  dependencies: DatasetDependencies,
  input: { readonly dataset: string; readonly split: string; readonly forgetSet?: string | undefined },
): Promise<QualityReport | null> {
  const { objects } = dependencies
  const dataset = requireDataset(dependencies, input.dataset)
  const findings = await readFindings(objects, dataset)
  if (findings === null) return null
  const forgetSet = input.forgetSet === undefined ? null : requireForgetSet(dependencies, input.forgetSet)
  const split = requireSplit(dependencies, dataset, forgetSet?.splitId ?? input.split)
  const [members, twinPool, evaluation] = await Promise.all(
    [split.members, split.twinPool, split.evaluation].map((ids) => readIds(objects, ids)),
  )
  const forget = forgetSet === null ? null : await readIds(objects, forgetSet.ids)
  const leakage = findLeakage(
    dataset.sampleCount,
    { members, twinPool, evaluation, ...(forget === null ? {} : { forget }) },
    {
      exact: findings.exactDuplicates.items,
      near: findings.nearDuplicates.items,
      groups: await groupsOf(dependencies, dataset),
    },
  )
  const short = <T>({ total, items }: { readonly total: number; readonly items: readonly T[] }) => ({
    total,
    items: items.slice(0, maxReported),
  })
  return {
    dataset: dataset.name,
    findings: {
      ...findings,
      exactDuplicates: short(findings.exactDuplicates),
      nearDuplicates: short(findings.nearDuplicates),
      conflictingLabels: short(findings.conflictingLabels),
      greyInColour: { ...findings.greyInColour, ...short(findings.greyInColour) },
      blank: short(findings.blank),
    },
    split: split.name,
    forgetSet: forgetSet?.name ?? null,
    leakage,
    problems: dataset.problems,
  }
}

async function groupsOf(dependencies: DatasetDependencies, dataset: Dataset) {
  return await Promise.all(
    dataset.groups.map(async (column) => ({
      name: column.name,
      values: column.values,
      codes: await readGroupCodes(dependencies.objects, dataset, column),
    })),
  )
}
