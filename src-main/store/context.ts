import type { WorkspaceDatabase } from './database.ts'

/** What every repository works with. */
export interface StoreContext {
  readonly db: WorkspaceDatabase
  /** Who writes: owner of leases and of running runs and studies. Unlike any other process's, at any time. */
  readonly holder: string
  /** Now, ISO 8601 in UTC. */
  readonly now: () => string
}
