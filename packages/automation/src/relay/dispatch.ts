import { newId, type Tracer } from "@guanxi/base";
import type { Kernel } from "@guanxi/kernel";
import { type Connection, quotedSchema } from "@guanxi/store";
import type { AutomationSettings } from "../settings.ts";
import { hot } from "../sql.ts";
import type { VersionSet, Versions } from "../workflows/versions.ts";
import type { Workflow } from "../workflows/workflow.ts";
import { type TakenRow, passBatch, readChanges, takeBatch } from "./batch.ts";
import { type Change, matches } from "./match.ts";
import { type Person, findPerson } from "./people.ts";
import { type StopReason, countRates, createBrake } from "./brake.ts";

export interface Dispatched {
  readonly events: number;
  readonly runs: number;
  /** When the oldest of them was made. */
  readonly oldest?: Date | undefined;
  /** Whether more rows may wait. */
  readonly more: boolean;
}

interface NewRun {
  readonly id: string;
  readonly event: number;
  readonly workflow: string;
  readonly version: number;
  readonly actor: string;
  readonly status: "queued" | "failed";
  readonly error: StopReason | null;
  readonly person: Person | null;
  readonly trace: string | undefined;
}

interface Match {
  readonly workflow: Workflow;
  readonly change: Change;
  readonly person: Person | null;
}

/**
 * Dispatches one batch of a tenant's committed changes: gives each its position in the feed, finds the workflows it starts and creates their runs,
 * in one transaction. There is no watermark: what is not marked as dispatched waits, however long its transaction took.
 */
export function createDispatch(
  kernel: Kernel,
  versions: Versions,
  settings: AutomationSettings,
  tracer: Tracer,
): (tenant: string) => Promise<Dispatched> {
  const limit = settings.relayRows;

  return async (tenant) => {
    const schema = quotedSchema(tenant);
    const known = versions.last(tenant);
    if (known?.byObject.size === 0) {
      const { events, other, oldest } = await passBatch(kernel.store, schema, known, limit);
      if (events > 0 || !other)
        return { events, runs: 0, oldest: oldestOf(oldest === null ? [] : [oldest]), more: other || events >= limit };
    }
    return kernel.store.transaction(async (tx) => {
      const rows = await takeBatch(tx, schema, limit);
      const runs = rows.length === 0 ? 0 : await startRuns(tx, tenant, schema, rows);
      return { events: rows.length, runs, oldest: oldestOf(rows.map((row) => row.at)), more: rows.length >= limit };
    });
  };

  async function startRuns(tx: Connection, tenant: string, schema: string, rows: readonly TakenRow[]): Promise<number> {
    const metas = rows.map((row) => row.meta);
    const set = await versions.covering(tx, tenant, Math.min(...metas), Math.max(...metas));
    const watched = rows.filter((row) => set.byObject.has(row.object_id));
    if (watched.length === 0) return 0;
    const found = await findMatches(tenant, set, await readChanges(tx, schema, watched));
    if (found.length === 0) return 0;
    const stop = createBrake(settings, await countRates(tx, schema, found));
    const runs: NewRun[] = [];
    for (const match of found) runs.push(await newRun(match, stop(match.workflow, match.change), tracer));
    await insertRuns(tx, schema, runs);
    return found.length;
  }

  async function findMatches(tenant: string, set: VersionSet, changes: readonly Change[]): Promise<Match[]> {
    const found: Match[] = [];
    for (const change of changes) {
      const known = change.actor === null ? null : await findPerson(kernel, tenant, change.actor);
      for (const workflow of set.byObject.get(change.objectId) ?? [])
        if (set.snapshot && matches(workflow, change, known?.record ?? {}, set.snapshot))
          found.push({ workflow, change, person: known?.person ?? null });
    }
    return found;
  }
}

const oldestOf = (times: readonly string[]): Date | undefined =>
  times.length === 0 ? undefined : new Date(Math.min(...times.map((at) => new Date(at).getTime())));

/** The moment at which a change's trace passes on to the run, whenever that will be taken up. */
function newRun({ workflow, change, person }: Match, error: StopReason | null, tracer: Tracer): Promise<NewRun> {
  const { name, version, actor } = workflow;
  const attributes = { "guanxi.workflow": name, "guanxi.event": change.seq };
  const traced = { name: `start ${name}`, kind: "producer", attributes, links: [tracer.current()] } as const;
  return tracer.span({ ...traced, parent: change.cause.trace }, async ({ traceparent }) => ({
    id: newId(),
    event: change.seq,
    workflow: name,
    version,
    actor,
    status: error === null ? "queued" : "failed",
    error,
    person,
    trace: traceparent,
  }));
}

/** Fields of the change row `c` that are only told to have changed: its new record has none of them. */
const untold = "ARRAY(SELECT k FROM jsonb_object_keys(c.old) k WHERE NOT c.data ? k)";

/** The input is put together by the database from the change row, so that it keeps every digit and does not travel twice. */
async function insertRuns(tx: Connection, schema: string, runs: readonly NewRun[]): Promise<void> {
  await hot(
    tx,
    "insert_runs",
    `INSERT INTO ${schema}._run (id, workflow, workflow_version, event, object_id, record, actor, status, error, ended_at, input, cause)
     SELECT r.id, r.workflow, r.version, c.seq, c.object_id, c.record, r.actor, r.status, r.error, CASE WHEN r.status = 'failed' THEN now() END,
       jsonb_build_object('record', c.data, 'old', CASE WHEN c.op = 'update' THEN c.data || (coalesce(c.old, '{}') - ${untold}) END, 'actor', r.person),
       c.cause || jsonb_strip_nulls(jsonb_build_object('depth', coalesce((c.cause->>'depth')::int, 0) + 1, 'trace', r.trace))
     FROM json_to_recordset($1::json)
       AS r (id uuid, event bigint, workflow text, version int, actor uuid, status text, error json, person jsonb, trace text)
     JOIN ${schema}._change c ON c.seq = r.event ORDER BY r.event, r.id
     ON CONFLICT (event, workflow) DO NOTHING`,
    [JSON.stringify(runs)],
  );
}
