import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, it } from 'vitest'
import { describeResult } from '#main/shell/cli/result-text.ts'
import { createStudy, newBench, openBench, runStudy, withDataset } from '../jobs/tiny-study.ts'

it('a study that an earlier version evaluated says so, and how its figures are had again', async () => {
  await using first = await withDataset(await newBench(), 30)
  const study = await createStudy(first, { methods: ['gold', 'none'], golds: 1, settings: { epochs: 1 } })
  const { result: fresh } = await runStudy(first, study)
  expect(fresh.outdated).toBeUndefined()
  await first.close()
  // As where the evaluation of this version has another key: that stage isn't there.
  const db = new Database(join(first.root, 'workbench.sqlite'))
  db.exec("DELETE FROM study_stages WHERE stage_key IN (SELECT key FROM stages WHERE kind = 'evaluate')")
  db.close()

  await using later = await openBench(first.root)
  const outdated = await later.api.studies.result({ study })
  expect(outdated.outdated).toBe(2)
  expect(outdated.runs.map(({ metrics }) => metrics?.forgetAccuracy)).toEqual(
    fresh.runs.map(({ metrics }) => metrics?.forgetAccuracy),
  )
  expect(describeResult(outdated)).toContain(
    '2 runs were evaluated by an earlier version of this program: gate, verdicts and statistics lack them.',
  )
  const { result: again } = await runStudy(later, study)
  expect(again.outdated).toBeUndefined()
  expect(again.stages.computed).toBe(0)
  expect(again.gate).toEqual(fresh.gate)
})
