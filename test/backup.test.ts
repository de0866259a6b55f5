// A tenant goes into a file and comes out of it, or into a second tenant, whole or not at all.
import { type Api, createTestApp, q, type TestApp, until } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, noInternals, problem } from "./support.ts";
import {
  awkward,
  download,
  forge,
  makeTenant,
  mediaType,
  pack,
  type Piece,
  places,
  restore,
  tablesOf,
  ticket,
  unpack,
} from "./support/backups.ts";

let app: TestApp;
let alpha: Api;
let file: Buffer;
const operator = () => app.as("operator");

async function fill(api: Api): Promise<void> {
  body(await api.put("/api/meta/objects/ticket", ticket), 201);
  let parent: string | undefined;
  for (const [i, title] of awkward.entries()) {
    const value = { title: `${title}.`, code: `c${i}`, amount: 12.34, exact: "12345678901234567890.0123456789" };
    const more = { tags: ["blue, green", 'a"b'], extra: { text: title, list: [1, null] }, day: "2026-02-28" };
    const others = { took: -90061.001, site: { street: title, country: "BE" }, mark: 3 };
    const made = await api.post("/api/tickets", {
      ...value,
      ...more,
      ...others,
      met_at: "2026-11-22T08:00:00.123Z",
      ...(parent ? { parent, others: [parent] } : {}),
    });
    parent = body(made, 201).id as string;
  }
  const first = body(await api.get("/api/tickets?order=number&limit=1"), 200).data[0].id as string;
  body(await api.post("/api/tickets", { title: "deleted", code: "c0-deleted" }), 201);
  const gone = body(await api.get(`/api/tickets${q({ filter: "title == 'deleted'" })}`), 200).data[0].id as string;
  expect((await api.delete(`/api/tickets/${gone}`)).status).toBe(204);
  body(await api.patch(`/api/tickets/${first}`, { title: "changed" }), 200);
  const boss = body(await api.post("/api/positions", { name: "boss" }), 201).id as string;
  body(await api.post("/api/positions", { name: "clerk", parent: boss }), 201);
  const me = body(await api.get("/api/me"), 200).user.id as string;
  body(await api.post("/api/user_positions", { assignee: me, position: boss }), 201);
}

beforeAll(async () => {
  app = await createTestApp();
  alpha = await makeTenant(app, "alpha");
  await fill(alpha);
  file = await download(app, "/platform/tenants/alpha/backup");
});
afterAll(() => app.close());

const numbersOf = async (api: Api): Promise<string[]> =>
  (body(await api.get("/api/tickets?order=number&limit=500"), 200).data as { number: string }[]).map((t) => t.number);

describe("a file", () => {
  test("is sent with a name and only to the operator", async () => {
    const answer = await operator().call("HEAD", "/platform/tenants/alpha/backup");
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-disposition")).toMatch(
      /^attachment; filename="alpha-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ\.guanxi"$/,
    );
    expect((await operator().call("HEAD", "/platform/backup")).headers.get("content-disposition")).toContain('"all-');
    for (const path of ["/platform/backup", "/platform/tenants/alpha/backup"]) {
      problem(await alpha.get(path), 403, "FORBIDDEN");
      problem(await app.as(undefined).get(path), 401, "UNAUTHENTICATED");
    }
    problem(await alpha.post("/platform/restore", "x", { "content-type": mediaType }), 403, "FORBIDDEN");
    problem(await alpha.post("/platform/tenants/alpha/copy", { id: "theirs" }), 403, "FORBIDDEN");
    problem(await operator().get("/platform/tenants/nobody/backup"), 404, "NOT_FOUND");
    problem(await operator().get("/platform/backup?x=1"), 400, "QUERY", ["x"]);
  });

  test("tells what it is, and has rows of every table of the tenant with their count", async () => {
    const pieces = unpack(file);
    const [first] = pieces as [Piece];
    expect(first).toMatchObject({ kind: "backup", format: 2, tenants: [{ id: "alpha", name: "Tenant alpha" }] });
    const lines = pieces.filter((p) => !Buffer.isBuffer(p)) as Record<string, unknown>[];
    expect(lines.at(-1)).toMatchObject({ kind: "end" });
    const tables = lines.filter((l) => l["kind"] === "table" && !l["shared"]).map((l) => l["name"]);
    const here = Object.keys(await tablesOf(app, "alpha")).filter((t) => t !== "_migration");
    expect(tables.toSorted()).toEqual(here.toSorted());
    expect(lines.find((l) => l["kind"] === "rows" && l["table"] === "ticket")).toMatchObject({
      rows: awkward.length + 1,
    });
  });
});

describe("under its own id", () => {
  test("comes back row by row, with its keys, its numbers and its deleted records", async () => {
    const before = await tablesOf(app, "alpha");
    const numbers = await numbersOf(alpha);
    expect((await operator().delete("/platform/tenants/alpha")).status).toBe(204);
    expect((await alpha.get("/api/me")).status).toBe(401);
    const [restored] = body(await restore(app, file), 201).tenants;
    expect(restored).toMatchObject({ id: "alpha", from: "alpha", name: "Tenant alpha" });
    expect(restored.objects).toBeGreaterThan(6);
    expect(await tablesOf(app, "alpha")).toEqual(before);
    // The key of before, and that of the answer.
    for (const api of [alpha, app.as(restored.admin.key)]) {
      expect(body(await api.get("/api/me"), 200)).toMatchObject({ user: { id: restored.admin.user } });
      expect(await numbersOf(api)).toEqual(numbers);
    }
    expect(restored.admin.email).toBe("a@example.com");
    expect(body(await alpha.get("/api/tickets?deleted=only"), 200).data).toHaveLength(1);
    expect(body(await alpha.get(`/api/tickets${q({ filter: "code == 'c3'" })}`), 200).data[0].title).toBe(
      `${awkward[3]}.`,
    );
    // Numbers go on behind the deleted record's; keys and references hold.
    const next = body(await alpha.post("/api/tickets", { title: "next", code: "new" }), 201);
    expect(next.number).toBe(`T-${String(awkward.length + 2).padStart(4, "0")}`);
    problem(await alpha.post("/api/tickets", { title: "again", code: "new" }), 409, "CONFLICT", ["/code"]);
    expect((await app.store.sql("SELECT FROM pg_namespace WHERE nspname LIKE 'guanxi_restore%'")).length).toBe(0);
    expect(await schemaText("alpha")).toEqual(await schemaText(await freshLike()));
  });

  test("a taken id is refused and nothing is touched", async () => {
    const before = await tablesOf(app, "alpha");
    const answer = await restore(app, file);
    problem(answer, 409, "CONFLICT");
    expect(answer.body.detail).toContain("delete it first");
    expect(await tablesOf(app, "alpha")).toEqual(before);
    problem(await restore(app, file, "?as=demo"), 409, "CONFLICT");
  });

  /** A tenant of the same definitions that was never in a file. */
  async function freshLike(): Promise<string> {
    const api = await makeTenant(app, "fresh");
    body(await api.put("/api/meta/objects/ticket", ticket), 201);
    return "fresh";
  }

  /** Columns, keys, indexes and sequences of a tenant, as PostgreSQL tells them. */
  async function schemaText(tenant: string): Promise<string[]> {
    const rows = await app.store.sql<{ line: string }>(
      `SELECT replace(line, 't_' || $1, 's') AS line FROM (
         SELECT concat_ws(' ', 'column', table_name, column_name, udt_name, numeric_precision, numeric_scale, is_nullable, column_default, is_identity) AS line
           FROM information_schema.columns WHERE table_schema = 't_' || $1
         UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 't_' || $1
         UNION ALL SELECT conname || ' ' || conrelid::regclass || ' ' || convalidated || ' ' || pg_get_constraintdef(c.oid)
           FROM pg_constraint c JOIN pg_namespace n ON n.oid = connamespace WHERE nspname = 't_' || $1 AND contype <> 'n'
         UNION ALL SELECT sequencename || ' ' || data_type FROM pg_sequences WHERE schemaname = 't_' || $1) s ORDER BY 1`,
      [tenant],
    );
    return rows.map((r) => r.line);
  }
});

describe("under another id", () => {
  test("is restored from the format that had no files", async () => {
    const [first, ...rest] = unpack(file);
    const old = forge([{ ...first, format: 1 }, ...rest]);
    const [made] = body(await restore(app, old, "?as=former"), 201).tenants;
    expect(await numbersOf(app.as(made.admin.key))).toHaveLength(awkward.length);
  });

  test("is a second tenant: equal but for its name in the settings, with one new key", async () => {
    const source = await tablesOf(app, "alpha");
    const now = await download(app, "/platform/tenants/alpha/backup");
    const [made] = body(await restore(app, now, "?tenant=alpha&as=beta"), 201).tenants;
    expect(made).toMatchObject({ id: "beta", from: "alpha" });
    const { _meta, ...copied } = await tablesOf(app, "beta");
    const { _meta: meta, ...original } = source;
    expect(copied).toEqual(undispatchedApart(original, copied));
    expect(_meta).not.toEqual(meta);
    const beta = app.as(made.admin.key);
    expect(made.admin.key).toMatch(/^gx_beta_/);
    expect(body(await beta.get("/api/me"), 200).tenant.id).toBe("beta");
    expect(body(await beta.get("/api/keys"), 200).data).toHaveLength(1);
    body(await beta.post("/api/tickets", { title: "only here" }), 201);
    expect((await numbersOf(beta)).length).toBe((await numbersOf(alpha)).length + 1);
    const inUse = await app.store.sql<{ settings: string }>("SELECT settings::text AS settings FROM t_beta._meta");
    expect(JSON.parse(inUse[0]?.settings ?? "")).toMatchObject({ tenant: "beta", schema: "t_beta", currency: "CNY" });
  });

  test("a copy is the same without a file", async () => {
    const answer = await operator().post("/platform/tenants/alpha/copy", { id: "gamma", name: "Gamma" });
    const made = body(answer, 201);
    expect(answer.headers.get("location")).toBe("/platform/tenants/gamma");
    expect(made).toEqual({ id: "gamma", name: "Gamma", admin: expect.objectContaining({ email: "a@example.com" }) });
    expect(body(await operator().get("/platform/tenants/gamma"), 200)).toMatchObject({
      name: "Gamma",
      plugins: [],
    });
    expect(await numbersOf(app.as(made.admin.key))).toEqual(await numbersOf(alpha));
    problem(await operator().post("/platform/tenants/alpha/copy", { id: "gamma" }), 409, "CONFLICT", ["/id"]);
    problem(await operator().post("/platform/tenants/nobody/copy", { id: "delta" }), 404, "NOT_FOUND");
    problem(await operator().post("/platform/tenants/alpha/copy", { id: "D", name: "", x: 1 }), 422, "VALIDATION", [
      ...["/id", "/name", "/x"],
    ]);
    problem(await operator().post("/platform/tenants/alpha/copy", {}), 422, "VALIDATION", ["/id"]);
  });

  /** Changes that wait in the original are done with in the copy. */
  function undispatchedApart(original: Record<string, string>, copied: Record<string, string>): Record<string, string> {
    return { ...original, _change: copied["_change"] ?? "", _feed: copied["_feed"] ?? "" };
  }
});

describe("a file of an older program", () => {
  test("is loaded as it was written, and then brought up to date", async () => {
    const pieces = unpack(file);
    const isLine = (p: Piece, kind: string, name?: string): p is Readonly<Record<string, unknown>> =>
      !Buffer.isBuffer(p) && p["kind"] === kind && (name === undefined || p["name"] === name);
    const tenant = pieces.findIndex((p) => isLine(p, "tenant"));
    const levels = (pieces[tenant] as { levels: Record<string, number> }).levels;
    // The level before `_meta` had its last column; `_forget` came later still, and is empty.
    pieces[tenant] = { ...(pieces[tenant] as object), levels: { ...levels, records: 2 } };
    const meta = pieces.findIndex((p) => isLine(p, "table", "_meta"));
    const columns = (pieces[meta] as { columns: string[] }).columns;
    expect(columns.at(-1)).toBe("core_level");
    pieces[meta] = { ...(pieces[meta] as object), columns: columns.slice(0, -1) };
    pieces[meta + 2] = Buffer.from(String(pieces[meta + 2]).replace(/\t[^\t]*\n$/, "\n"));
    const forget = pieces.findIndex((p) => isLine(p, "table", "_forget"));
    const after = pieces.findIndex((p, i) => i > forget && isLine(p, "table"));
    pieces.splice(forget, after - forget);
    const [made] = body(await restore(app, forge(pieces), "?as=older"), 201).tenants;
    const [state] = await app.store.sql<{ level: number; core: number }>(
      "SELECT (SELECT level FROM t_older._migration WHERE component = 'records') AS level, core_level AS core FROM t_older._meta",
    );
    expect(state).toEqual({ level: levels["records"], core: 0 });
    expect(await numbersOf(app.as(made.admin.key))).toHaveLength(awkward.length);
    expect((await operator().delete("/platform/tenants/older")).status).toBe(204);
  });
});

describe("all tenants", () => {
  test("are in one file, from which one or all come back", async () => {
    const all = await download(app, "/platform/backup");
    const ids = (body(await operator().get("/platform/tenants"), 200).data as { id: string }[]).map((t) => t.id);
    expect((unpack(all)[0] as { tenants: { id: string }[] }).tenants.map((t) => t.id)).toEqual(ids);
    problem(await restore(app, all, "?as=other"), 400, "QUERY", ["as"]);
    problem(await restore(app, all, "?tenant=demo&as=No"), 400, "QUERY", ["as"]);
    problem(await restore(app, all, "?to=x"), 400, "QUERY", ["to"]);
    const missing = await restore(app, all, "?tenant=nobody");
    problem(missing, 404, "NOT_FOUND");
    expect(missing.body.detail).toContain("alpha");
    problem(await restore(app, all), 409, "CONFLICT");
    const [one] = body(await restore(app, all, "?tenant=demo&as=demotwo"), 201).tenants;
    expect(one).toMatchObject({ id: "demotwo", from: "demo" });
    expect(body(await operator().get("/platform/tenants/demotwo"), 200).plugins).toEqual(["sales"]);
    const before = await Promise.all(ids.map((id) => tablesOf(app, id)));
    for (const id of [...ids, "demotwo"]) expect((await operator().delete(`/platform/tenants/${id}`)).status).toBe(204);
    expect(await places(app)).toEqual([]);
    expect((body(await restore(app, all), 201).tenants as { id: string }[]).map((t) => t.id)).toEqual(ids);
    expect(await Promise.all(ids.map((id) => tablesOf(app, id)))).toEqual(before);
    expect((await app.as("admin").get("/api/leads")).status).toBe(200);
  });
});

describe("refused, with words and nothing left behind", () => {
  const lineAt = (pieces: readonly Piece[], kind: string, more: Record<string, unknown> = {}): number =>
    pieces.findIndex(
      (p) => !Buffer.isBuffer(p) && p["kind"] === kind && Object.entries(more).every(([k, v]) => p[k] === v),
    );
  const withLine = (kind: string, more: Record<string, unknown>, change: Record<string, unknown>): Buffer => {
    const pieces = unpack(file);
    const at = lineAt(pieces, kind, more);
    pieces[at] = { ...(pieces[at] as object), ...change };
    return pack(pieces);
  };
  const flipped = (at: number): Buffer => {
    const bytes = Buffer.from(file);
    bytes[at] = (bytes[at] ?? 0) ^ 0x10;
    return bytes;
  };
  const otherRow = (): Buffer => {
    const pieces = unpack(file);
    const rows = pieces[lineAt(pieces, "table", { name: "ticket" }) + 2] as Buffer;
    rows[rows.length - 3] = (rows[rows.length - 3] ?? 0) ^ 1;
    return pack(pieces);
  };
  const cases: Record<string, [make: () => Uint8Array, detail: RegExp]> = {
    "no bytes": [() => Buffer.alloc(0), /is the file/],
    "a text": [() => Buffer.from("id,name\n1,x\n"), /no backup/],
    "something else that is compressed": [() => pack([{ hello: "world" }]), /no backup/],
    "half of it": [() => file.subarray(0, file.length / 2), /cut off|damaged/],
    "all but the end mark": [() => pack(unpack(file).slice(0, -1)), /cut off/],
    // More than the checksum of the compression, whose loss costs nothing: what is inside has its own.
    "all but the last bytes": [() => file.subarray(0, -20), /cut off|damaged/],
    "a changed bit": [() => flipped(Math.floor(file.length * 0.7)), /damaged|cut off|does not|follow|no backup/],
    "another value in a row": [otherRow, /damaged|do not fit/],
    "a row too few": [() => withLine("rows", { table: "ticket" }, { rows: 3 }), /damaged|rows of ticket/],
    "a newer format": [() => withLine("backup", {}, { format: 3, program: "9.0.0" }), /format 3.*9\.0\.0.*up to 2/],
    "tables of a newer program": [
      () => withLine("tenant", {}, { levels: { records: 99 } }),
      /newer program.*records at level 99/,
    ],
    "tables of a room that is not there": [() => withLine("tenant", {}, { levels: { voice: 1 } }), /voice/],
    "a column that nothing makes": [
      () => withLine("table", { name: "ticket" }, { columns: ["id", "nonsense"] }),
      /ticket do not fit.*column/,
    ],
    "a table that nothing makes": [
      () => withLine("table", { name: "ticket" }, { name: "nonsense" }),
      /nonsense.*table/,
    ],
    "an id that is none": [() => withLine("backup", {}, { tenants: [{ id: 'x"; DROP', name: "" }] }), /no id/],
    "something behind its end": [() => pack([...unpack(file), { kind: "end" }]), /follows its end/],
  };
  for (const [what, [make, detail]] of Object.entries(cases)) {
    test(what, async () => {
      const before = await places(app);
      const answer = await restore(app, make(), what === "an id that is none" ? "" : "?as=broken");
      problem(answer, 400, "MALFORMED");
      expect(answer.body.detail).toMatch(detail);
      expect(await places(app)).toEqual(before);
    });
  }

  test("a row that does not fit, though the file is sound", async () => {
    const pieces = unpack(file);
    const at = lineAt(pieces, "table", { name: "ticket" }) + 2;
    pieces[at] = Buffer.from(String(pieces[at]).replaceAll("\tc1\t", "\tc0\t"));
    const before = await places(app);
    const answer = await restore(app, forge(pieces), "?as=broken");
    problem(answer, 400, "MALFORMED");
    expect(answer.body.detail).toContain("a unique value is there twice");
    expect(await places(app)).toEqual(before);
  });

  test("a sender that breaks off, and a wrong content type", async () => {
    const before = await places(app);
    const broken = new ReadableStream({
      start: (controller) => controller.enqueue(file.subarray(0, 2_000)),
      pull: (controller) => controller.error(new Error("gone")),
    });
    problem(await restore(app, broken, "?as=broken"), 400, "MALFORMED");
    expect(await places(app)).toEqual(before);
    problem(await operator().post("/platform/restore", { a: 1 }), 415, "MEDIA_TYPE");
    // The id is free, and so is the way.
    body(await restore(app, file, "?tenant=alpha&as=broken"), 201);
    expect((await operator().delete("/platform/tenants/broken")).status).toBe(204);
  });

  test("a second backup while one is taken, and one whose receiver has gone ends", async () => {
    const slow = await app.app.fetch(
      new Request("http://guanxi.test/platform/backup", {
        headers: { authorization: "Bearer operator-key-of-the-tests" },
      }),
    );
    const reader = slow.body?.getReader();
    await reader?.read();
    const second = await operator().get("/platform/tenants/alpha/backup");
    if (second.status !== 200) {
      problem(second, 409, "CONFLICT");
      noInternals(second);
    }
    await reader?.cancel();
    await until(
      "the first to end",
      async () => (await operator().get("/platform/tenants/alpha/backup")).status === 200,
    );
  });
});
