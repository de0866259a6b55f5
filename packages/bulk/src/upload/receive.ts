import { GuanxiError, newId } from "@guanxi/base";
import type { Kernel, Session } from "@guanxi/kernel";
import { quote } from "@guanxi/store";
import type { Mapping } from "../mapping/check.ts";
import type { Encoding, ImportPlan } from "../mapping/definition.ts";
import { bindHeader, type RawRow } from "../mapping/row.ts";
import type { BulkSettings } from "../settings.ts";
import { csvRows, lineRows } from "./rows.ts";
import { decoded } from "./text.ts";

export interface Upload {
  /** What the plan's mapping is on the object. */
  readonly mapping: Mapping;
  readonly plan: Omit<ImportPlan, "columns">;
  readonly encoding: Encoding;
  readonly body: ReadableStream<Uint8Array>;
  readonly locale: string;
}

/**
 * Stores the rows of an upload and queues the job; → its id. When this resolves, the rows are in PostgreSQL and any worker can import them.
 * Throws MALFORMED and VALIDATION for files that cannot be read or whose columns do not fit; nothing of them is kept then.
 */
export async function receive(
  kernel: Kernel,
  settings: BulkSettings,
  session: Session,
  upload: Upload,
): Promise<string> {
  const job = newId();
  const schema = quote(session.tenant.schema);
  const { store } = kernel;
  const text = decoded(upload.body, upload.encoding);
  const rows =
    upload.plan.format === "csv"
      ? csvRows(text, upload.plan.delimiter, settings.rowLength)
      : lineRows(text, settings.rowLength);
  const alive = (): Promise<unknown> =>
    store.sql(`UPDATE ${schema}._job SET lease_until = now() + $2 * interval '1 ms' WHERE id = $1`, [
      job,
      settings.uploadLeaseMs,
    ]);
  let heartbeat: NodeJS.Timeout | undefined;
  try {
    const { columns, rest } =
      upload.plan.format === "csv" ? await readHeader(rows, upload.mapping) : { columns: [], rest: [] };
    const { trace } = session.cause;
    const plan: ImportPlan = { ...upload.plan, columns, ...(trace === undefined ? {} : { trace }) };
    await store.sql(
      `INSERT INTO ${schema}._job (id, object_id, actor, locale, request, plan, status, lease_until)
       VALUES ($1, $2, $3, $4, $5, $6, 'receiving', now() + $7 * interval '1 ms')`,
      [
        job,
        upload.mapping.object.id,
        session.actor.user,
        upload.locale,
        session.cause.request ?? null,
        JSON.stringify(plan),
        settings.uploadLeaseMs,
      ],
    );
    // A sender may be slower than the lease; a beat that fails is made up for by the next.
    heartbeat = setInterval(() => void alive().catch(() => undefined), settings.uploadLeaseMs / 3);
    const total = await storeChunks(kernel, settings, schema, job, rest, rows);
    const queued = await store.sql(
      `UPDATE ${schema}._job SET status = 'queued', lease_until = NULL, total = $2, created_at = now() WHERE id = $1 AND status = 'receiving' RETURNING id`,
      [job, total],
    );
    if (queued.length === 0)
      throw new GuanxiError("UNAVAILABLE", { detail: "The upload stood still for too long.", retryAfter: 1 });
    return job;
  } catch (e) {
    await rows.return(undefined);
    // Where this fails too, the sweep removes what the lease no longer holds.
    await store.sql(`DELETE FROM ${schema}._job WHERE id = $1`, [job]).catch(() => undefined);
    throw e;
  } finally {
    clearInterval(heartbeat);
  }
}

/** The first record as the names of the columns, and the others that came with it. VALIDATION names each column that the mapping has no use for, or misses. */
async function readHeader(
  rows: AsyncGenerator<RawRow[]>,
  mapping: Mapping,
): Promise<{ columns: readonly string[]; rest: RawRow[] }> {
  const [first, ...rest] = (await rows.next()).value ?? [];
  if (first === undefined)
    throw new GuanxiError("MALFORMED", { detail: "The file is empty; its first line names the columns." });
  const columns = (first as readonly string[]).map((name) => name.trim());
  const twice = columns.filter((name, i) => columns.indexOf(name) !== i);
  if (twice.length > 0)
    throw new GuanxiError("MALFORMED", {
      detail: `The header has columns of the same name: ${[...new Set(twice)].join(", ")}`,
    });
  const { issues } = bindHeader(mapping, columns);
  if (issues.length > 0) throw new GuanxiError("VALIDATION", { detail: "The columns of the file do not fit.", issues });
  return { columns, rest };
}

/** Stores `first` and all `rows` after them; → how many there were. */
async function storeChunks(
  { store }: Kernel,
  settings: BulkSettings,
  schema: string,
  job: string,
  first: readonly RawRow[],
  rows: AsyncIterable<readonly RawRow[]>,
): Promise<number> {
  let total = 0;
  let n = 0;
  let chunk: string[] = [];
  let length = 0;
  /** The chunk that is on its way while the next one is read. */
  let storing: Promise<unknown> = Promise.resolve();
  const flush = async (): Promise<void> => {
    if (chunk.length === 0) return;
    const values = [job, n++, total - chunk.length + 1, `[${chunk.join(",")}]`];
    chunk = [];
    length = 0;
    await storing;
    storing = store.sql(`INSERT INTO ${schema}._job_chunk (job, n, first, rows) VALUES ($1, $2, $3, $4)`, values);
    // Whoever waits for it next hears of its fault.
    storing.catch(() => undefined);
  };
  const take = async (some: readonly RawRow[]): Promise<void> => {
    for (const row of some) {
      const json = JSON.stringify(row);
      chunk.push(json);
      length += json.length;
      total++;
      if (chunk.length >= settings.chunkRows || length >= settings.chunkLength) await flush();
    }
  };
  try {
    await take(first);
    for await (const some of rows) await take(some);
    await flush();
  } finally {
    // Nothing comes after its job is given up.
    await storing;
  }
  return total;
}
