// The hot queries keep using their indexes: each is heard on its way to PostgreSQL, as the platform sends it, and explained there.
import { createTestApp, q, type TestApp, until } from "@guanxi/testing";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asPrepared, type SentStatement, type Tap, tapStatements } from "../bench/statements.ts";
import { body, define, demoUsers, ids } from "./support.ts";

/** Enough that PostgreSQL would read no table as a whole that has an index for the question. */
const rows = 20_000;
const schema = "t_demo";

let app: TestApp;
let tap: Tap;
/** The same database, through the tap. */
let tapped: TestApp;
let sql: postgres.Sql;

beforeAll(async () => {
  app = await createTestApp();
  sql = postgres(app.databaseUrl, { max: 1, onnotice: () => undefined });
  await fill(await demoUsers(app));
  tap = await tapStatements(app.databaseUrl);
  tapped = await createTestApp({ on: app, worker: true, parts: { database: tap.url } });
});
afterAll(async () => {
  await tapped.close();
  await tap.close();
  await sql.end();
  await app.close();
});

/** Leads of `rep_b1`: none of them newer than anybody else's. */
const oldLeads = 50;

/** People who own leads, as many as one request creates. */
const owners = 1_000;

/** Leads of many owners, among them some of a rep and of a team, and a past of changes and runs. */
async function fill(users: Record<string, string>): Promise<void> {
  const admin = app.as("admin");
  const people = Array.from({ length: owners }, (_, i) => ({ name: `Seller ${i}`, email: `seller${i}@demo.example` }));
  const sellers = ids({ ...(await admin.post("/api/users", people)), status: 200 });
  await sql.unsafe(
    `INSERT INTO ${schema}.lead (id, owner, created_at, created_by, updated_at, updated_by, version, last_name, company, status, external_id)
     SELECT uuidv7(), CASE WHEN n > ${rows - oldLeads} THEN $3::uuid WHEN n % 200 = 0 THEN $1::uuid ELSE ($2::uuid[])[1 + n % ${owners}] END,
       now() - n * interval '1 min', $1, now() - n * interval '1 min', $1, 1, 'Name ' || n, 'Company', 'new', 'plan-' || n
     FROM generate_series(1, ${rows}) n`,
    [users["rep_a1"] ?? "", sellers, users["rep_b1"] ?? ""],
  );
  // The manager stands above sellers too, and many others above many others.
  await sql.unsafe(
    `INSERT INTO ${schema}._below SELECT $1::uuid, unnest($2::uuid[]) UNION ALL SELECT uuidv7(), uuidv7() FROM generate_series(1, ${rows})`,
    [users["manager_a"] ?? "", sellers.slice(0, 5)],
  );
  // Far above them, somebody whose rows are too many to be fetched for a page.
  await sql.unsafe(`INSERT INTO ${schema}._below SELECT $1::uuid, unnest($2::uuid[])`, [
    users["director"] ?? "",
    sellers,
  ]);
  await sql.unsafe(
    `INSERT INTO ${schema}._change (pos, object_id, record, op, version, at, actor, meta, cause, data, dispatched)
     SELECT n, 1, uuidv7(), 'create', 1, now(), $1, 1, '{"depth": 0}', '{}', true FROM generate_series(1, ${rows}) n`,
    [users["rep_a1"] ?? ""],
  );
  await sql.unsafe(
    `INSERT INTO ${schema}._run (id, workflow, workflow_version, event, object_id, record, actor, status, input, cause, ended_at)
     SELECT uuidv7(), 'flow' || n % 20, 1, n, 1, uuidv7(), $1, CASE WHEN n % 500 = 0 THEN 'failed' ELSE 'succeeded' END, '{}', '{}', now()
     FROM generate_series(1, ${rows}) n`,
    [users["rep_a1"] ?? ""],
  );
  await fillLots(users);
  await fillRooms(users, sellers);
  await sql.unsafe("ANALYZE");
}

/** Lots with formulas that are indexed, of all a formula's constants may be. */
async function fillLots(users: Record<string, string>): Promise<void> {
  const formula = (returns: string, source: string) => ({
    fieldType: "formula",
    returns,
    formula: source,
    index: true,
  });
  await define(app, {
    name: "lot",
    sharing: "read",
    properties: {
      price: { fieldType: "currency" },
      street: { type: "string", maxLength: 50 },
      seen_at: { fieldType: "datetime" },
      fee: formula("currency", "price * 0.03"),
      line: formula("text", "coalesce(street, 'none') + ', ' + (street.startsWith('S') ? 'south' : 'north')"),
      seen_on: formula("date", "date(seen_at)"),
      share: formula("number", "fee / 7"),
    },
  });
  await sql.unsafe(
    `INSERT INTO ${schema}.lot (id, owner, created_at, created_by, updated_at, updated_by, version, price, street, seen_at)
     SELECT uuidv7(), $1, now(), $1, now(), $1, 1, n, 'Street ' || n, '2020-01-01 00:00+00'::timestamptz + n * interval '1 hour' FROM generate_series(1, ${rows}) n`,
    [users["rep_a1"] ?? ""],
  );
}

/** Estates of many owners, and the rooms of each, which are shared as it is. */
async function fillRooms(users: Record<string, string>, sellers: readonly string[]): Promise<void> {
  const admin = app.as("admin");
  const estate = { fieldType: "reference", target: "estate" };
  await define(app, { name: "estate", properties: { name: { type: "string" } } });
  await define(app, {
    ...{ name: "room", sharing: { parent: "estate" } },
    properties: { size: { type: "integer" }, estate },
  });
  const { data } = body(await admin.get("/api/roles?select=name,rights&limit=100"), 200);
  for (const { id, name, rights } of data as { id: string; name: string; rights: Record<string, string[]> }[])
    if (name.startsWith("sales_"))
      body(await admin.patch(`/api/roles/${id}`, { rights: { ...rights, estate: ["read"], room: ["read"] } }), 200);
  await sql.unsafe(
    `WITH e AS (
       INSERT INTO ${schema}.estate (id, owner, created_at, created_by, updated_at, updated_by, version, name)
       SELECT uuidv7(), CASE WHEN n % 100 = 0 THEN $1::uuid ELSE ($2::uuid[])[1 + n % ${owners}] END, now(), $1, now(), $1, 1, 'Estate ' || n
       FROM generate_series(1, ${rows / 10}) n RETURNING id
     )
     INSERT INTO ${schema}.room (id, owner, created_at, created_by, updated_at, updated_by, version, size, estate)
     SELECT uuidv7(), ($2::uuid[])[1 + n * e.k % ${owners}], now(), $1, now() - n * interval '1 sec', $1, 1, n, e.id
     FROM (SELECT id, row_number() OVER () AS k FROM e) e CROSS JOIN generate_series(1, 10) n`,
    [users["rep_a1"] ?? "", sellers],
  );
}

interface Node {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Index Name"?: string;
  readonly "Index Cond"?: string;
  /** When it was run. */
  readonly "Actual Rows"?: number;
  readonly "Actual Loops"?: number;
  readonly "Rows Removed by Filter"?: number;
  readonly Plans?: readonly Node[];
}

const nodesOf = (node: Node): Node[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];

/** From the sixth time on PostgreSQL may use a plan that knows no parameters; the server prepares hot statements, so that one counts. */
const practice = 7;

async function planOf(statement: SentStatement, options = "FORMAT JSON"): Promise<Node[]> {
  const { prepare, execute } = asPrepared("hot", statement);
  await sql.unsafe("SET jit = off");
  await sql.unsafe(prepare);
  try {
    let plan: Node | undefined;
    for (let i = 0; i < practice; i++) {
      const [row] = await sql.unsafe<{ "QUERY PLAN": { Plan: Node }[] }[]>(`EXPLAIN (${options}) ${execute}`);
      plan = row?.["QUERY PLAN"][0]?.Plan;
    }
    return plan ? nodesOf(plan) : [];
  } finally {
    await sql.unsafe("DEALLOCATE hot");
  }
}

/** One row each, in every plan; there is nothing to look up. */
const oneRow = new Set(["_meta", "_feed"]);

/** How the plan reaches tables: `lead by owner`, or `lead as a whole`. */
async function accesses(plan: readonly Node[]): Promise<string[]> {
  const indexes = await sql.unsafe<{ name: string; relation: string; columns: string }[]>(
    `SELECT i.relname AS name, t.relname AS relation, string_agg(a.attname, ', ' ORDER BY a.attnum) AS columns
     FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
     JOIN pg_attribute a ON a.attrelid = i.oid WHERE t.relnamespace = '${schema}'::regnamespace GROUP BY 1, 2`,
  );
  const found = plan.flatMap((node) => {
    const index = indexes.find(({ name }) => name === node["Index Name"]);
    if (index) return [`${index.relation} by ${index.columns}`];
    const whole = node["Node Type"] === "Seq Scan" && !oneRow.has(node["Relation Name"] ?? "");
    return whole ? [`${node["Relation Name"]} as a whole`] : [];
  });
  return [...new Set(found)].sort();
}

/** The one statement like `about` that `work` makes the platform send. */
async function heard(about: RegExp, work: () => Promise<unknown>): Promise<SentStatement> {
  const found = (await tap.during(work)).filter(({ text }) => about.test(text));
  const [statement] = found;
  if (!statement) throw new Error(`nothing like ${about} was sent`);
  expect(new Set(found.map(({ text }) => text)).size, found.map(({ text }) => text).join("\n")).toBe(1);
  return statement;
}

/** By whichever way a list reads them. */
const aboutLeads = /"lead" (t0|r)\b/;
const newest = q({ order: "-updated_at", limit: 20 });
const get = (who: string, path: string) => async () => body(await tapped.as(who).get(path), 200);

describe("reads use indexes", () => {
  test.each<[string, string, string, string[]]>([
    ["a list of all", "admin", `/api/leads${newest}`, ["lead by updated_at"]],
    ["a rep's list", "rep_a1", `/api/leads${newest}`, ["_below by manager, subordinate", "lead by owner"]],
    ["a manager's list", "manager_a", `/api/leads${newest}`, ["_below by manager, subordinate", "lead by owner"]],
    ["a record by a unique field", "admin", "/api/leads/by/external_id/plan-400", ["lead by external_id"]],
    [
      "a record by a unique field, as a rep",
      "rep_a1",
      "/api/leads/by/external_id/plan-400",
      ["_below by manager, subordinate", "lead by external_id"],
    ],
  ])("%s", async (_, who, path, expected) => {
    const found = await accesses(await planOf(await heard(aboutLeads, get(who, path))));
    expect(found).toEqual(expect.arrayContaining(expected));
    expect(found.filter((access) => access.endsWith("as a whole"))).toEqual([]);
  });

  test.each<[string, string, string[]]>([
    ["admin", "", ["lead by updated_at"]],
    ["admin", "&filter=status == 'lost'", ["lead by status, created_at"]],
    ["rep_a1", "", ["_below by manager, subordinate", "lead by owner"]],
    ["manager_a", "", ["_below by manager, subordinate", "lead by owner"]],
    ["director", "", ["_below by manager, subordinate", "lead by updated_at"]],
  ])("%s's list that is asked again and again%s", async (who, more, expected) => {
    const ask = get(who, `/api/leads${newest}${more}`);
    // On each of the connections.
    for (let i = 0; i < 40; i++) await ask();
    const statement = await heard(aboutLeads, ask);
    expect(statement.prepared).toBe(true);
    // Its values stand in its text; who asks does not.
    expect(statement.params).toHaveLength(who === "admin" ? 0 : 1);
    expect(await accesses(await planOf(statement))).toEqual(expected);
  });

  test.each(["rep_b1", "rep_b2"])(
    "nobody's list looks at what others own, though all of %s's is old or nothing",
    async (who) => {
      const plan = await planOf(await heard(aboutLeads, get(who, `/api/leads${newest}`)), "ANALYZE, FORMAT JSON");
      const looked = plan
        .filter((node) => node["Relation Name"] === "lead")
        .map((node) => (node["Actual Rows"] ?? 0) + (node["Rows Removed by Filter"] ?? 0));
      expect(Math.max(...looked)).toBeLessThanOrEqual(oldLeads + 20);
    },
  );

  test.each([
    ["fee == 30", "id", "fee"],
    ["fee > 599.9", "-fee", "fee"],
    ["fee > 599.9 && price > 5", "fee,id", "fee"],
    ["line == 'Street 77, south'", "id", "line"],
    ["seen_on in ['2020-02-03', '2020-02-04']", "seen_on", "seen_on"],
    ["share > 85.69", "share", "share"],
  ])("a list by a formula: %s, in the order %s", async (filter, order, field) => {
    const lot = (await app.kernel.tenants.snapshot("demo")).objects.get("lot");
    const index = `_i${lot?.indexes.find(({ fields }) => fields.includes(field))?.id}`;
    const used = async (statement: SentStatement) =>
      (await planOf(statement)).flatMap((node) => node["Index Name"] ?? []);
    const ask = get("admin", `/api/lots${q({ filter, order, limit: 20 })}`);
    const about = /"lot" t0\b/;
    // Asked for the first time with parameters, and again and again with its values in the text.
    const first = await heard(about, ask);
    expect(first.params.length).toBeGreaterThan(0);
    expect(await used(first)).toEqual([index]);
    for (let i = 0; i < 40; i++) await ask();
    const later = await heard(about, ask);
    expect([later.params, await used(later)]).toEqual([[], [index]]);
  });

  test.each<[string, string[]]>([
    ["rep_a1", ["_below by manager, subordinate", "estate by owner", "room by estate"]],
    ["manager_a", ["_below by manager, subordinate", "estate by owner", "room by estate"]],
    ["director", ["_below by manager, subordinate", "estate by id", "room by updated_at"]],
  ])("%s's list of what is shared by a parent", async (who, expected) => {
    const about = /"room" (t0|r)\b/;
    const ask = get(who, `/api/rooms${newest}`);
    const first = await accesses(await planOf(await heard(about, ask)));
    expect(first).toEqual(expect.arrayContaining(expected));
    expect(first.filter((access) => access.endsWith("as a whole"))).toEqual([]);
    for (let i = 0; i < 40; i++) await ask();
    const again = await accesses(await planOf(await heard(about, ask)));
    expect(again.filter((access) => access !== "room by owner")).toEqual(expected);
  });

  test("a record that is shared by a parent, by its id", async () => {
    const [id] = ids(await tapped.as("rep_a1").get("/api/rooms?limit=1"));
    const plan = await planOf(await heard(/"room" t0\b/, get("rep_a1", `/api/rooms/${id}`)));
    expect(await accesses(plan)).toEqual(["_below by manager, subordinate", "estate by id", "room by id"]);
  });

  test.each<[string, string]>([
    ["estates", "name == 'Estate 7' && rooms.exists(r, r.size > 3)"],
    ["estates", "name == 'Estate 7' && rooms.all(r, r.size > 0) && size(rooms) > 2"],
    ["estates", "name == 'Estate 7' && rooms.exists_one(r, r.size == 3)"],
    ["leads", "external_id == 'plan-400' && tasks.exists(t, t.lead.status == 'new')"],
  ])("a list of %s by related records, in one statement: %s", async (plural, filter) => {
    const sent = await tap.during(get("admin", `/api/${plural}${q({ filter, limit: 20 })}`));
    const asked = sent.filter(({ text }) => text.includes(" t0"));
    expect(asked).toHaveLength(1);
    const found = await accesses(await planOf(asked[0] as SentStatement));
    expect(found.filter((access) => /^(room|task) /.test(access))).toEqual([
      plural === "leads" ? "task by lead" : "room by estate",
    ]);
  });

  test("a page of formulas that ask about related records looks each of them up once, in one statement", async () => {
    const busy = { fieldType: "formula", returns: "checkbox", formula: "rooms.exists(r, r.size > 9)" };
    await define(app, { name: "estate", properties: { name: { type: "string" }, busy } });
    const ask = get("admin", `/api/estates${q({ limit: 20 })}`);
    await ask();
    const sent = await tap.during(ask);
    const asked = sent.filter(({ text }) => text.includes(" t0"));
    expect(asked).toHaveLength(1);
    const plan = await planOf(asked[0] as SentStatement, "ANALYZE, FORMAT JSON");
    expect(await accesses(plan)).toContain("room by estate");
    const looked = plan.filter((node) => node["Relation Name"] === "room").map((node) => node["Actual Loops"] ?? 0);
    expect(Math.max(...looked)).toBeLessThanOrEqual(21);
  });

  test("a record by id", async () => {
    const [id] = ids(await tapped.as("rep_a1").get("/api/leads?limit=1"));
    const plan = await planOf(await heard(aboutLeads, get("rep_a1", `/api/leads/${id}`)));
    expect(await accesses(plan)).toEqual(["_below by manager, subordinate", "lead by id"]);
  });

  test("a page behind a cursor begins at the cursor and repeats nothing", async () => {
    const first = body(await tapped.as("admin").get(`/api/leads${newest}`), 200);
    let second: { data: { id: string }[] } | undefined;
    const statement = await heard(aboutLeads, async () => {
      second = body(
        await tapped.as("admin").get(`/api/leads${newest}&${q({ cursor: first.next as string }).slice(1)}`),
        200,
      );
    });
    const plan = await planOf(statement);
    expect(await accesses(plan)).toEqual(["lead by updated_at"]);
    expect(plan.find((node) => node["Index Name"] !== undefined)?.["Index Cond"]).toMatch(/updated_at/);
    const seen = new Set((first.data as { id: string }[]).map((r) => r.id));
    expect(second?.data).toHaveLength(20);
    expect(second?.data.filter((r) => seen.has(r.id))).toEqual([]);
  });

  test.each<[string, string, string[]]>([
    ["all runs", "", ["_run by seq"]],
    ["a workflow's", "&workflow=flow7", ["_run by workflow, seq"]],
    ["a record's", "&record=0198a3f0-1111-7000-8000-000000000001", ["_run by record, seq"]],
    ["failed ones", "&status=failed", ["_run by seq"]],
  ])("the list of runs: %s", async (_, parameters, expected) => {
    const statement = await heard(/_run\b.*ORDER BY seq DESC/s, get("admin", `/api/runs?limit=20${parameters}`));
    expect(await accesses(await planOf(statement))).toEqual(expected);
  });
});

describe("writes and workers use indexes", () => {
  test("an update locks and changes its record by id", async () => {
    const [id] = ids(await tapped.as("rep_a1").get("/api/leads?limit=1"));
    const statement = await heard(/UPDATE "t_demo"\."lead"/, async () =>
      body(await tapped.as("rep_a1").patch(`/api/leads/${id}`, { company: "Another" }), 200),
    );
    const found = await accesses(await planOf(statement));
    expect(found).toContain("lead by id");
    for (const table of ["lead", "_below", "_change"]) expect(found).not.toContain(`${table} as a whole`);
  });

  test("the relay takes what waits, and a worker claims what is queued, without reading the rest", async () => {
    const workflow = { name: "quick", object: "lead", on: "created", script: "export default async () => {};\n" };
    body(await tapped.as("admin").put("/api/meta/workflows/quick", workflow), 201);
    const ended = async (id: string) => {
      const { data } = body(await tapped.as("admin").get(`/api/runs?workflow=quick&record=${id}`), 200);
      return (data as { status: string }[])[0]?.status === "succeeded";
    };
    const sent = await tap.during(async () => {
      const { id } = body(await tapped.as("admin").post("/api/leads", { last_name: "Lin", company: "Lin" }), 201);
      await until("the run", () => ended(id as string));
    });
    const one = (about: RegExp): SentStatement => {
      const statement = sent.find(({ text }) => about.test(text));
      if (!statement) throw new Error(`nothing like ${about} was sent`);
      return statement;
    };
    expect(await accesses(await planOf(one(/SET dispatched = true.*FROM taken ORDER BY seq/s)))).toEqual([
      "_change by seq",
    ]);
    const claim = await accesses(await planOf(one(/SET status = 'running', attempt/)));
    expect(claim).toEqual(["_run by id", "_run by record, seq", "_run by seq"]);
  });
});

test("the check would notice: without its index the list reads the table as a whole", async () => {
  const statement = await heard(aboutLeads, get("rep_a1", `/api/leads${newest}`));
  await sql.unsafe("SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_indexonlyscan = off");
  try {
    expect(await accesses(await planOf(statement))).toContain("lead as a whole");
  } finally {
    await sql.unsafe("RESET enable_indexscan; RESET enable_bitmapscan; RESET enable_indexonlyscan");
  }
});
