import type { Migration } from './migration.ts'

export const tagsAndVersions: Migration = {
  version: 3,
  sql: `
CREATE TABLE tags (
  id         TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  dataset_id TEXT NOT NULL REFERENCES datasets (id),
  name       TEXT NOT NULL CHECK (name <> ''),
  samples    TEXT NOT NULL CHECK (samples <> '' AND samples NOT GLOB '*[^0-9,-]*'),
  count      INTEGER NOT NULL CHECK (count > 0),
  created_at TEXT NOT NULL,
  UNIQUE (dataset_id, name)
) STRICT;
ALTER TABLE forget_sets ADD COLUMN version INTEGER NOT NULL DEFAULT 1 CHECK (version > 0);
ALTER TABLE forget_sets ADD COLUMN previous TEXT REFERENCES forget_sets (id);
`,
}
