import type { RunId, StageKey, StudyId } from '#shared/ids.ts'
import type { StoreContext } from './context.ts'
import { transitions } from './transitions.ts'

/** What was found running for a holder that is gone. */
export interface Swept {
  readonly stages: readonly StageKey[]
  readonly runs: readonly RunId[]
  readonly studies: readonly StudyId[]
}

/**
 * Marks as interrupted what runs for another holder than this one, in one transaction. There is one holder at a time,
 * so that whoever has the lock knows every other one to be dead, whatever its leases say.
 */
export function createSweep({ db, holder }: StoreContext): () => Swept {
  const { interrupt } = transitions.stage
  const stages = db.prepare<[string], { key: StageKey }>(
    `UPDATE stages SET state = '${interrupt.to}', lease_holder = NULL, lease_worker = NULL, lease_expires_at = NULL
     WHERE state = 'running' AND lease_holder <> ? RETURNING key`,
  )
  const runs = db.prepare<[string], { id: RunId }>(
    `UPDATE runs SET state = '${transitions.run.interrupt.to}', holder = NULL
     WHERE state = 'running' AND holder <> ? RETURNING id`,
  )
  const studies = db.prepare<[string], { id: StudyId }>(
    `UPDATE studies SET state = '${transitions.study.interrupt.to}', holder = NULL
     WHERE state = 'running' AND holder <> ? RETURNING id`,
  )
  return db.transaction(() => ({
    stages: stages.all(holder).map(({ key }) => key),
    runs: runs.all(holder).map(({ id }) => id),
    studies: studies.all(holder).map(({ id }) => id),
  })).immediate
}
