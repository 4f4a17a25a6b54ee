import type { Migration } from './migration.ts'

const hash = (column: string): string => `CHECK (length(${column}) = 64 AND ${column} NOT GLOB '*[^0-9a-f]*')`
const json = (column: string, type: 'array' | 'object'): string =>
  `CHECK (json_valid(${column}) AND json_type(${column}) = '${type}')`

export const initial: Migration = {
  version: 1,
  sql: `
CREATE TABLE datasets (
  id              TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  name            TEXT NOT NULL UNIQUE CHECK (name <> ''),
  format          TEXT NOT NULL CHECK (format <> ''),
  source          TEXT NOT NULL,
  sample_count    INTEGER NOT NULL CHECK (sample_count > 0),
  classes         TEXT NOT NULL ${json('classes', 'array')},
  height          INTEGER NOT NULL CHECK (height > 0),
  width           INTEGER NOT NULL CHECK (width > 0),
  channels        INTEGER NOT NULL CHECK (channels > 0),
  images          TEXT NOT NULL ${hash('images')},
  labels          TEXT NOT NULL ${hash('labels')},
  samples         TEXT NOT NULL ${hash('samples')},
  duplicate_count INTEGER NOT NULL CHECK (duplicate_count >= 0),
  problems        TEXT NOT NULL ${json('problems', 'array')},
  created_at      TEXT NOT NULL
) STRICT;

CREATE TABLE splits (
  id            TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  dataset_id    TEXT NOT NULL REFERENCES datasets (id),
  name          TEXT NOT NULL CHECK (name <> ''),
  rule          TEXT NOT NULL ${json('rule', 'object')},
  seed          INTEGER NOT NULL,
  members       TEXT NOT NULL ${hash('members')},
  twin_pool     TEXT NOT NULL ${hash('twin_pool')},
  evaluation    TEXT NOT NULL ${hash('evaluation')},
  counts        TEXT NOT NULL ${json('counts', 'object')},
  normalisation TEXT NOT NULL ${json('normalisation', 'object')},
  created_at    TEXT NOT NULL,
  UNIQUE (dataset_id, name),
  UNIQUE (id, dataset_id)
) STRICT;

CREATE TABLE forget_sets (
  id            TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  name          TEXT NOT NULL UNIQUE CHECK (name <> ''),
  dataset_id    TEXT NOT NULL,
  split_id      TEXT NOT NULL,
  rule          TEXT NOT NULL ${json('rule', 'object')},
  seed          INTEGER NOT NULL,
  ids           TEXT NOT NULL ${hash('ids')},
  count         INTEGER NOT NULL CHECK (count > 0),
  class_counts  TEXT NOT NULL ${json('class_counts', 'array')},
  member_counts TEXT NOT NULL ${json('member_counts', 'array')},
  created_at    TEXT NOT NULL,
  FOREIGN KEY (split_id, dataset_id) REFERENCES splits (id, dataset_id),
  UNIQUE (id, split_id, dataset_id)
) STRICT;
CREATE INDEX forget_sets_of_split ON forget_sets (split_id, dataset_id);

-- What a study is about is read off its frozen configuration, so that the two can't differ.
CREATE TABLE studies (
  id            TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  name          TEXT NOT NULL UNIQUE CHECK (name <> ''),
  config        TEXT NOT NULL ${json('config', 'object')},
  dataset_id    TEXT NOT NULL GENERATED ALWAYS AS (json_extract(config, '$.datasetId')) STORED,
  split_id      TEXT NOT NULL GENERATED ALWAYS AS (json_extract(config, '$.splitId')) STORED,
  forget_set_id TEXT NOT NULL GENERATED ALWAYS AS (json_extract(config, '$.forgetSetId')) STORED,
  engine        TEXT CHECK (engine <> ''),
  state         TEXT NOT NULL
                CHECK (state IN ('new', 'queued', 'running', 'succeeded', 'failed', 'cancelled', 'interrupted')),
  holder        TEXT,
  created_at    TEXT NOT NULL,
  FOREIGN KEY (forget_set_id, split_id, dataset_id) REFERENCES forget_sets (id, split_id, dataset_id),
  CHECK ((state = 'running') = (holder IS NOT NULL))
) STRICT;
CREATE INDEX studies_of_forget_set ON studies (forget_set_id, split_id, dataset_id);

CREATE TABLE runs (
  id          TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  study_id    TEXT NOT NULL REFERENCES studies (id),
  method      TEXT NOT NULL CHECK (method <> ''),
  seed        INTEGER NOT NULL,
  state       TEXT NOT NULL
              CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'interrupted')),
  metrics     TEXT ${json('metrics', 'object')},
  cost        TEXT ${json('cost', 'object')},
  outcome     TEXT ${hash('outcome')},
  error       TEXT ${json('error', 'object')},
  holder      TEXT,
  created_at  TEXT NOT NULL,
  started_at  TEXT,
  finished_at TEXT,
  UNIQUE (study_id, method, seed),
  CHECK ((state = 'running') = (holder IS NOT NULL)),
  CHECK ((state = 'succeeded') = (metrics IS NOT NULL AND cost IS NOT NULL AND outcome IS NOT NULL)),
  CHECK (state = 'succeeded' OR (metrics IS NULL AND cost IS NULL AND outcome IS NULL)),
  CHECK ((state = 'failed') = (error IS NOT NULL)),
  CHECK ((state IN ('succeeded', 'failed', 'cancelled')) = (finished_at IS NOT NULL))
) STRICT;
CREATE INDEX runs_running ON runs (state) WHERE state = 'running';

CREATE TABLE stages (
  key               TEXT NOT NULL PRIMARY KEY ${hash('key')},
  kind              TEXT NOT NULL CHECK (kind <> ''),
  version           INTEGER NOT NULL CHECK (version > 0),
  spec              TEXT NOT NULL CHECK (json_valid(spec)),
  engine            TEXT NOT NULL CHECK (engine <> ''),
  seed              INTEGER NOT NULL,
  state             TEXT NOT NULL
                    CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'interrupted')),
  outputs           TEXT NOT NULL ${json('outputs', 'object')},
  cost              TEXT ${json('cost', 'object')},
  checkpoint_object TEXT ${hash('checkpoint_object')},
  checkpoint_epoch  INTEGER CHECK (checkpoint_epoch >= 0),
  error             TEXT ${json('error', 'object')},
  lease_holder      TEXT,
  lease_worker      TEXT,
  lease_expires_at  TEXT,
  created_at        TEXT NOT NULL,
  started_at        TEXT,
  finished_at       TEXT,
  CHECK ((state = 'running') = (lease_holder IS NOT NULL)),
  CHECK ((lease_holder IS NULL) = (lease_worker IS NULL) AND (lease_holder IS NULL) = (lease_expires_at IS NULL)),
  CHECK ((checkpoint_object IS NULL) = (checkpoint_epoch IS NULL)),
  CHECK ((state = 'succeeded') = (cost IS NOT NULL)),
  CHECK (state = 'succeeded' OR outputs = '{}'),
  CHECK (state <> 'succeeded' OR checkpoint_object IS NULL),
  CHECK ((state = 'failed') = (error IS NOT NULL)),
  CHECK ((state IN ('succeeded', 'failed', 'cancelled')) = (finished_at IS NOT NULL))
) STRICT;
CREATE INDEX stages_by_state ON stages (state);

-- Which stages a study needs, and what they are called and paid as there. A stage without a run serves several.
CREATE TABLE study_stages (
  study_id  TEXT NOT NULL REFERENCES studies (id),
  stage_key TEXT NOT NULL REFERENCES stages (key),
  run_id    TEXT REFERENCES runs (id),
  label     TEXT NOT NULL,
  scope     TEXT NOT NULL CHECK (scope IN ('dataset', 'class', 'request', 'evidence')),
  PRIMARY KEY (study_id, stage_key)
) STRICT;
CREATE INDEX study_stages_of_stage ON study_stages (stage_key);
CREATE INDEX study_stages_of_run ON study_stages (run_id);
`,
}
