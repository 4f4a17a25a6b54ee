import type { StudyId } from '#shared/ids.ts'

/** Which study's stages start first where several are ready. */
export const priorities = ['low', 'normal', 'high'] as const
export type Priority = (typeof priorities)[number]

/** What holds a study's stages back, and how urgent they are. */
export interface Schedule {
  /** This study, or everything. What ran was stopped at its last checkpoint. */
  readonly paused: boolean
  readonly priority: Priority
  /** Another stage would fit the cores but not the memory: it starts when memory is free. */
  readonly shortOfMemory: boolean
}

/** Of a study that nothing is known of. */
export const unhurried: Schedule = { paused: false, priority: 'normal', shortOfMemory: false }

/** A study at work. */
export interface QueuedStudy {
  readonly study: StudyId
  readonly name: string
  readonly priority: Priority
  /** Paused by itself, whether everything is paused or not. */
  readonly paused: boolean
  /** Stages that run now, and that wait. */
  readonly running: number
  readonly waiting: number
  /** 0..1 of the whole job. */
  readonly value: number
  readonly etaSeconds: number | null
}

export interface Queue {
  /** Everything is paused. */
  readonly paused: boolean
  readonly shortOfMemory: boolean
  /** The most urgent first, then in the order in which they began. */
  readonly studies: readonly QueuedStudy[]
}
