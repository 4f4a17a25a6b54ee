import type { Migration } from './migration.ts'

export const groupsAndQuality: Migration = {
  version: 2,
  sql: `
ALTER TABLE datasets ADD COLUMN group_columns TEXT NOT NULL DEFAULT '[]'
  CHECK (json_valid(group_columns) AND json_type(group_columns) = 'array');
ALTER TABLE datasets ADD COLUMN quality TEXT
  CHECK (length(quality) = 64 AND quality NOT GLOB '*[^0-9a-f]*');
ALTER TABLE datasets ADD COLUMN licence TEXT CHECK (licence <> '');
`,
}
