import type { TenantComponent } from "@guanxi/kernel";

/**
 * Fixed tables of the automation in every tenant's schema. What a script said or got is `text` or `json`, not `jsonb`: a replay compares it
 * letter by letter, and `jsonb` refuses some strings that JavaScript allows. `_feed` holds the last position that the relay gave to a change.
 * A copy starts nothing for what happened in the original.
 */
export const automationTables: TenantComponent = {
  name: "automation",
  migrations: [
    `
CREATE TABLE {schema}._workflow (
  name text NOT NULL,
  version int NOT NULL,
  object_id int NOT NULL,
  definition jsonb NOT NULL,
  code text NOT NULL,
  actor uuid NOT NULL,
  meta_from bigint NOT NULL,
  meta_to bigint,
  published_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (name, version)
);
CREATE TABLE {schema}._run (
  id uuid PRIMARY KEY,
  seq bigint GENERATED ALWAYS AS IDENTITY,
  workflow text NOT NULL,
  workflow_version int NOT NULL,
  event bigint,
  object_id int NOT NULL,
  record uuid NOT NULL,
  actor uuid NOT NULL,
  status text NOT NULL,
  attempt int NOT NULL DEFAULT 0,
  faults int NOT NULL DEFAULT 0,
  losses int NOT NULL DEFAULT 0,
  worker uuid,
  lease_until timestamptz,
  due_at timestamptz,
  input jsonb NOT NULL,
  cause jsonb NOT NULL,
  result json,
  error json,
  cost json,
  log json,
  created_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  updated_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  UNIQUE (event, workflow)
);
CREATE INDEX _run_workflow ON {schema}._run (workflow, seq);
CREATE INDEX _run_record ON {schema}._run (record, seq);
CREATE INDEX _run_seq ON {schema}._run (seq);
CREATE INDEX _run_queued ON {schema}._run (seq) WHERE status = 'queued';
CREATE INDEX _run_running ON {schema}._run (lease_until) WHERE status = 'running';
CREATE INDEX _run_waiting ON {schema}._run (due_at) WHERE status = 'waiting';
CREATE INDEX _run_failed ON {schema}._run (seq) WHERE status = 'failed';
CREATE TABLE {schema}._feed (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  pos bigint NOT NULL
);
INSERT INTO {schema}._feed (pos) VALUES (0);
CREATE TABLE {schema}._journal (
  run uuid NOT NULL,
  call int NOT NULL,
  seq int NOT NULL,
  op text NOT NULL,
  args text NOT NULL,
  ok boolean NOT NULL,
  value text NOT NULL,
  at bigint NOT NULL,
  PRIMARY KEY (run, call)
);
`,
  ],
  arrival: {
    always: `
UPDATE {schema}._run SET status = 'queued', worker = NULL, lease_until = NULL, updated_at = now() WHERE status = 'running';
`,
    elsewhere: `
UPDATE {schema}._run SET status = 'cancelled', due_at = NULL, ended_at = now(), updated_at = now(),
  error = '{"code": "GX-CONFLICT", "message": "This tenant is a copy: the run goes on in the original, {from}."}'
  WHERE status IN ('queued', 'waiting');
WITH feed AS (SELECT pos FROM {schema}._feed), batch AS (
  SELECT seq, row_number() OVER (ORDER BY seq) AS n FROM {schema}._change WHERE NOT dispatched
)
UPDATE {schema}._change c SET dispatched = true, pos = feed.pos + batch.n FROM batch, feed WHERE c.seq = batch.seq;
UPDATE {schema}._feed SET pos = greatest(pos, (SELECT max(pos) FROM {schema}._change));
`,
  },
};
