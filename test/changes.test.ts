// Change sets: several definitions at once, all or nothing; plans, history and the way back.
import { contents, createTestApp, q, type TestApp } from "@guanxi/testing";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, define, hire, ids, nobody, pages, problem } from "./support.ts";

let app: TestApp;
const admin = () => app.as("admin");
const meta = (name: string) => `/api/meta/objects/${name}`;
const url = "/api/meta/changes";
const text = { type: "string" } as const;
const whole = { type: "integer" } as const;
const refers = (target: string, more: object = {}) => ({
  fieldType: "reference",
  target,
  onDelete: "setNull",
  ...more,
});
const object = (name: string, properties: Record<string, unknown>, more: object = {}) => ({
  name,
  type: "object",
  properties,
  ...more,
});
const workflow = (name: string, on: string, more: object = {}) => ({
  name,
  object: on,
  on: "created",
  script: "export default async () => {}",
  ...more,
});

const apply = (set: object, headers?: Record<string, string>) => admin().post(url, set, headers);
const plan = (set: object) => admin().post(`${url}?plan=true`, set);
const version = async (): Promise<number> => body(await admin().get("/api/meta/customisation"), 200).version;
const last = async () => body(await admin().get(`${url}?limit=1`), 200).data[0];

beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

/** The refusal left no trace: tables, columns, metadata and history are as before. */
async function changesNothing<T>(work: () => Promise<T>): Promise<T> {
  const columns = `SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
    WHERE table_schema = 't_demo' ORDER BY 1, 2`;
  const look = async () => ({ rows: await contents(app), columns: await app.store.sql(columns) });
  const before = await look();
  const result = await work();
  expect(await look()).toEqual(before);
  return result;
}

describe("apply", () => {
  test("objects that refer to each other, in any order, with workflow, role and setting: one version, one entry", async () => {
    let round = 0;
    const names = ["port", "dock", "berth"];
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(names, { minLength: 3 }), async (order) => {
        round++;
        const own = (name: string) => `${name}${round}`;
        const objects = order.map((name, i) =>
          object(own(name), { label: text, next: refers(own(order[(i + 1) % 3] ?? "")) }),
        );
        const before = await version();
        const role = { name: `harbour ${round}`, rights: { [own("port")]: ["read"] } };
        const made = body(
          await apply({
            roles: [role],
            workflows: [workflow(own("greet"), own("dock"))],
            objects,
            settings: { fiscalYearStart: (round % 12) + 1 },
            message: "a harbour",
          }),
          200,
        );
        expect(made).toMatchObject({ ok: true, version: before + 1, id: expect.any(String) });
        expect(await version()).toBe(before + 1);
        const first = body(await admin().post(`/api/${own("port")}s`, { label: "甲" }), 201).id;
        body(await admin().post(`/api/${own("berth")}s`, { label: "乙" }), 201);
        expect(ids(await admin().get(`/api/${own("port")}s`))).toEqual([first]);
        body(await admin().get(`/api/meta/workflows/${own("greet")}`), 200);
        const entry = await last();
        expect(entry).toMatchObject({ id: made.id, version: before + 1, message: "a harbour", steps: made.steps });
        expect(entry.changes.map((c: { kind: string; name: string }) => `${c.kind} ${c.name}`).toSorted()).toEqual(
          [
            ...names.map((name) => `objects ${own(name)}`),
            ...[`roles harbour ${round}`, "settings fiscalYearStart", `workflows ${own("greet")}`],
          ].toSorted(),
        );
      }),
      { numRuns: 2 },
    );
  });

  test("renames that change places keep their records, referrers and rights; deletions make room", async () => {
    body(
      await apply({
        objects: [
          object("day", { title: text }),
          object("night", { title: text }),
          object("dusk", { title: text, day: refers("day"), night: refers("night") }),
          object("noon", { title: text }),
        ],
        roles: [{ name: "watch", rights: { day: ["read", "edit"], noon: ["read"] } }],
      }),
      200,
    );
    const day = body(await admin().post("/api/days", { title: "light" }), 201).id;
    const dusk = body(await admin().post("/api/dusks", { title: "both", day }), 201).id;
    const swap = {
      objects: [
        object("night", { heading: { ...text, was: "title" } }, { was: "day" }),
        object("day", { title: text }, { was: "night" }),
        object("noon", { at: text, dusk: refers("dusk") }, { was: "dusk" }),
      ],
      delete: { objects: ["noon"] },
    };
    // `noon` gives way to what was `dusk`, whose own fields are written anew.
    swap.objects[2] = object("noon", { title: text, day: refers("night"), night: refers("day") }, { was: "dusk" });
    const done = body(await apply(swap), 200);
    expect(done.steps.map((s: { effect: string }) => s.effect)).toContain("delete noon and its records");
    expect(body(await admin().get(`/api/nights/${day}`), 200)).toMatchObject({ heading: "light" });
    expect(body(await admin().get(`/api/noons/${dusk}`), 200)).toMatchObject({ title: "both", day });
    expect(body(await admin().get("/api/days"), 200).data).toEqual([]);
    const [watch] = body(await admin().get(`/api/roles${q({ filter: "name == 'watch'" })}`), 200).data;
    expect(watch.rights, "the rights on what was noon ended with it").toEqual({ night: ["read", "edit"] });
    const again = body(await apply({ objects: swap.objects }), 200);
    expect(again, "said before").toMatchObject({ id: null, version: done.version, steps: [] });
  });

  test("the order of fields is a part of a definition, and of nothing else", async () => {
    body(await apply({ objects: [object("spar", { first: text, second: text })] }), 200);
    const turned = { objects: [object("spar", { second: text, first: text })] };
    const planned = body(await plan(turned), 200);
    expect(planned.steps).toEqual([
      { kind: "objects", name: "spar", effect: "change the definition of spar (the order of properties)" },
    ]);
    const { id } = body(await apply(turned), 200);
    const order = async () => Object.keys(body(await admin().get(meta("spar")), 200).properties);
    expect(await order()).toEqual(["second", "first"]);
    const record = body(await admin().post("/api/spars", { first: "1" }), 201);
    expect(Object.keys(record).filter((name) => ["first", "second"].includes(name))).toEqual(["second", "first"]);
    const now = await version();
    body(await apply(turned), 200);
    expect(await version()).toBe(now);
    body(await admin().post(`/api/meta/changes/${id}/revert`, {}), 200);
    expect(await order()).toEqual(["first", "second"]);
  });

  test("nothing new: the same version and no entry; If-Match holds for the whole", async () => {
    const set = { objects: [object("same", { a: text })], delete: { objects: ["never_was"], workflows: ["nor_this"] } };
    const made = body(await apply(set), 200);
    const again = await apply(set);
    expect(body(again, 200)).toEqual({ id: null, version: made.version, ok: true, steps: [] });
    expect(again.headers.get("etag")).toBe(`"${made.version}"`);
    expect((await last()).id).toBe(made.id);
    const stale = { "if-match": `"${made.version - 1}"` };
    problem(await apply({ objects: [object("other", { a: text })] }, stale), 412, "PRECONDITION");
    body(await apply({ objects: [object("other", { a: text })] }, { "if-match": `"${made.version}"` }), 200);
  });

  test("a former name that nothing has is no fault among several: the files come to a tenant that never had it", async () => {
    const moved = object("home", { rooms: { ...whole, was: "chambers" } }, { was: "house_of_old" });
    problem(await admin().put(meta("home"), moved), 422, "DEFINITION", ["/was"]);
    body(await apply({ objects: [moved] }), 200);
    body(await apply({ objects: [object("home", { rooms: whole, beds: { ...whole, was: "cots" } })] }), 200);
    expect(Object.keys(body(await admin().get(meta("home")), 200).properties)).toEqual(["rooms", "beds"]);
    expect(body(await apply({ objects: [moved], allow: ["drop:home.beds"] }), 200).steps).toHaveLength(1);
  });

  test("a single put, patch and delete are in the history too", async () => {
    await define(app, object("lone", { a: text }));
    expect(await last()).toMatchObject({ changes: [{ kind: "objects", name: "lone" }], message: null });
    body(await admin().patch(meta("lone"), { properties: { b: text } }), 200);
    expect((await last()).steps.map((s: { effect: string }) => s.effect)).toEqual(["add lone.b"]);
    body(await admin().patch(meta("lone"), { title: "Lone" }), 200);
    expect((await last()).steps).toEqual([
      { kind: "objects", name: "lone", effect: "change the definition of lone (title)" },
    ]);
    body(await admin().patch(meta("lone"), { properties: { c: text }, description: "Alone" }), 200);
    expect((await last()).steps.map((s: { effect: string }) => s.effect)).toEqual([
      "add lone.c",
      "change the definition of lone (description)",
    ]);
    const joined = { fieldType: "formula", returns: "text", formula: "a + b" };
    await define(app, object("pair", { a: text, b: text, joined }));
    expect((await last()).steps[0].effect, "formulas are fields").toBe("create pair with 3 fields");
    const fields = { d: text, joined, c: { ...text, title: "C" } };
    body(await admin().patch(meta("lone"), { properties: fields }), 200);
    expect((await last()).steps.map((s: { effect: string }) => s.effect)).toEqual([
      "add lone.d",
      "change the definition of lone (properties.c, properties.joined)",
    ]);
    body(await admin().put("/api/meta/workflows/alone", workflow("alone", "lone")), 201);
    expect(await last()).toMatchObject({ changes: [{ kind: "workflows", name: "alone" }] });
    body(await admin().delete("/api/meta/workflows/alone"), 204);
    body(await admin().delete(meta("lone")), 204);
    const gone = await last();
    const { changes } = body(await admin().get(`${url}/${gone.id}`), 200);
    expect(changes).toMatchObject([{ name: "lone", before: { title: "Lone", properties: { b: text } }, after: null }]);
  });

  test("a workflow that a change set holds as it was is judged by what it says of the new objects", async () => {
    const call = workflow("ring", "bell", { when: "loud" });
    const loud = { type: "boolean" };
    body(await apply({ objects: [object("bell", { loud, size: whole })], workflows: [call] }), 200);
    const renamed = [object("bell", { noisy: { ...loud, was: "loud" }, size: whole })];
    problem(await apply({ objects: renamed, workflows: [call] }), 422, "DEFINITION", ["/workflows/0/when"]);
    problem(await apply({ objects: renamed }), 409, "CONFLICT");
    body(await apply({ objects: renamed, workflows: [{ ...call, when: "noisy" }] }), 200);
  });

  test("a script is checked against the objects that come with it", async () => {
    const script = "export default async ({ record }) => {\n  return record.knot;\n}";
    const set = {
      objects: [object("sail", { knots: { type: "number" } })],
      workflows: [workflow("trim", "sail", { script })],
    };
    const refused = await apply(set);
    problem(refused, 422, "DEFINITION", ["/workflows/0/script"]);
    expect(refused.body.errors[0]).toMatchObject({ line: 2 });
    problem(await admin().get(meta("sail")), 404, "NOT_FOUND");
    body(
      await apply({ ...set, workflows: [workflow("trim", "sail", { script: script.replace("knot;", "knots;") })] }),
      200,
    );
  });

  test("eight at once: each adds its field, and each makes its object", async () => {
    await define(app, object("crowd", { name: text }));
    const before = await version();
    const eight = Array.from({ length: 8 }, (_, i) => i);
    const answers = await Promise.all([
      ...eight.map((i) => admin().patch(meta("crowd"), { properties: { [`f${i}`]: whole } })),
      ...eight.map((i) => apply({ objects: [object(`guest${i}`, { crowd: refers("crowd", { relation: `g${i}` }) })] })),
    ]);
    for (const answer of answers) body(answer, 200);
    expect(Object.keys(body(await admin().get(meta("crowd")), 200).properties).toSorted()).toEqual(
      ["name", ...eight.map((i) => `f${i}`)].toSorted(),
    );
    for (const i of eight) body(await admin().post(`/api/guest${i}s`, {}), 201);
    body(await admin().post("/api/crowds", Object.fromEntries(eight.map((i) => [`f${i}`, i]))), 201);
    expect(await version()).toBe(before + 16);
  });

  test("of eight that have read the same version one is applied", async () => {
    const tag = { "if-match": `"${await version()}"` };
    const sets = Array.from({ length: 8 }, (_, i) => ({ objects: [object(`first${i}`, { a: text })] }));
    const answers = await Promise.all(sets.map((set) => apply(set, tag)));
    expect(answers.map((a) => a.status).toSorted()).toEqual([200, ...Array(7).fill(412)]);
  });
});

describe("refused as a whole", () => {
  beforeAll(async () => {
    body(
      await apply({
        objects: [object("hull", { name: text, tons: text }), object("mast", { hull: refers("hull"), name: text })],
        workflows: [workflow("weigh", "hull", { on: "updated", fields: ["tons"], when: "tons != old.tons" })],
        roles: [{ name: "hull reader", rights: { hull: ["read"] } }],
      }),
      200,
    );
    for (const tons of ["7", "seven", "eight"]) body(await admin().post("/api/hulls", { name: "h", tons }), 201);
  });
  const good = object("keel", { name: text });
  const refusals: readonly (readonly [
    what: string,
    set: object,
    status: number,
    code: string,
    paths?: readonly string[],
  ])[] = [
    ["no object", [] as unknown as object, 422, "VALIDATION", [""]],
    [
      "members that are none",
      { objects: {}, roles: [1], colour: 1, delete: { x: [] }, allow: [2] },
      422,
      "VALIDATION",
      ["/objects", "/roles/0", "/colour", "/delete/x", "/allow/0"],
    ],
    [
      "one wrong definition of several",
      { objects: [good, object("bad", { x: { fieldType: "nonsense" } }), { type: "object" }] },
      422,
      "DEFINITION",
      ["/objects/1/properties/x/fieldType", "/objects/2/name"],
    ],
    [
      "definitions that do not fit together",
      { objects: [good, object("bad", { x: refers("nowhere") })] },
      422,
      "DEFINITION",
      ["/objects/1/properties/x/target"],
    ],
    ["a name twice", { objects: [good, good] }, 422, "DEFINITION", ["/objects/1/name"]],
    [
      "one put and deleted",
      { objects: [object("hull", {})], delete: { objects: ["hull"] } },
      422,
      "DEFINITION",
      ["/objects/0/name"],
    ],
    [
      "a workflow on nothing",
      { objects: [good], workflows: [workflow("lost", "nowhere")] },
      422,
      "DEFINITION",
      ["/workflows/0/object"],
    ],
    [
      "a role with rights that are none",
      { objects: [good], roles: [{ name: "r", rights: { keel: ["fly"] } }] },
      422,
      "VALIDATION",
      ["/roles/0/rights/keel/0"],
    ],
    [
      "a role with what no role has",
      { objects: [good], roles: [{ name: "r", colour: "red" }, {}] },
      422,
      "DEFINITION",
      ["/roles/0/colour", "/roles/1/name"],
    ],
    [
      "settings that are none",
      { objects: [good], settings: { timeZone: "Mars", pace: 1 } },
      422,
      "DEFINITION",
      ["/settings/timeZone", "/settings/pace"],
    ],
    [
      "rows in the way, after tables have changed",
      { objects: [good, object("hull", { name: text, tons: whole })] },
      409,
      "CONFLICT",
    ],
    [
      "data that would be lost",
      { objects: [good, object("hull", { name: text })], workflows: [workflow("weigh", "hull")] },
      409,
      "DATA_LOSS",
      ["/objects/1/properties/tons"],
    ],
    ["a core object deleted", { objects: [good], delete: { objects: ["user"] } }, 403, "FORBIDDEN"],
    [
      "the core's files without their fields",
      { objects: [good, object("file", { name: text }, { nameField: "name", sharing: "private" })] },
      422,
      "DEFINITION",
      ["required", ...["name", "size", "content_type", "sha256"].map((field) => `properties/${field}`)].map(
        (member) => `/objects/1/${member}`,
      ),
    ],
    [
      "a core field changed",
      { objects: [good, object("role", { name: whole }, { plural: "roles" })] },
      422,
      "DEFINITION",
    ],
  ];
  for (const [what, set, status, code, paths] of refusals)
    test(what, async () => problem(await changesNothing(() => apply(set)), status, code, paths));

  test("what is used elsewhere is not deleted; every user is named", async () => {
    const remove = { delete: { objects: ["hull"] }, allow: ["drop:hull"] };
    const refused = await changesNothing(() => apply(remove));
    problem(refused, 409, "CONFLICT");
    for (const user of [
      "reference mast.hull",
      "workflow weigh (object)",
      "workflow weigh (fields)",
      "workflow weigh (when)",
    ])
      expect(refused.body.detail).toContain(user);
    const renamed = object("hull", { name: text, weight: { ...text, was: "tons" } });
    const broken = await changesNothing(() => apply({ objects: [renamed] }));
    problem(broken, 409, "CONFLICT");
    expect(broken.body.detail).toContain("hull.tons, which this would rename, is used by: workflow weigh (fields)");
    const watched = workflow("weigh", "hull", { on: "updated", fields: ["weight"], when: "weight != old.weight" });
    expect(body(await plan({ objects: [renamed], workflows: [watched] }), 200)).toMatchObject({ ok: true });
  });

  test("what expressions of other objects ask of the user is used, too", async () => {
    body(await admin().patch(meta("user"), { properties: { badge: text } }), 200);
    const rule = { name: "own", when: "user.badge == n", message: "m" };
    const locker = object("locker", { n: { ...text, readonlyWhen: "user.badge == 'x'" } }, { rules: [rule] });
    body(await apply({ objects: [locker] }), 200);
    const refused = await changesNothing(() => admin().patch(meta("user"), { properties: { badge: null } }));
    problem(refused, 409, "CONFLICT");
    expect(refused.body.detail).toContain(
      "user.badge, which this would delete, is used by: rule own of locker; readonlyWhen of locker.n.",
    );
    const user = body(await admin().get(meta("user")), 200);
    const { badge: _, ...rest } = user.properties;
    const objects = [{ ...user, properties: rest }, object("locker", { n: text })];
    body(await apply({ objects }), 200);
  });

  test("a formula uses what its walks lead to, and is used by name", async () => {
    const formula = (source: string) => ({ fieldType: "formula", returns: "number", formula: source });
    const worker = object("worker", { rate: { type: "number" }, twice: formula("rate * 2") });
    const errand = object("errand", { worker: refers("worker"), cost: formula("worker.twice + 1") });
    body(await apply({ objects: [errand, worker] }), 200);
    const refused = await changesNothing(() => apply({ objects: [object("worker", { rate: { type: "number" } })] }));
    problem(refused, 409, "CONFLICT");
    expect(refused.body.detail).toContain("worker.twice, which this would delete, is used by: formula of errand.cost");
    const renamed = object("worker", { rate: { type: "number" }, double: { ...formula("rate * 2"), was: "twice" } });
    problem(await changesNothing(() => apply({ objects: [renamed] })), 409, "CONFLICT");
    const following = object("errand", { worker: refers("worker"), cost: formula("worker.double + 1") });
    body(await apply({ objects: [following, renamed] }), 200);
    const id = body(await admin().post("/api/workers", { rate: 3 }), 201).id;
    expect(body(await admin().post("/api/errands", { worker: id }), 201).cost).toBe(7);
  });

  test("those without the right do and see nothing of it; whoever may not write roles writes none here", async () => {
    const { api } = await hire(app, "plain", { rights: { hull: ["read", "edit"] } });
    const id = (await last()).id;
    for (const ask of [
      () => api.post(url, { objects: [good] }),
      () => api.get(url),
      () => api.get(`${url}/${id}`),
      () => api.post(`${url}/${id}/revert`),
      () => api.get("/api/meta/customisation"),
    ])
      problem(await changesNothing(ask), 403, "FORBIDDEN");
    const { api: editor } = await hire(app, "editor", { system_rights: ["edit_metadata"] });
    body(await editor.post(url, { objects: [object("plank", { name: text })] }), 200);
    problem(
      await changesNothing(() => editor.post(url, { objects: [good], roles: [{ name: "mine", administrator: true }] })),
      403,
      "FORBIDDEN",
    );
  });
});

describe("plan", () => {
  test("tells effects, rows, losses, who is in the way and who depends, and changes nothing", async () => {
    body(
      await apply({
        objects: [
          object(
            "crate",
            { code: text, size: text, note: text, made: { type: "string", format: "date-time" } },
            { indexes: [["size"]] },
          ),
          object("label", { crate: refers("crate"), name: text }),
        ],
        workflows: [workflow("sort", "crate", { when: "size == 'big'" })],
      }),
      200,
    );
    const rows = [
      { code: "a", size: "1", note: "x", made: "2026-01-01T10:00:00Z" },
      { code: "a", size: "two", note: null, made: null },
      { code: "b", size: "three", note: "y", made: null },
    ];
    const crates: string[] = [];
    for (const row of rows) crates.push(body(await admin().post("/api/crates", row), 201).id);
    const set = {
      objects: [
        object(
          "crate",
          { code: { ...text, unique: true }, size: whole, made: { type: "string", format: "date" } },
          { indexes: [["size"]] },
        ),
      ],
    };
    const told = body(await changesNothing(() => plan(set)), 200);
    expect(told).toMatchObject({ ok: false, id: null, version: await version() });
    const step = (effect: string) => told.steps.find((s: { effect: string }) => s.effect.startsWith(effect));
    expect(step("delete crate.note")).toEqual({
      kind: "objects",
      name: "crate",
      effect: "delete crate.note and its values",
      rows: 3,
      loses: { count: 2, allow: "drop:crate.note", allowed: false },
    });
    expect(step("turn crate.made").loses).toEqual({ count: 1, allow: "convert:crate.made", allowed: false });
    expect(step("turn crate.size")).toMatchObject({
      rows: 3,
      inTheWay: {
        count: 2,
        records: [
          { id: crates[1], value: "two" },
          { id: crates[2], value: "three" },
        ],
      },
      usedBy: ["index of crate (size)", "workflow sort (when)"],
      breaks: ["workflow sort (when)"],
    });
    expect(step("keep code unique")).toMatchObject({ inTheWay: { count: 2 } });
    const unread = await changesNothing(() => apply({ ...set, allow: ["drop:crate.note", "convert:crate.made"] }));
    problem(unread, 409, "CONFLICT");
    expect(unread.body.detail).toContain("crate.size, which this would change, is used by: workflow sort (when)");
    const sorting = [workflow("sort", "crate", { when: "size == 2" })];
    problem(await changesNothing(() => apply({ ...set, workflows: sorting })), 409, "DATA_LOSS");

    body(await admin().patch(`/api/crates/${crates[1]}`, { size: "2", code: "c" }), 200);
    body(await admin().patch(`/api/crates/${crates[2]}`, { size: "3" }), 200);
    const allow = ["drop:crate.note", "convert:crate.made"];
    const resolved = { ...set, allow, workflows: sorting };
    const planned = body(await changesNothing(() => plan(resolved)), 200);
    expect(planned.ok).toBe(true);
    const applied = body(await apply(resolved), 200);
    const plain = ({ rows: _, ...rest }: Record<string, unknown>) => rest;
    expect(applied.steps, "what was planned is what was done").toEqual(planned.steps.map(plain));
    expect(body(await admin().get(`/api/crates/${crates[1]}`), 200)).toMatchObject({ size: 2, made: null });
  });

  test("of a deletion names who would break, and of a wrong definition its faults", async () => {
    const told = body(await changesNothing(() => plan({ delete: { objects: ["crate"] } })), 200);
    expect(told).toMatchObject({ ok: false });
    expect(told.steps).toEqual([
      expect.objectContaining({ effect: "delete crate", breaks: expect.arrayContaining(["reference label.crate"]) }),
    ]);
    problem(await plan({ objects: [object("x1", { a: { type: "nonsense" } })] }), 422, "DEFINITION");
    problem(await admin().post(`${url}?plan=perhaps`, {}), 400, "QUERY");
  });
});

describe("history", () => {
  test("newest first, by pages, with definitions before and after where one is asked for", async () => {
    await define(app, object("log", { a: text }));
    await define(app, object("log", { a: text, b: text }));
    const all = (await pages(admin(), (cursor) => `${url}${q({ limit: 7, ...(cursor ? { cursor } : {}) })}`)).flat();
    const versions = all.map((e) => Number(e["version"]));
    expect(versions).toEqual(versions.toSorted((a, b) => b - a));
    expect(new Set(versions).size).toBe(versions.length);
    const { user } = body(await admin().get("/api/me"), 200);
    const entry = body(await admin().get(`${url}/${String(all[0]?.["id"])}`), 200);
    expect(entry).toMatchObject({
      by: user.id,
      reverts: null,
      changes: [
        { kind: "objects", name: "log", before: { properties: { a: text } }, after: { properties: { b: text } } },
      ],
    });
    problem(await admin().get(`${url}/${nobody}`), 404, "NOT_FOUND");
    problem(await admin().get(`${url}/nonsense`), 404, "NOT_FOUND");
    problem(await admin().get(`${url}?cursor=abc`), 400, "QUERY");
  });

  test("only the newest keep their definitions; the others tell who did what, and cannot be taken back", async () => {
    const few = await createTestApp({ on: app, parts: { changeSetsKept: 2 } });
    const made = [];
    for (const title of ["A", "B", "C"]) {
      const set = { objects: [object("leaflet", { a: text }, { title })], message: title };
      made.push(body(await few.as("admin").post(url, set), 200).id as string);
    }
    await few.close();
    const [first, second, third] = made as [string, string, string];
    const entry = async (id: string) => body(await admin().get(`${url}/${id}`), 200);
    const { user } = body(await admin().get("/api/me"), 200);
    expect(await entry(first)).toMatchObject({ by: user.id, message: "A", pruned: true });
    expect((await entry(first)).steps[0]).toMatchObject({ name: "leaflet", effect: "create leaflet with 1 field" });
    expect((await entry(first)).changes).toEqual([{ kind: "objects", name: "leaflet" }]);
    expect(await entry(second)).toMatchObject({ pruned: false, changes: [{ before: { title: "A" } }] });
    const list = body(await admin().get(`${url}?limit=3`), 200).data as { id: string; pruned: boolean }[];
    expect(list.map(({ pruned }) => pruned)).toEqual([false, false, true]);
    expect(list[2]).toMatchObject({ id: first, changes: [{ kind: "objects", name: "leaflet" }] });
    const holding = `SELECT FROM t_demo._change_set WHERE id = $1 AND changes::text LIKE '%properties%'`;
    expect(await app.store.sql(holding, [first])).toEqual([]);
    const refused = await changesNothing(() => admin().post(`${url}/${first}/revert`, {}));
    problem(refused, 409, "CONFLICT");
    expect(refused.body.detail).toContain("no longer kept");
    body(await admin().post(`${url}/${third}/revert`, {}), 200);
    body(await admin().post(`${url}/${second}/revert`, {}), 200);
    expect(body(await admin().get(meta("leaflet")), 200).title).toBe("A");
  });
});

describe("revert", () => {
  const revert = (id: string, set?: object, how = "") => admin().post(`${url}/${id}/revert${how}`, set);

  test("takes back names, types, workflows, roles and settings; records stay", async () => {
    const first = {
      objects: [object("song", { title: text, length: whole }), object("album", { song: refers("song"), name: text })],
      workflows: [workflow("hum", "song", { title: "Hum" })],
      roles: [{ name: "singer", rights: { song: ["read"] } }],
    };
    body(await apply(first), 200);
    const song = body(await admin().post("/api/songs", { title: "月亮", length: 210 }), 201).id;
    const album = body(await admin().post("/api/albums", { song, name: "a" }), 201).id;
    const before = body(await admin().get("/api/meta/customisation"), 200);
    const second = body(
      await apply({
        objects: [object("tune", { name: { ...text, was: "title" }, length: text, tempo: whole }, { was: "song" })],
        workflows: [workflow("hum", "tune", { title: "Hum along" })],
        roles: [{ name: "singer", rights: { tune: ["read", "edit"] } }],
        settings: { currency: "EUR" },
      }),
      200,
    );
    body(await admin().patch(`/api/tunes/${song}`, { tempo: 90 }), 200);
    problem(await changesNothing(() => revert(second.id)), 409, "DATA_LOSS");
    const planned = body(await changesNothing(() => revert(second.id, undefined, "?plan=true")), 200);
    expect(planned.ok).toBe(false);
    expect(planned.steps).toContainEqual(
      expect.objectContaining({ loses: { count: 1, allow: "drop:tune.tempo", allowed: false } }),
    );
    const back = body(await revert(second.id, { allow: ["drop:tune.tempo"], message: "too soon" }), 200);
    const { version: _now, ...after } = body(await admin().get("/api/meta/customisation"), 200);
    const { version: _then, ...expected } = before;
    expect(after).toEqual(expected);
    expect(body(await admin().get(`/api/songs/${song}`), 200)).toMatchObject({ title: "月亮", length: 210 });
    expect(body(await admin().get(`/api/albums/${album}`), 200)).toMatchObject({ song });
    expect(await last()).toMatchObject({ id: back.id, reverts: second.id, message: "too soon" });
  });

  test("what was made goes, what was deleted comes back empty; the plan says so", async () => {
    await define(
      app,
      object("relic", { name: text, number: { fieldType: "autonumber", pattern: "R-{000}" } }, { unique: [["name"]] }),
    );
    body(await admin().post("/api/roles", { name: "keeper", rights: { relic: ["read"] } }), 201);
    body(await admin().post("/api/relics", { name: "a" }), 201);
    body(await admin().delete(`${meta("relic")}?allow=drop:relic`), 204);
    const gone = (await last()).id;
    const planned = body(await revert(gone, {}, "?plan=true"), 200);
    expect(planned.steps[0]).toMatchObject({ name: "relic", note: "its former records do not come back" });
    const back = body(await revert(gone), 200);
    expect(body(await admin().get("/api/relics"), 200).data).toEqual([]);
    expect(body(await admin().post("/api/relics", { name: "b" }), 201)).toMatchObject({ number: "R-001" });
    const [keeper] = body(await admin().get(`/api/roles${q({ filter: "name == 'keeper'" })}`), 200).data;
    expect(keeper.rights).toEqual({ relic: ["read"] });
    problem(await revert(back.id), 409, "DATA_LOSS");
    body(await revert(back.id, { allow: ["drop:relic"] }), 200);
    problem(await admin().get("/api/relics"), 404, "NOT_FOUND");
  });

  test("not where later change sets touched the same; they are named, and what others did stays", async () => {
    await define(app, object("path", { name: text }));
    const made = (await last()).id;
    await define(app, object("stone", { path: refers("path") }));
    body(await admin().patch(meta("path"), { properties: { width: whole } }), 200);
    const later = (await last()).id;
    const refused = await changesNothing(() => revert(made));
    problem(refused, 409, "CONFLICT");
    expect(refused.body.detail).toContain(`objects/path by ${later}`);
    body(await revert(later), 200);
    const gone = { delete: { objects: ["path"] } };
    const { steps } = body(await admin().post("/api/meta/changes?plan=true", gone), 200);
    expect(steps[0].usedBy, "what goes along with it is not told").toEqual(["reference stone.path"]);
    const used = await changesNothing(() => revert(made));
    problem(used, 409, "CONFLICT");
    expect(used.body.detail).toContain("path, which this would delete, is used by: reference stone.path");
    problem(await revert(nobody), 404, "NOT_FOUND");
  });

  test("a rename goes back also for those who came to refer to it since", async () => {
    await define(app, object("cat", { name: text }));
    body(await admin().put(meta("lion"), object("lion", { name: text }, { was: "cat" })), 200);
    const renamed = (await last()).id;
    await define(app, object("whisker", { of: refers("lion") }));
    body(await revert(renamed), 200);
    expect(body(await admin().get(meta("whisker")), 200).properties.of.target).toBe("cat");
  });
});

test("what a tenant has of its own makes an empty tenant equal, and is nothing new to itself", async () => {
  body(await admin().patch(meta("lead"), { properties: { hobby: text } }), 200);
  body(
    await admin().put(meta("prospect"), {
      ...body(await admin().get(meta("lead")), 200),
      name: "prospect",
      plural: "prospects",
      was: "lead",
    }),
    200,
  );
  body(await admin().patch(meta("prospect"), { properties: { hobby: null, pastime: { ...text, was: "hobby" } } }), 200);
  const untouched = body(await admin().get("/api/meta/customisation"), 200).objects;
  const nameOf = (o: { name?: string; extends?: string }) => o.name ?? o.extends;
  expect(untouched.map(nameOf)).not.toContain("file");
  body(await admin().patch(meta("file"), { properties: { note: text, previous: { fieldType: "file" } } }), 200);
  const own = body(await admin().get("/api/meta/customisation"), 200);
  const { version: now, brought, ...set } = own;
  expect(brought.objects).toContain("prospect");
  expect(body(await apply(set), 200)).toEqual({ id: null, version: now, ok: true, steps: [] });
  const names = own.objects.map(nameOf);
  expect(names).toContain("prospect");
  expect(names).not.toContain("opportunity_line");
  expect(names).not.toContain("user");
  expect(names, "files have a field more").toContain("file");
  expect(brought.objects).toContain("file");
  const made = body(
    await app
      .as("operator")
      .post("/platform/tenants", { id: "twin", admin: { email: "a@twin.example" }, plugins: ["sales"] }),
    201,
  );
  const twin = app.as(made.admin.key);
  body(await twin.post(url, set), 200);
  const { version: _twin, brought: _brought, ...theirs } = body(await twin.get("/api/meta/customisation"), 200);
  expect(theirs).toEqual(set);
});
