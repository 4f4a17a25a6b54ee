import { initial } from './0001-initial.ts'
import { groupsAndQuality } from './0002-groups-quality.ts'
import { tagsAndVersions } from './0003-tags-versions.ts'
import { paidBy } from './0004-paid-by.ts'
import { studyAttacks } from './0005-attacks.ts'
import { bin } from './0006-bin.ts'
import { schedules } from './0007-schedules.ts'
import type { Migration } from './migration.ts'

/** Every step, ascending and without a gap. */
export const migrations: readonly Migration[] = [
  initial,
  groupsAndQuality,
  tagsAndVersions,
  paidBy,
  studyAttacks,
  bin,
  schedules,
]
