/**
 * Imports in a process of its own: `node worker-child.ts <database> <tenant>`. It says `ready`, and works on jobs until it is killed. With a
 * third argument it first takes an upload of so many rows, as the API would, works it off and prints `{"job", "mb"}`: the most memory it had.
 */
import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createKernel } from "@guanxi/kernel";
import { createStore } from "@guanxi/store";
import { bulkTables, createBulk } from "../src/index.ts";

const [database = "", tenant = "demo", rows] = process.argv.slice(2);
const observe = (): void => undefined;
const store = createStore({
  connection: database,
  maxConnections: 4,
  statementTimeoutMs: 30_000,
  slowStatementMs: 10_000,
  observe,
});
const files = { folder: join(tmpdir(), "guanxi-test-no-files") };
const kernel = await createKernel({ store, files, observe, plugins: [], components: [bulkTables] });
const bulk = createBulk({ kernel, observe });

/** A CSV file of that many rows which is never in memory as a whole. */
function file(count: number): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let next = 0;
  return new ReadableStream({
    pull(controller) {
      const end = Math.min(next + 1_000, count);
      let text = next === 0 ? "title,external_id,amount,stage\n" : "";
      for (; next < end; next++) text += `generated ${next},g${next},${next % 1_000}.5,won\n`;
      controller.enqueue(encoder.encode(text));
      if (next === count) controller.close();
    },
  });
}

async function upload(count: number): Promise<string> {
  const [user] = await store.sql<{ id: string }>(
    `SELECT id FROM t_${tenant}."user" WHERE email = 'admin@demo.example'`,
  );
  const session = await kernel.sessionFor(tenant, user?.id ?? randomUUID(), { depth: 0 });
  const route = bulk.routes.find(({ path }) => path === "/api/import/:plural");
  const answer = await route?.handle(session, {
    params: { plural: "deals" },
    query: new URLSearchParams(),
    headers: new Headers({ "content-type": "text/csv" }),
    locale: "en",
    ifVersion: async () => undefined,
    json: () => Promise.reject(new Error("the body is no JSON")),
    body: () => file(count),
  });
  if (!answer) throw new Error("there is no such route");
  return (answer.body as { id: string }).id;
}

if (rows === undefined) {
  await bulk.startWorker();
  process.stdout.write("ready\n");
} else {
  const job = await upload(Number(rows));
  const worker = await bulk.startWorker();
  for (;;) {
    const [row] = await store.sql<{ ended_at: string | null }>(`SELECT ended_at FROM t_${tenant}._job WHERE id = $1`, [
      job,
    ]);
    if (row?.ended_at) break;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  await worker.stop();
  await kernel.close();
  await store.close();
  // maxRSS is in KB.
  process.stdout.write(`${JSON.stringify({ job, mb: Math.round(process.resourceUsage().maxRSS / 1_024) })}\n`);
}
