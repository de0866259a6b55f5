import { type Store, isDatabaseError, quotedSchema } from "@guanxi/store";
import { hot } from "../sql.ts";
import { type RunEnd, failedEnd } from "./end.ts";
import { insertEntries } from "./journal.ts";

/** Writes the ends of a batch's runs a few at a time: one statement for those that end within `waitMs`. */
export function createFinisher(store: Store, tenant: string, waitMs: number) {
  let waiting: RunEnd[] = [];
  let writing: Promise<void> | undefined;
  let hurry: (() => void) | undefined;

  async function flush(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, waitMs);
    hurry = resolve;
    await promise;
    clearTimeout(timer);
    const ends = waiting;
    waiting = [];
    writing = undefined;
    try {
      await writeEnds(store, tenant, ends);
    } catch (error) {
      if (!isDatabaseError(error)) throw error;
      for (const end of ends) await writeAlone(end);
    }
  }

  /** What PostgreSQL cannot take of one run must not keep the others, nor that run for ever. */
  async function writeAlone(end: RunEnd): Promise<void> {
    try {
      await writeEnds(store, tenant, [end]);
    } catch (error) {
      if (!isDatabaseError(error)) throw error;
      const message = `What the run ended with cannot be stored (SQLSTATE ${error.sqlState}).`;
      await writeEnds(store, tenant, [failedEnd(end, { code: "GX-INTERNAL", message })]);
    }
  }

  return {
    /** Resolves when the end has been written. */
    add(end: RunEnd): Promise<void> {
      waiting.push(end);
      writing ??= flush();
      return writing;
    },
    /** No further end will come, so that those which wait need not. */
    last(): void {
      hurry?.();
    },
  };
}

/** Ends of runs that are not held any more as they were claimed are ignored; so are their calls. */
async function writeEnds(store: Store, tenant: string, ends: readonly RunEnd[]): Promise<void> {
  const schema = quotedSchema(tenant);
  // What a script said travels as JSON text within the JSON: PostgreSQL would refuse its NUL characters and lone surrogates otherwise.
  const text = (value: unknown): string | null => (value === null ? null : JSON.stringify(value));
  const rows = ends.map(({ entries: _, ...end }) => ({
    ...end,
    error: text(end.error),
    cost: text(end.cost),
    log: text(end.log),
  }));
  await hot(
    store,
    "finish",
    `WITH held AS (
       UPDATE ${schema}._run r SET status = e.status, worker = NULL, lease_until = NULL, updated_at = now(),
         due_at = to_timestamp(e.due / 1000.0), faults = faults + CASE WHEN e.fault THEN 1 ELSE 0 END,
         result = e.result::json, error = e.error::json, cost = coalesce(e.cost::json, r.cost), log = coalesce(e.log::json, r.log),
         ended_at = CASE WHEN e.status IN ('succeeded', 'failed') THEN now() END
       FROM json_to_recordset($1::json)
         AS e (id uuid, attempt int, status text, due float8, fault boolean, result text, error text, cost text, log text)
       WHERE r.id = e.id AND r.attempt = e.attempt AND r.status = 'running'
       RETURNING r.id
     ) ${insertEntries(schema, "$2::json")}`,
    [JSON.stringify(rows), JSON.stringify(ends.flatMap((end) => end.entries))],
  );
}
