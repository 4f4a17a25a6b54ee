/** Thousands of rows without holding up everybody else: read page by page, with a turn for others between. */
import type { Repositories } from '#main/store/index.ts'
import type { StoredRun } from '#main/store/repositories/runs.ts'
import type { StudyStage } from '#main/store/repositories/stages.ts'
import type { RunId, StageKey, StudyId } from '#shared/ids.ts'
import { isTurnOver, nextTurn } from '../turns.ts'

/** A page takes a few milliseconds. */
const pageSize = 50

/** A study's rows by key, in the order of the study. */
export async function stagesOfStudy(
  { stages }: Pick<Repositories, 'stages'>,
  study: StudyId,
): Promise<ReadonlyMap<StageKey, StudyStage>> {
  const found = new Map<StageKey, StudyStage>()
  let after = 0
  for (;;) {
    const page = stages.listStudyStages(study, { after, limit: pageSize })
    for (const row of page) found.set(row.key, row)
    const last = page.at(-1)
    if (last === undefined || page.length < pageSize) return found
    after = last.link
    if (isTurnOver()) await nextTurn()
  }
}

/** Runs of a study, or of all, oldest first. */
export async function allRuns(
  { runs }: Pick<Repositories, 'runs'>,
  {
    study,
    after,
    limit = Number.POSITIVE_INFINITY,
  }: {
    readonly study?: StudyId
    readonly after?: RunId
    readonly limit?: number
  },
): Promise<readonly StoredRun[]> {
  const found: StoredRun[] = []
  let last = after
  for (;;) {
    const size = Math.min(pageSize, limit - found.length)
    const page = runs.listRuns({
      limit: size,
      ...(study === undefined ? {} : { studyId: study }),
      ...(last === undefined ? {} : { after: last }),
    })
    found.push(...page)
    last = page.at(-1)?.id
    if (page.length < size || found.length >= limit) return found
    if (isTurnOver()) await nextTurn()
  }
}
