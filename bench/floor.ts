// The limit that a general platform can approach: fixed SQL for one table, without validation, access, history or events.
// DATABASE_URL, FLOOR_SCHEMA, FLOOR_CONNECTIONS and FLOOR_OWNERS (JSON: `{rep, manager}`, lists of owners) say on what.
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import postgres from "postgres";

const { DATABASE_URL = "", FLOOR_SCHEMA = "", FLOOR_CONNECTIONS = "16", FLOOR_OWNERS = "{}" } = process.env;
const owners = JSON.parse(FLOOR_OWNERS) as { rep: string[]; manager: string[] };
const sql = postgres(DATABASE_URL, {
  max: Number(FLOOR_CONNECTIONS),
  fetch_types: false,
  onnotice: () => undefined,
  connection: { TimeZone: "UTC", jit: false, application_name: "floor" },
});
const table = `"${FLOOR_SCHEMA}".lead`;

const columns = `last_name, first_name, salutation, company, job_title, status, source, rating, score, amount, email, mobile, phone, wechat,
  website, industry, employees, street, city, province, postal_code, country, description, external_id,
  id, owner, created_at, created_by, updated_at, updated_by, version`;
const written =
  `last_name, first_name, salutation, company, job_title, status, source, rating, score, amount, email, mobile,
  industry, employees, city, province, country, external_id`.split(/,\s*/);
const places = written.map((_, i) => `$${i + 2}`);

const page = (
  rows: string,
  where: string,
): string => `SELECT coalesce(string_agg(to_json(r)::text, ','), '') AS data FROM (
  SELECT ${columns} FROM ${rows} l WHERE deleted_at IS NULL AND ${where} ORDER BY updated_at DESC, id DESC LIMIT 50) r`;
/** Of few rows all are fetched by their owners, and sorted; of many the newest are found by walking. Who knows the data can choose. */
const fewRows = page(`(SELECT * FROM ${table} WHERE owner = ANY ($1::uuid[]) OFFSET 0)`, "true");
const manyRows = page(table, "owner = ANY ($1::uuid[])");

const statements = {
  read: `SELECT to_json(r)::text AS data FROM (SELECT ${columns} FROM ${table} WHERE id = $1) r`,
  admin: page(table, "rating = 'hot' AND score >= 50"),
  aggregate: `SELECT coalesce(string_agg(to_json(r)::text, ','), '') AS data FROM (
    SELECT status, rating, count(*) AS count, sum(amount) AS sum_amount FROM ${table} WHERE deleted_at IS NULL GROUP BY 1, 2 ORDER BY 1, 2) r`,
  insert: `WITH r AS (INSERT INTO ${table} (id, owner, created_at, created_by, updated_at, updated_by, version, ${written.join(", ")})
    VALUES (uuidv7(), $1, now(), $1, now(), $1, 1, ${places.join(", ")}) RETURNING ${columns}) SELECT to_json(r)::text AS data FROM r`,
  update: `WITH r AS (UPDATE ${table} SET employees = $2, updated_at = now(), version = version + 1 WHERE id = $1 RETURNING ${columns})
    SELECT to_json(r)::text AS data FROM r`,
};

type Value = string | number | null;

async function run(text: string, values: Value[] = []): Promise<string> {
  const [row] = await sql.unsafe<{ data: string }[]>(text, values, { prepare: true });
  return row?.data ?? "null";
}

/** An array as PostgreSQL reads it; ids need no escaping. */
const listOf = (ids: readonly string[]): string => `{${ids.join(",")}}`;

const answer = (text: string, status = 200): Response =>
  new Response(text, { status, headers: { "content-type": "application/json" } });

const app = new Hono()
  .get("/leads/:id", async (c) => answer(await run(statements.read, [c.req.param("id")])))
  .get("/lists/admin", async () => answer(`{"data":[${await run(statements.admin)}]}`))
  .get("/lists/rep", async () => answer(`{"data":[${await run(fewRows, [listOf(owners.rep)])}]}`))
  .get("/lists/manager", async () => answer(`{"data":[${await run(manyRows, [listOf(owners.manager)])}]}`))
  .get("/aggregate", async () => answer(`{"data":[${await run(statements.aggregate)}]}`))
  .post("/leads", async (c) => {
    const body = await c.req.json<Record<string, Value>>();
    return answer(
      await run(statements.insert, [owners.rep[0] ?? null, ...written.map((name) => body[name] ?? null)]),
      201,
    );
  })
  .patch("/leads/:id", async (c) => {
    const { employees } = await c.req.json<{ employees: number }>();
    return answer(await run(statements.update, [c.req.param("id"), employees]));
  });

const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, ({ port }) =>
  console.log(`floor at http://127.0.0.1:${port}`),
);
process.once("SIGTERM", () => {
  server.close(() => void sql.end({ timeout: 5 }));
  if ("closeAllConnections" in server) server.closeAllConnections();
});
