import { priorities, type Schedule, unhurried } from '#shared/domain/queue.ts'
import type { StudyId } from '#shared/ids.ts'
import type { StoreContext } from '../context.ts'
import { readChoice } from '../json-column.ts'
import { translating } from '../sqlite-error.ts'
import { columnList, defineTable, insertStatement, type RowOf } from '../table.ts'

export const schedulesTable = defineTable('schedules', {
  study_id: 'TEXT',
  priority: 'TEXT',
  paused: 'INTEGER',
})
type ScheduleRow = RowOf<typeof schedulesTable>

/** One row. */
export const queueTable = defineTable('queue', { id: 'INTEGER', paused: 'INTEGER' })

/** What was decided for one study, however everything else stands. */
export type StudySchedule = Pick<Schedule, 'priority' | 'paused'>

export interface ScheduleRepository {
  /** Of a study that nothing was decided for: normal, and not paused. */
  scheduleOf(study: StudyId): StudySchedule
  setSchedule(study: StudyId, schedule: StudySchedule): void
  /** The study's job is over: the next one begins like any other. */
  forgetSchedule(study: StudyId): void
  /** Everything is paused. */
  isQueuePaused(): boolean
  pauseQueue(paused: boolean): void
}

export function createScheduleRepository({ db }: StoreContext): ScheduleRepository {
  const find = db.prepare<[StudyId], ScheduleRow>(
    `SELECT ${columnList(schedulesTable)} FROM schedules WHERE study_id = ?`,
  )
  const upsert = db.prepare<[ScheduleRow]>(
    `${insertStatement(schedulesTable)}
     ON CONFLICT (study_id) DO UPDATE SET priority = excluded.priority, paused = excluded.paused`,
  )
  const remove = db.prepare<[StudyId]>('DELETE FROM schedules WHERE study_id = ?')
  const queue = db.prepare<[], { paused: number }>('SELECT paused FROM queue')
  const setQueue = db.prepare<[number]>('UPDATE queue SET paused = ?')
  return translating(db.name, {
    scheduleOf(study) {
      const row = find.get(study)
      if (row === undefined) return { priority: unhurried.priority, paused: unhurried.paused }
      const priority = readChoice(priorities, row.priority, { row: `schedule of ${study}`, column: 'priority' })
      return { priority, paused: row.paused === 1 }
    },
    setSchedule(study, { priority, paused }) {
      upsert.run({ study_id: study, priority, paused: paused ? 1 : 0 })
    },
    forgetSchedule(study) {
      remove.run(study)
    },
    isQueuePaused: () => queue.get()?.paused === 1,
    pauseQueue(paused) {
      setQueue.run(paused ? 1 : 0)
    },
  })
}
