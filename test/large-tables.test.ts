// Changes of definitions on tables that are too large for their writers to wait: built ahead, and as if they had been made at once.
import { type Api, type ApiAnswer, createTestApp, type TestApp, until } from "@guanxi/testing";
import { isDatabaseError } from "@guanxi/store";
import fc from "fast-check";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { endNodes, startNode } from "./processes/node.ts";
import { body, ids, problem } from "./support.ts";

/** One on which every table that has rows is large, and one on which none is. */
let large: TestApp;
let small: TestApp;
/** The first once more, which waits for the end of what it builds, however slow the machine is. */
let patient: TestApp;
let sql: postgres.Sql;
const admin = (): Api => large.as("admin");
/** Generated changes by the score, and killed processes, are for where nothing else runs (`GUANXI_TEST_ALL=1`, as in `.ci/run`). */
const alone = process.env["GUANXI_TEST_ALL"] === "1";
const changes = "/api/meta/changes";
const meta = (name: string): string => `/api/meta/objects/${name}`;
const text = { type: "string" } as const;
const whole = { type: "integer" } as const;
interface Step {
  readonly effect: string;
  readonly inTheWay?: object;
}
const refers = (target: string) => ({ fieldType: "reference", target, onDelete: "setNull" });

/** ms that a change set is waited for here, so that one which has to wait itself is soon answered. */
const changeWaitMs = 600;

beforeAll(async () => {
  small = await createTestApp();
  large = await createTestApp({ parts: { changes: { largeTableBytes: 0, changeWaitMs } } });
  patient = await createTestApp({ on: large, parts: { changes: { largeTableBytes: 0, changeWaitMs: 30_000 } } });
  sql = postgres(large.databaseUrl, { max: 4, onnotice: () => undefined });
});
afterAll(async () => {
  await endNodes();
  await sql.end({ timeout: 1 });
  await patient.close();
  await large.close();
  await small.close();
});

const define = async (name: string, properties: object, more: object = {}): Promise<void> => {
  const answer = await admin().put(meta(name), { name, type: "object", properties, ...more });
  expect([200, 201], answer.text).toContain(answer.status);
};

/**
 * Columns, indexes and constraints of the tenant's tables as PostgreSQL has them. Names of NOT NULL constraints are PostgreSQL's own and
 * stay what the column was called first.
 */
async function catalogue(app: TestApp): Promise<unknown> {
  return untorn(() => app.store.sql(catalogueSql));
}

const catalogueSql = `
    SELECT table_name AS t, column_name AS name, concat_ws(' ', data_type, numeric_precision, is_nullable, column_default) AS says
    FROM information_schema.columns WHERE table_schema = 't_demo'
    UNION ALL SELECT c.relname, i.relname, pg_get_indexdef(x.indexrelid) || x.indisvalid || x.indisready
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid WHERE c.relnamespace = 't_demo'::regnamespace
    UNION ALL SELECT c.relname, k.conname, pg_get_constraintdef(k.oid) || k.convalidated
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE c.relnamespace = 't_demo'::regnamespace AND k.contype <> 'n'
    ORDER BY 1, 2, 3`;

/** PostgreSQL's own functions look past the statement's snapshot: of an index that goes meanwhile they find nothing, and fail. */
async function untorn<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (isDatabaseError(error, "XX000")) return untorn(ask);
    throw error;
  }
}

/**
 * Changes on both; the answers, without what differs between any two tenants. Of several things that records do not fit, either may tell
 * another one where `anyFault` is said: a large table is looked at in its own order.
 */
async function onBoth(work: (api: Api) => Promise<ApiAnswer>, anyFault = false): Promise<ApiAnswer> {
  const [one, other] = [await work(small.as("admin")), await work(patient.as("admin"))];
  const said = (answer: ApiAnswer): unknown => {
    const { id: _, instance: __, detail, ...told } = (answer.body ?? {}) as Record<string, unknown>;
    const rest = anyFault && answer.status === 409 ? told : { detail, ...told };
    return [answer.status, JSON.stringify(rest).replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "id")];
  };
  expect(said(other)).toEqual(said(one));
  expect(await catalogue(large)).toEqual(await catalogue(small));
  return other;
}

describe("as if the table were small", () => {
  const set = (objects: readonly object[], more: object = {}) => ({ objects, ...more });
  const port = (properties: object, more: object = {}) => ({ name: "port", properties, ...more });
  const send = (value: object) => onBoth((api) => api.post(changes, value));
  /** Ids are made by the application, and are in the answers of refusals. */
  const record = (n: number): string => `0198a3f0-2222-7000-8000-${String(n).padStart(12, "0")}`;
  const fill = async (values: (n: number) => string, columns: string, rows = 40): Promise<void> => {
    for (const { store } of [small, large])
      await store.sql(`INSERT INTO t_demo.port (id, owner, created_at, created_by, updated_at, updated_by, version, ${columns})
        VALUES ${Array.from({ length: rows }, (_, n) => `('${record(n)}', (SELECT min(id::text)::uuid FROM t_demo."user"), now(), (SELECT min(id::text)::uuid FROM t_demo."user"), now(), (SELECT min(id::text)::uuid FROM t_demo."user"), 1, ${values(n)})`).join(", ")}`);
  };

  test("each kind of change, alone and with others, gives the same answer and the same tables", async () => {
    const base = { code: text, size: whole, note: text };
    body(await send(set([port(base), { name: "quay", properties: { label: text } }])), 200);
    await fill((n) => `'c${n}', ${n % 7}, ${n === 3 ? "NULL" : `'${n}'`}`, "code, size, note");
    const inTheWay: readonly object[] = [
      port(base, { unique: [["size"]] }),
      port(base, { unique: [["size", "code"], ["size"]] }),
      port(base, { required: ["note"] }),
      port({ ...base, more: text }, { required: ["more"] }),
      port({ ...base, size: { ...refers("quay") } }),
      port({ ...base, code: whole }),
      port({ ...base, kind: { type: "string", default: "x", unique: true } }),
      port({ ...base, place: { ...text, was: "code" }, size: { ...whole, unique: true }, quay: refers("quay") }),
    ];
    for (const definition of inTheWay) {
      const before = await catalogue(large);
      const { status } = await send(set([definition]));
      expect([409, 422]).toContain(status);
      const planned = await onBoth((api) => api.post(`${changes}?plan=true`, set([definition])));
      if (status === 409) expect(planned.body.ok).toBe(false);
      expect(await catalogue(large)).toEqual(before);
    }
    const fits: readonly object[] = [
      port(base, { indexes: [["size"]] }),
      port(base, { indexes: [["size"], ["note", "size"]], unique: [["code"], ["code", "size"]] }),
      port({ ...base, quay: refers("quay") }, { unique: [["code"]], required: ["code"] }),
      port(
        { ...base, quay: refers("quay"), kind: { ...text, default: "x" }, flag: { type: "boolean", default: false } },
        { required: ["kind", "flag"] },
      ),
      // What is built stands on columns that come, go and are renamed with it.
      port(
        {
          place: { ...text, was: "code" },
          size: whole,
          kind: { ...text, default: "x" },
          pier: refers("quay"),
          no: { fieldType: "autonumber", pattern: "P-{0000}", unique: true },
        },
        {
          required: ["size"],
          indexes: [
            ["place", "kind"],
            ["pier", "size"],
          ],
          unique: [["place", "pier"]],
        },
      ),
      {
        name: "harbour",
        was: "port",
        properties: {
          site: { ...text, was: "place", unique: true },
          size: whole,
          quays: { fieldType: "references", target: "quay" },
        },
      },
      {
        name: "harbour",
        properties: {
          site: { ...text, unique: true },
          size: whole,
          twice: { fieldType: "formula", returns: "integer", formula: "size * 2", index: true },
        },
      },
      {
        name: "harbour",
        properties: {
          site: { ...text, unique: true },
          size: whole,
          twice: { fieldType: "formula", returns: "integer", formula: "size * 3", index: true },
        },
      },
      {
        name: "harbour",
        properties: {
          site: { ...text, unique: true },
          size: { type: "number" },
          twice: { fieldType: "formula", returns: "number", formula: "size * 3.0", index: true },
        },
      },
      { name: "harbour", properties: { site: text } },
    ];
    const allow = ["drop:port.note", "drop:harbour.size", "drop:harbour.kind", "drop:port.kind", "drop:port.flag"];
    for (const definition of fits) {
      const planned = await onBoth((api) => api.post(`${changes}?plan=true`, set([definition], { allow })));
      expect(body(planned, 200).ok, planned.text).toBe(true);
      body(await send(set([definition], { allow })), 200);
    }
    // Each way back is an entry itself.
    for (const nth of [0, 2, 4])
      await onBoth(async (api) => {
        const { data } = body(await api.get(`${changes}?limit=5`), 200);
        const reverted = await api.post(`${changes}/${data[nth].id}/revert`, { allow: [] });
        body(reverted, 200);
        return reverted;
      });
    const left = await large.store.sql("SELECT relname FROM pg_class WHERE starts_with(relname, '_new')");
    expect(left).toEqual([]);
    const building = await large.store.sql("SELECT id FROM t_demo._change_set_build");
    expect(building).toEqual([]);
  });
});

describe("whatever is changed", () => {
  interface Wish {
    readonly kept: readonly boolean[];
    readonly renamed: number | null;
    readonly types: readonly string[];
    readonly unique: readonly (readonly number[])[];
    readonly required: readonly number[];
    readonly index: readonly number[];
    readonly added: "nothing" | "filled" | "key" | "reference" | "either";
    readonly allowed: boolean;
  }
  const names = ["a", "b", "c"];
  const some = fc.subarray([0, 1, 2], { maxLength: 2 });
  const wish: fc.Arbitrary<Wish> = fc.record({
    kept: fc.tuple(fc.constant(true), fc.boolean(), fc.constant(true)),
    renamed: fc.option(fc.nat(2)),
    types: fc.tuple(
      fc.constantFrom("string", "integer"),
      fc.constantFrom("integer", "number", "string"),
      fc.constant("string"),
    ),
    unique: fc.array(fc.subarray([0, 1, 2], { minLength: 1, maxLength: 2 }), { maxLength: 2 }),
    required: some,
    index: some,
    added: fc.constantFrom("nothing", "filled", "key", "reference", "either"),
    allowed: fc.boolean(),
  });
  const rows = fc.array(
    fc.record({ a: fc.constantFrom("1", "2", "x"), b: fc.option(fc.nat(3)), c: fc.option(fc.constantFrom("p", "q")) }),
    { minLength: 1, maxLength: 4 },
  );
  const added = {
    nothing: {},
    filled: { more: { type: "string", default: "m" } },
    key: { more: { type: "integer", unique: true } },
    reference: { more: refers("anchor") },
    either: { more: { fieldType: "reference", target: ["anchor", "buoy"], onDelete: "setNull" } },
  };

  function definition(name: string, { kept, renamed, types, unique, required, index, added: more }: Wish): object {
    const called = (i: number): string => (i === renamed ? `${names[i]}_2` : (names[i] ?? ""));
    const there = (list: readonly number[]): string[] => list.filter((i) => kept[i]).map(called);
    const lists = (all: readonly (readonly number[])[]): string[][] => all.map(there).filter((list) => list.length > 0);
    const own = names.flatMap((field, i) =>
      kept[i] ? [[called(i), { type: types[i], ...(i === renamed ? { was: field } : {}) }]] : [],
    );
    return {
      name,
      properties: { ...Object.fromEntries(own), ...added[more] },
      required: there(required),
      unique: lists(unique),
      indexes: lists([index]),
    };
  }

  test("large tables become what small ones do, with the same answers; a refusal leaves all as it was", async () => {
    for (const name of ["anchor", "buoy"])
      body(await onBoth((api) => api.put(meta(name), { name, properties: { label: text } })), 201);
    let round = 0;
    const told: number[] = [];
    const property = fc.asyncProperty(rows, wish, wish, async (values, first, second) => {
      const name = `chain${++round}`;
      const base = { name, properties: { a: text, b: whole, c: text } };
      body(await onBoth((api) => api.put(meta(name), base)), 201);
      for (const app of [small, large]) ids(await app.as("admin").post(`/api/${name}s`, values));
      for (const one of [first, second]) {
        const before = await catalogue(large);
        const allow = one.allowed
          ? ["a", "b", "c", "a_2", "b_2", "c_2", "more"].map((field) => `drop:${name}.${field}`)
          : [];
        const set = { objects: [definition(name, one)], allow };
        const { status, body: answer } = await onBoth((api) => api.post(changes, set), true);
        told.push(status);
        if (status === 200) continue;
        expect(await catalogue(large)).toEqual(before);
        if (answer.code === "GX-CONFLICT") {
          const { steps } = body(await small.as("admin").post(`${changes}?plan=true`, set), 200);
          const faults = (steps as Step[]).filter((step) => step.inTheWay).map((step) => `(${step.effect})`);
          expect(faults.filter((fault) => String(answer.detail).includes(fault))).toHaveLength(1);
        }
      }
    });
    await fc.assert(property, { numRuns: alone ? 10 : 5 });
    expect(told).toContain(200);
    if (alone) expect(new Set(told).size).toBeGreaterThan(1);
  }, 120_000);
});

/** Somebody's transaction with this statement, open until `end`: an index that is begun after it cannot end before it. */
async function openTransaction(statement: string): Promise<{ end(): Promise<void> }> {
  const own = await sql.reserve();
  await own.unsafe("BEGIN ISOLATION LEVEL REPEATABLE READ");
  await own.unsafe(statement);
  return {
    async end() {
      await own.unsafe("COMMIT");
      own.release();
    },
  };
}

const entry = async (id: string) => body(await admin().get(`${changes}/${id}`), 200);

/** The entry of a change set once it is not being built any more. */
async function ended(id: string) {
  await until("the end of the change set", async () => (await entry(id)).state !== "building");
  return entry(id);
}

/** A long read of something else. */
const reading = () => openTransaction("SELECT count(*) FROM t_demo.role");

/** The id of a change set that is answered while it is being built. */
function building(answer: ApiAnswer): string {
  const { id } = body(answer, 202);
  expect(answer.body).toEqual({ id, state: "building" });
  expect(answer.headers.get("location")).toBe(`${changes}/${id}`);
  expect(answer.headers.get("etag")).toBeNull();
  return id as string;
}

/** However long it took. */
async function applied(answer: ApiAnswer): Promise<void> {
  if (answer.status === 202) expect(await ended(building(answer))).toMatchObject({ state: "applied" });
  else body(answer, 200);
}

const leftovers = async (): Promise<unknown> =>
  large.store.sql(`SELECT relname AS name FROM pg_class WHERE starts_with(relname, '_new')
    UNION ALL SELECT conname FROM pg_constraint WHERE starts_with(conname, '_new')
    UNION ALL SELECT attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relkind = 'r' AND starts_with(attname, '_new') AND NOT attisdropped`);

describe("while it is being built", () => {
  test("others read and write as ever, and no other definition changes; then it holds", async () => {
    await define("crate", { code: text, size: whole, note: text });
    await define("shelf", { label: text });
    const first = ids(
      await admin().post("/api/crates", [
        { code: "a", size: 1 },
        { code: "b", size: 2 },
      ]),
    )[0];
    const shelf = body(await admin().post("/api/shelfs", { label: "s" }), 201).id;
    const tag = (await admin().get(meta("crate"))).headers.get("etag") ?? "";
    const wanted = {
      name: "crate",
      properties: { code: { ...text, unique: true }, size: whole, note: text, shelf: refers("shelf") },
      required: ["size"],
      indexes: [["note", "size"]],
    };
    const held = await reading();
    const asked = await admin().put(meta("crate"), wanted, { "if-match": tag, "idempotency-key": "crates" });
    const id = building(asked);
    // Sent again it is not built twice.
    expect(building(await admin().put(meta("crate"), wanted, { "if-match": tag, "idempotency-key": "crates" }))).toBe(
      id,
    );

    const seen = await entry(id);
    expect(seen).toMatchObject({ id, state: "building", version: null, changes: [{ kind: "objects", name: "crate" }] });
    expect(seen.progress).toMatchObject({ of: seen.steps.length });
    expect(seen.progress.done).toBeLessThan(seen.progress.of);
    expect(seen.steps.map((step: { effect: string }) => step.effect)).toContain("keep code unique in crate");
    expect(JSON.stringify(seen)).not.toMatch(/_new|SELECT|t_demo/);
    expect(body(await admin().get(`${changes}?limit=1`), 200).data[0].id).not.toBe(id);

    const other = await admin().put(meta("shelf"), { name: "shelf", properties: { label: text, n: whole } });
    problem(other, 409, "CONFLICT");
    expect(other.body.detail).toContain(id);
    problem(await admin().post(`${changes}?plan=true`, { objects: [wanted] }), 409, "CONFLICT");

    // The definition is as before.
    expect((await admin().get(meta("crate"))).headers.get("etag")).toBe(tag);
    expect(body(await admin().get(meta("crate")), 200).properties).not.toHaveProperty("shelf");
    body(await admin().post("/api/crates", { code: "c", size: 3 }), 201);
    problem(await admin().post("/api/crates", { code: "d", size: 3, shelf }), 422, "VALIDATION", ["/shelf"]);
    body(await admin().patch(`/api/crates/${first}`, { note: "n" }), 200);

    await held.end();
    const done = await ended(id);
    expect(done).toMatchObject({ id, state: "applied", reverts: null });
    expect(done.steps.map((step: { effect: string }) => step.effect)).toContain("keep code unique in crate");
    expect(body(await admin().get(`${changes}?limit=1`), 200).data[0]).toMatchObject({ id, state: "applied" });
    expect((await admin().get(meta("crate"))).headers.get("etag")).toBe(`"${done.version}"`);
    body(await admin().post("/api/crates", { code: "h", size: 3, shelf }), 201);
    problem(await admin().post("/api/crates", { code: "h", size: 3 }), 409, "CONFLICT", ["/code"]);
    expect(await leftovers()).toEqual([]);

    const back = await reading();
    const reverted = await admin().post(`${changes}/${id}/revert`, { allow: ["drop:crate.shelf"] });
    await back.end();
    await applied(reverted);
    body(await admin().post("/api/crates", { code: "h" }), 201);
  });

  test("a value that is there already is refused as soon as its key is enforced, and so is an empty field, each with its path", async () => {
    await define("bottle", { code: text, year: whole, note: text });
    const [one] = ids(
      await admin().post("/api/bottles", [
        { code: "a", year: 1 },
        { code: "b", year: 1 },
      ]),
    );
    const held = await reading();
    const wanted = {
      name: "bottle",
      properties: { code: text, year: whole, note: text },
      unique: [["code", "year"]],
      required: ["code"],
    };
    const id = building(await admin().put(meta("bottle"), wanted));
    await until("the index to be kept", async () => {
      const ready =
        "SELECT FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid WHERE starts_with(i.relname, '_new') AND x.indisready";
      return (await large.store.sql(ready)).length === 1;
    });
    problem(await admin().post("/api/bottles", { code: "a", year: 1 }), 409, "CONFLICT", ["/code", "/year"]);
    problem(await admin().patch(`/api/bottles/${one}`, { code: "b" }), 409, "CONFLICT", ["/code", "/year"]);
    problem(await admin().post("/api/bottles", { year: 5 }), 422, "VALIDATION", ["/code"]);
    const two = [{ code: "f", year: 1 }, { year: 6 }];
    problem(await admin().post("/api/bottles", two), 422, "VALIDATION", ["/1/code"]);
    problem(await admin().patch(`/api/bottles/${one}`, { code: null }), 422, "VALIDATION", ["/code"]);
    body(await admin().post("/api/bottles", { code: "a", year: 2 }), 201);
    await held.end();
    expect(await ended(id)).toMatchObject({ state: "applied" });
    problem(await admin().post("/api/bottles", { code: "a", year: 1 }), 409, "CONFLICT", ["/code", "/year"]);
  });

  test("rows that come into its way make it fail, and all is as it was", async () => {
    await define("barrel", { code: text, size: whole });
    ids(
      await admin().post("/api/barrels", [
        { code: "a", size: 1 },
        { code: "b", size: 2 },
      ]),
    );
    const before = await catalogue(large);
    const tag = (await admin().get(meta("barrel"))).headers.get("etag");
    const held =
      await openTransaction(`INSERT INTO t_demo.barrel (id, owner, created_at, created_by, updated_at, updated_by, version, code, size)
      SELECT gen_random_uuid(), owner, now(), owner, now(), owner, 1, 'twin', 3 FROM t_demo.barrel`);
    const id = building(
      await admin().put(meta("barrel"), {
        name: "barrel",
        properties: { code: { ...text, unique: true }, size: whole },
        required: ["size"],
      }),
    );
    await held.end();
    const failed = await ended(id);
    expect(failed).toMatchObject({ state: "failed", version: null, problem: { code: "GX-CONFLICT", status: 409 } });
    const step = failed.steps.find(({ effect }: { effect: string }) => effect === "keep code unique in barrel");
    expect(step.inTheWay).toMatchObject({ count: 2, records: [{ value: "twin" }, { value: "twin" }] });
    expect(failed.problem.detail).toContain("2 record(s)");
    expect(failed.problem.detail).toContain(step.inTheWay.records[0].id);
    expect(await catalogue(large)).toEqual(before);
    expect(await leftovers()).toEqual([]);
    expect((await admin().get(meta("barrel"))).headers.get("etag")).toBe(tag);
    expect(body(await admin().get(meta("barrel")), 200)).not.toHaveProperty("required");
    body(await admin().post("/api/barrels", { code: "twin" }), 201);
    problem(await admin().post(`${changes}/${id}/revert`), 404, "NOT_FOUND");
    problem(await admin().get(`${changes}/0198a3f0-1111-7000-8000-000000000001`), 404, "NOT_FOUND");
  });

  test("change sets that come at once follow each other", async () => {
    await define("sack", { a: text, b: text, c: text });
    ids(await admin().post("/api/sacks", [{ a: "1", b: "1", c: "1" }]));
    const patches = ["a", "b", "c"].map((name) =>
      admin().patch(meta("sack"), { properties: { [name]: { index: true } } }),
    );
    const answers = await Promise.all(patches);
    for (const answer of answers) {
      const last = answer.status === 202 ? (await ended(answer.body.id)).state : answer.status;
      expect([200, "applied", 409]).toContain(last);
    }
    const done = answers.filter(({ status }) => status !== 409).length;
    expect(done).toBeGreaterThan(0);
    const { properties } = body(await admin().get(meta("sack")), 200);
    expect(Object.values(properties).filter((p) => (p as { index?: true }).index).length).toBe(done);
    expect(await leftovers()).toEqual([]);
  });

  test("a plan asks for no lock that a writer would be in the way of", async () => {
    await define("tin", { code: text, size: whole });
    ids(
      await admin().post("/api/tins", [
        { code: "a", size: 1 },
        { code: "a", size: 2 },
      ]),
    );
    const held = await openTransaction("UPDATE t_demo.tin SET size = 3");
    const planned = body(
      await admin().post(`${changes}?plan=true`, {
        objects: [
          {
            name: "tin",
            properties: { code: { ...text, unique: true }, size: { type: "string" } },
            required: ["size"],
          },
        ],
      }),
      200,
    );
    await held.end();
    expect(planned.ok).toBe(false);
    const inTheWay = planned.steps.filter((step: object) => "inTheWay" in step);
    expect(inTheWay).toMatchObject([{ effect: "keep code unique in tin", inTheWay: { count: 2 } }]);
  });
});

describe("a builder who goes", () => {
  const wanted = (name: string) => ({ name, properties: { code: { ...text, unique: true } } });

  test("when its process is told to end, nothing is left, and it says so", async () => {
    await define("urn", { code: text });
    ids(await admin().post("/api/urns", [{ code: "a" }]));
    const before = await catalogue(large);
    const second = await createTestApp({ on: large, parts: { changes: { largeTableBytes: 0, changeWaitMs: 0 } } });
    const held = await reading();
    const id = building(await second.as("admin").put(meta("urn"), wanted("urn")));
    await second.close();
    const failed = await entry(id);
    await held.end();
    expect(failed).toMatchObject({ state: "failed", problem: { code: "GX-UNAVAILABLE", status: 503 } });
    expect(failed.problem.detail).toContain("told to end");
    expect(await catalogue(large)).toEqual(before);
  });

  test("when its connection is cut, likewise", async () => {
    await define("vat", { code: text });
    ids(await admin().post("/api/vats", [{ code: "a" }]));
    const before = await catalogue(large);
    const held = await reading();
    const id = building(await admin().put(meta("vat"), wanted("vat")));
    await large.store.sql(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CREATE UNIQUE INDEX CONCURRENTLY%' AND pid <> pg_backend_pid()",
    );
    const failed = await ended(id);
    await held.end();
    expect(failed).toMatchObject({ state: "failed", problem: { code: "GX-UNAVAILABLE" } });
    expect(await catalogue(large)).toEqual(before);
    await applied(await admin().put(meta("vat"), wanted("vat")));
  });

  test.runIf(alone)("when its process is killed, likewise, as soon as somebody looks", async () => {
    await define("keg", { code: text });
    ids(await admin().post("/api/kegs", [{ code: "a" }]));
    const before = await catalogue(large);
    const settings = { GUANXI_LARGE_TABLE_KB: "0", GUANXI_CHANGE_WAIT_MS: "0", GUANXI_DB_CONNECTIONS: "4" };
    const node = await startNode({ role: "api", env: { DATABASE_URL: large.databaseUrl, ...settings } });
    const held = await reading();
    const own = { name: "keg", properties: { code: { ...text, unique: true }, kin: refers("keg") } };
    const id = building(await node.as(large.keys["admin"] ?? "").put(meta("keg"), own));
    await until("the index to be built", async () => (await entry(id)).progress?.phase?.startsWith("waiting for old"));
    await node.end("SIGKILL");
    const failed = await ended(id);
    await held.end();
    expect(failed).toMatchObject({ state: "failed", problem: { code: "GX-UNAVAILABLE", status: 503 } });
    expect(failed.problem.detail).toContain("ended in the middle");
    expect(await catalogue(large)).toEqual(before);
    body(await admin().post("/api/kegs", { code: "a" }), 201);
  });

  test("what a dead one has left goes with the next look, or the next change set, or the sweep of a worker", async () => {
    await define("jar", { code: text });
    ids(await admin().post("/api/jars", [{ code: "a" }]));
    const before = await catalogue(large);
    const abandon = async (id: string): Promise<string> => {
      await large.store.sql(
        `INSERT INTO t_demo._change_set_build (id, state, at, changes, steps) VALUES ($1, 'building', now(), '[]', '[]')`,
        [id],
      );
      for (const statement of [
        `ALTER TABLE t_demo.jar ADD COLUMN "_new_c900000" uuid CONSTRAINT "_new_f900000" REFERENCES t_demo."user" (id)`,
        `CREATE INDEX "_new_r900000" ON t_demo.jar ("_new_c900000")`,
        `CREATE UNIQUE INDEX "_new_u900001" ON t_demo.jar (code)`,
        `ALTER TABLE t_demo.jar ADD CONSTRAINT "_new_n900002" CHECK (code IS NOT NULL) NOT VALID`,
      ])
        await large.store.sql(statement);
      return id;
    };
    const gone = async (id: string): Promise<void> => {
      expect(await entry(id)).toMatchObject({ state: "failed", problem: { code: "GX-UNAVAILABLE" } });
      expect(await catalogue(large)).toEqual(before);
    };
    await gone(await abandon("0198a3f0-3333-7000-8000-000000000001"));

    const id = await abandon("0198a3f0-3333-7000-8000-000000000002");
    body(await admin().post(changes, { settings: { fiscalYearStart: 5 } }), 200);
    expect(await catalogue(large)).toEqual(before);
    await gone(id);

    const swept = await abandon("0198a3f0-3333-7000-8000-000000000003");
    const sweep = large.kernel.metadata.startSweep(() => Promise.resolve(["demo", "nobody_has_this"]));
    await until("the sweep", () => catalogueIs(before));
    await sweep.stop();
    await gone(swept);
  });

  const catalogueIs = async (before: unknown): Promise<boolean> =>
    JSON.stringify(await catalogue(large)) === JSON.stringify(before);
});
