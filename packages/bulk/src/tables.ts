import { errorCatalogue, text } from "@guanxi/base";
import type { TenantComponent } from "@guanxi/kernel";

/** Texts as SQL that gives the one in the language of a job's row. */
const inItsLanguage = (texts: object): string => `'${JSON.stringify(texts).replaceAll("'", "''")}'::json ->> locale`;

const { status, title } = errorCatalogue.CONFLICT;
const isCopy = text(
  "This tenant is a copy: the job goes on in the original, {from}.",
  "此租户是副本：任务在原租户 {from} 中继续进行。",
  "此租戶是複本：作業在原租戶 {from} 中繼續進行。",
);

/**
 * Fixed tables of imports in every tenant's schema. A chunk is a JSON array of rows as they were sent; it is deleted by the transaction
 * that imports its rows, so that no row is imported twice and none is left out. `_job.plan` is what the upload asked for. What holds
 * strangers' strings is `text` or `json`, since `jsonb` refuses some of them.
 */
export const bulkTables: TenantComponent = {
  name: "bulk",
  migrations: [
    `
CREATE TABLE {schema}._mapping (
  name text PRIMARY KEY,
  definition json NOT NULL,
  changed_by uuid NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE {schema}._job (
  id uuid PRIMARY KEY,
  seq bigint GENERATED ALWAYS AS IDENTITY,
  object_id int NOT NULL,
  actor uuid NOT NULL,
  locale text NOT NULL,
  request text,
  plan json NOT NULL,
  status text NOT NULL,
  worker uuid,
  lease_until timestamptz,
  faults int NOT NULL DEFAULT 0,
  total bigint NOT NULL DEFAULT 0,
  processed bigint NOT NULL DEFAULT 0,
  created bigint NOT NULL DEFAULT 0,
  updated bigint NOT NULL DEFAULT 0,
  unchanged bigint NOT NULL DEFAULT 0,
  rejected bigint NOT NULL DEFAULT 0,
  error json,
  created_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  updated_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz
);
CREATE UNIQUE INDEX _job_seq ON {schema}._job (seq);
CREATE INDEX _job_open ON {schema}._job (seq) WHERE status IN ('receiving', 'queued', 'running');
CREATE TABLE {schema}._job_chunk (
  job uuid NOT NULL REFERENCES {schema}._job ON DELETE CASCADE,
  n int NOT NULL,
  first bigint NOT NULL,
  rows text NOT NULL,
  PRIMARY KEY (job, n)
);
CREATE TABLE {schema}._job_error (
  job uuid NOT NULL REFERENCES {schema}._job ON DELETE CASCADE,
  row bigint NOT NULL,
  data text NOT NULL,
  reason text NOT NULL,
  PRIMARY KEY (job, row)
);
`,
    // A mapping goes along with its object's name. One of an object that is gone, which nothing refused before, has none.
    `ALTER TABLE {schema}._mapping ADD COLUMN object_id int;
UPDATE {schema}._mapping m SET object_id = o.id FROM {schema}._object o WHERE o.name = m.definition ->> 'object';`,
  ],
  arrival: {
    always: `
DELETE FROM {schema}._job WHERE status = 'receiving';
UPDATE {schema}._job SET worker = NULL, lease_until = NULL WHERE status = 'running';
`,
    elsewhere: `
UPDATE {schema}._job SET status = 'cancelled', worker = NULL, lease_until = NULL, ended_at = now(), updated_at = now(),
  error = json_build_object('type', 'https://guanxi.dev/errors/GX-CONFLICT', 'title', ${inItsLanguage(title)}, 'status', ${status},
    'code', 'GX-CONFLICT', 'detail', ${inItsLanguage(isCopy)}, 'instance', coalesce(request, id::text))
  WHERE status IN ('queued', 'running');
DELETE FROM {schema}._job_chunk;
`,
  },
};
