import { ObjectStore } from '#main/artifacts/object-store.ts'
import type { GroupsJob, GroupsResult } from '../dataset-job.ts'
import { readSampleTable } from '../sample-data.ts'
import { stageGroups } from '../stage-samples.ts'
import { checkDistinct, codeGroup, reportOf } from './group-column.ts'
import { resolveGroups } from './resolve-groups.ts'

/** Group columns for a stored data set, by its samples' names. Columns that are there already keep their names. */
export async function findGroups(job: GroupsJob): Promise<GroupsResult> {
  const { names } = await readSampleTable(new ObjectStore(job.objectsRoot), job.dataset)
  const found = await resolveGroups(job.rules, names)
  const reports = found.map((group) => reportOf(group, names))
  if (!job.store) return { reports, staged: [] }
  checkDistinct([...job.dataset.groups, ...found].map(({ name }) => name))
  return { reports, staged: await stageGroups(job.staging, found.map(codeGroup)) }
}
