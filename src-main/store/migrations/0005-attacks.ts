import type { Migration } from './migration.ts'

export const studyAttacks: Migration = {
  version: 5,
  sql: `
ALTER TABLE studies ADD COLUMN attacks TEXT CHECK (json_valid(attacks) AND json_type(attacks) = 'object');
`,
}
