import type { Migration } from './migration.ts'

/**
 * Data sets that were removed and can be had back. Their rows are kept as JSON, outside their own tables, so that names
 * are free again and no other statement has to leave them out. A later migration that changes one of those tables
 * changes `kept` in the same way; columns that are missing there get their defaults.
 */
export const bin: Migration = {
  version: 6,
  sql: `
CREATE TABLE removed_datasets (
  id         TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  name       TEXT NOT NULL CHECK (name <> ''),
  kept       TEXT NOT NULL CHECK (json_valid(kept) AND json_type(kept) = 'object'),
  objects    TEXT NOT NULL CHECK (json_valid(objects) AND json_type(objects) = 'array'),
  removed_at TEXT NOT NULL,
  -- 1 from the moment on that its objects may be gone: never to be restored, only to be cleared away.
  emptied    INTEGER NOT NULL DEFAULT 0 CHECK (emptied IN (0, 1))
) STRICT;
`,
}
