import type { Store } from "@guanxi/store";
import { hot } from "../sql.ts";
import { schemaOf } from "../tables.ts";
import type { RunEnd } from "./end.ts";
import { insertEntries } from "./journal.ts";

/** Writes the ends of a slice's runs a few at a time: one statement for those that end within `waitMs`. */
export function createFinisher(store: Store, tenant: string, waitMs: number) {
  let waiting: RunEnd[] = [];
  let timer: Promise<void> | undefined;

  async function flush(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    const ends = waiting;
    waiting = [];
    timer = undefined;
    await writeEnds(store, tenant, ends);
  }

  return {
    /** Resolves when the end has been written. */
    add(end: RunEnd): Promise<void> {
      waiting.push(end);
      timer ??= flush();
      return timer;
    },
  };
}

/** Ends of runs that are not held any more as they were claimed are ignored; so are their calls. */
async function writeEnds(store: Store, tenant: string, ends: readonly RunEnd[]): Promise<void> {
  const schema = schemaOf(tenant);
  // The result is JSON text already.
  const rows = ends.map(({ entries: _, result, ...end }) => `${JSON.stringify(end).slice(0, -1)},"result":${result}}`);
  await hot(
    store,
    "finish",
    `WITH held AS (
       UPDATE ${schema}._run r SET status = e.status, worker = NULL, lease_until = NULL, updated_at = now(),
         due_at = to_timestamp(e.due / 1000.0), faults = faults + CASE WHEN e.fault THEN 1 ELSE 0 END,
         result = e.result, error = e.error, cost = coalesce(e.cost, r.cost), log = coalesce(e.log, r.log),
         ended_at = CASE WHEN e.status IN ('succeeded', 'failed') THEN now() END
       FROM json_to_recordset($1::json)
         AS e (id uuid, attempt int, status text, due float8, fault boolean, result json, error json, cost json, log json)
       WHERE r.id = e.id AND r.attempt = e.attempt AND r.status = 'running'
       RETURNING r.id
     ) ${insertEntries(schema, "$2::json")}`,
    [`[${rows.join(",")}]`, JSON.stringify(ends.flatMap((end) => end.entries))],
  );
}
