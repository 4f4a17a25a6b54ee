import type { Migration } from './migration.ts'

/** Which study had a stage computed: every other one reuses it for nothing, and its ledger says so. */
export const paidBy: Migration = {
  version: 4,
  sql: `
ALTER TABLE stages ADD COLUMN paid_by TEXT REFERENCES studies (id) ON DELETE SET NULL;
`,
}
