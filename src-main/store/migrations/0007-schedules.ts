import type { Migration } from './migration.ts'

/** What users decided about the studies at work outlives the process: which are urgent, and which are paused. */
export const schedules: Migration = {
  version: 7,
  sql: `
CREATE TABLE schedules (
  study_id TEXT PRIMARY KEY REFERENCES studies (id) ON DELETE CASCADE,
  priority TEXT NOT NULL CHECK (priority IN ('low', 'normal', 'high')),
  paused INTEGER NOT NULL CHECK (paused IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE TABLE queue (
  id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  paused INTEGER NOT NULL CHECK (paused IN (0, 1))
) STRICT;
INSERT INTO queue (id, paused) VALUES (1, 0);
`,
}
