// What definitions refuse records for, by every door: single, array, upsert, import, script, restore.
import { isGuanxiError, type Issue } from "@guanxi/base";
import { type ApiAnswer, createTestApp, q, type TestApp, until, withChanges } from "@guanxi/testing";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, define, hire, ids, pathsOf, problem } from "./support.ts";

const estate = {
  name: "estate",
  type: "object",
  required: ["address"],
  nameField: "address",
  sharing: "write",
  history: true,
  properties: {
    address: { type: "string", maxLength: 60 },
    code: { type: "string", externalId: true },
    status: { enum: ["draft", "listed", "sold"], default: "draft" },
    price: { fieldType: "currency", readonlyWhen: "status == 'sold'" },
    fee: { fieldType: "currency", defaultFormula: "round(price * 0.03, 2)" },
    seller: { type: "string", requiredWhen: "status == 'sold'" },
    country: { enum: ["CN", "TW"] },
    city: { enum: ["beijing", "taipei"], dependsOn: { field: "country", values: { CN: ["beijing"], TW: ["taipei"] } } },
    agent: { fieldType: "reference", target: "user", defaultFormula: "user" },
    label: { type: "string", readOnly: true, defaultFormula: "upper(address) + ' ' + record_type" },
    plot: { type: "integer" },
  },
  states: { status: { "": ["draft"], draft: ["listed"], listed: ["sold", "draft"], sold: [] } },
  recordTypes: {
    home: { title: "Home", titles: { "zh-CN": "住宅", "zh-TW": "住宅" } },
    land: { title: "Land", required: ["plot"], picklists: { status: ["draft", "sold"] } },
    ruin: { active: false },
  },
};
const path = "/api/estates";

let app: TestApp;
const admin = () => app.as("admin");
beforeAll(async () => {
  app = await createTestApp({ worker: true });
  await define(app, estate);
});
afterAll(() => app.close());

const made = async (values: Record<string, unknown>): Promise<string> =>
  body(await admin().post(path, { address: "Elm Street 1", ...values }), 201).id;
const errorsOf = (answer: { body: { errors?: { path: string; code: string }[] } }): string[] =>
  (answer.body.errors ?? []).map((e) => `${e.path} ${e.code}`).sort();

/** A write that must be refused for these reasons, and leaves nothing behind. */
async function refused(write: () => Promise<ApiAnswer>, ...errors: string[]) {
  const { result, changes } = await withChanges(app, write);
  problem(result, 422, "VALIDATION");
  expect(errorsOf(result)).toEqual(errors.toSorted());
  expect(changes).toEqual([]);
}

describe("a new record", () => {
  test("gets its record type and what is computed, also of what was computed", async () => {
    const record = body(await admin().post(path, { address: "Oak Road 2", price: 1234.5 }), 201);
    const { user } = body(await admin().get("/api/me"), 200);
    expect(record).toMatchObject({ record_type: "home", status: "draft", fee: 37.04, label: "OAK ROAD 2 home" });
    expect([record.agent, record.owner]).toEqual([user.id, user.id]);
    expect(body(await admin().post(path, { address: "a", fee: 1, price: 5, agent: null }), 201)).toMatchObject({
      fee: 1,
      agent: null,
    });
  });

  test("is refused by all keywords at once, singly and in an array", async () => {
    const wrong = { address: "a", record_type: "land", status: "sold", country: "TW", city: "beijing" };
    const errors = ["city depends", "plot required", "seller required", "status state"];
    await refused(() => admin().post(path, wrong), ...errors.map((e) => `/${e}`));
    await refused(() => admin().post(path, [{ address: "b" }, wrong]), ...errors.map((e) => `/1/${e}`));
    await refused(() => admin().post(path, { address: "a", record_type: "ruin" }), "/record_type enum");
    await refused(() => admin().post(path, { address: "a", label: "x" }), "/label read_only");
    await refused(
      () => admin().post(path, { address: "a", record_type: "land", plot: 1, status: "listed" }),
      "/status enum",
      "/status state",
    );
  });

  test("of an array with atomic=false is refused alone", async () => {
    const rows = [{ address: "c" }, { address: "d", status: "sold", seller: "x" }];
    const answer = body(await admin().post(`${path}?atomic=false`, rows), 200).data;
    expect(answer[0].id).toBeTypeOf("string");
    expect(answer[1].error.errors).toMatchObject([{ path: "/status", code: "state" }]);
  });
});

describe("a patch", () => {
  test("goes through the states, and is locked by the last", async () => {
    const one = `${path}/${await made({ price: 10 })}`;
    await refused(() => admin().patch(one, { status: "sold", seller: "Ann" }), "/status state");
    body(await admin().patch(one, { status: "listed" }), 200);
    await refused(() => admin().patch(one, { status: "sold" }), "/seller required");
    body(await admin().patch(one, { status: "sold", seller: "Ann", price: 12 }), 200);
    await refused(
      () => admin().patch(one, { price: 13, status: "draft", seller: null }),
      "/price read_only",
      "/status state",
    );
    body(await admin().patch(one, { price: 12, address: "elsewhere" }), 200);
    await refused(() => admin().patch(one, { seller: null }), "/seller required");
    await refused(() => admin().patch(one, { label: "x" }), "/label read_only");
  });

  test("says in the reader's language what is possible", async () => {
    const one = `${path}/${await made({})}`;
    const told = async (patch: Record<string, unknown>, language: string) => {
      const answer = await admin().patch(one, patch, { "accept-language": language });
      problem(answer, 422, "VALIDATION");
      return (answer.body.errors as { message: string }[]).map((e) => e.message);
    };
    expect(await told({ status: "sold", seller: "A" }, "en")).toEqual([
      "cannot go from draft to sold; possible: listed",
    ]);
    expect(await told({ status: "sold", seller: "A" }, "zh-CN")).toEqual(["不能从 draft 变为 sold，可选：listed"]);
    expect(await told({ country: "TW", city: "beijing" }, "zh-TW")).toEqual(["與 country = TW 不符，可選：taipei"]);
    expect(await told({ record_type: "land" }, "en")).toEqual(["is required"]);
    body(await admin().patch(one, { status: "listed" }), 200);
    body(await admin().patch(one, { status: "sold", seller: "A" }), 200);
    expect(await told({ status: "draft" }, "en")).toEqual(["nothing may follow sold"]);
    expect(await told({ price: 1 }, "zh-CN")).toEqual(["当 status == 'sold' 时不能更改"]);
    expect(await told({ seller: null }, "en")).toEqual(["is required when status == 'sold'"]);
  });

  test("in an array names its rows, and all or nothing is written", async () => {
    const [a, b] = [await made({ country: "CN", city: "beijing" }), await made({ price: 1 })];
    const patches = [
      { id: b, price: 2 },
      { id: a, country: "TW" },
      { id: await made({}), status: "sold", record_type: "land" },
    ];
    await refused(
      () => admin().patch(path, patches),
      "/1/city depends",
      "/2/plot required",
      "/2/seller required",
      "/2/status state",
    );
    expect(body(await admin().get(`${path}/${b}`), 200)).toMatchObject({ price: 1, version: 1 });
  });
});

describe("other doors", () => {
  test("an upsert creates and patches by the same rules", async () => {
    const put = (code: string, values: unknown) => admin().put(`${path}/by/code/${code}`, values);
    await refused(() => put("u1", { address: "a", status: "listed" }), "/status state");
    expect(body(await put("u1", { address: "a", price: 100 }), 201)).toMatchObject({ fee: 3, label: "A home" });
    await refused(() => put("u1", { address: "a", status: "sold", seller: "x" }), "/status state");
    expect(body(await put("u1", { price: 200 }), 200)).toMatchObject({ fee: 3, price: 200 });
  });

  test("an import tells each row what it lacks, and fills in what is computed", async () => {
    const file = [
      "address,record_type,status,price,country,city,plot,code",
      "Im 1,,,1000,,,,i1",
      "Im 2,land,,,,,,i2",
      "Im 3,,listed,,,,,i3",
      "Im 4,,,,TW,beijing,,i4",
      "Im 5,land,,,TW,taipei,7,i5",
    ].join("\n");
    const load = async (parameters: Record<string, string>, text: string) => {
      const job = body(
        await admin().post(`/api/import/estates${q(parameters)}`, text, { "content-type": "text/csv" }),
        202,
      );
      const ended = await until("the import", async () => {
        const { body: now } = await admin().get(`/api/jobs/${job.id}`);
        return now.ended_at ? now : undefined;
      });
      const errors = await admin().get(`/api/jobs/${job.id}/errors`);
      return { ended, errors: errors.text.split(/\r?\n/).filter((line) => line !== "") };
    };
    const first = await load({}, file);
    expect(first.ended).toMatchObject({ created: 2, rejected: 3 });
    expect(first.errors.slice(1).map((line) => line.replace(/^.*?,(i\d),/, "$1,"))).toEqual([
      "i2,2,plot: is required",
      "i3,3,status: may begin with: draft",
      "i4,4,city: does not go with country = TW; possible: taipei",
    ]);
    const { data } = body(await admin().get(path + q({ filter: "address.startsWith('Im ')", order: "code" })), 200);
    expect(data).toMatchObject([
      { code: "i1", record_type: "home", fee: 30, label: "IM 1 home", status: "draft" },
      { code: "i5", record_type: "land", label: "IM 5 land", city: "taipei" },
    ]);
    const again = await load({ mode: "upsert", key: "code" }, "code,status,seller\ni1,listed,\ni5,sold,x\n");
    expect(again.ended).toMatchObject({ updated: 1, rejected: 1 });
    expect(again.errors[1]).toContain("status: cannot go from draft to sold; possible: listed");
  });

  const publish = async (name: string, workflow: Record<string, unknown>): Promise<void> =>
    void body(await admin().put(`/api/meta/workflows/${name}`, { name, object: "estate", ...workflow }), 201);

  test("a before-script is held to it, and what it sets counts for what is computed", async () => {
    await publish("sell", {
      on: "before_create",
      script:
        "export default async ({ record }) => { if (record.price === undefined) record.price = 50; if (record.address === 'sold') record.status = 'sold'; };",
    });
    await refused(() => admin().post(path, { address: "sold" }), "/seller required", "/status state");
    const priced = body(await admin().post(path, { address: "priced" }), 201);
    expect(priced).toMatchObject({ fee: 1.5, label: "PRICED home" });
    body(await admin().delete("/api/meta/workflows/sell"), 204);
  });

  test("a workflow's own write is held to it", async () => {
    await publish("rush", {
      on: "created",
      script: `export default async ({ record, crm }) => {
        const estates = crm.records("estate");
        try { await estates.update(record.id, { status: "sold", seller: "me" }); }
        catch (e) { await estates.update(record.id, { address: /** @type {any} */ (e).errors[0].message }); }
      };`,
    });
    const id = await made({ address: "rushed" });
    const after = await until("the workflow", async () => {
      const { body: now } = await admin().get(`${path}/${id}`);
      return now.version > 1 ? now : undefined;
    });
    const address = "cannot go from draft to sold; possible: listed";
    expect(after).toMatchObject({ status: "draft", seller: null, address });
    body(await admin().delete("/api/meta/workflows/rush"), 204);
  });

  test("a restored record is as it was", async () => {
    const id = await made({ price: 7 });
    body(await admin().delete(`${path}/${id}`), 204);
    await define(app, {
      ...estate,
      properties: { ...estate.properties, plot: { type: "integer", requiredWhen: "price == 7" } },
    });
    expect(body(await admin().post(`${path}/${id}/restore`), 200)).toMatchObject({ price: 7, plot: null });
    await refused(() => admin().patch(`${path}/${id}`, { address: "b" }), "/plot required");
    await define(app, estate);
  });

  test("who may not set a locked field is everybody", async () => {
    const { api } = await hire(app, "clerk", { rights: { estate: ["create", "read", "edit"] } });
    const { id } = body(await api.post(path, { address: "a", price: 5 }), 201);
    body(await api.patch(`${path}/${id}`, { status: "listed" }), 200);
    body(await api.patch(`${path}/${id}`, { status: "sold", seller: "s" }), 200);
    for (const caller of [api, admin()])
      await refused(() => caller.patch(`${path}/${id}`, { price: 6 }), "/price read_only");
  });
});

describe("the record type", () => {
  test("is filtered, sorted in the types' order, grouped, exported and kept in history", async () => {
    const id = await made({ address: "typed", plot: 3 });
    await made({ address: "typed", record_type: "land", plot: 3 });
    body(await admin().patch(`${path}/${id}`, { record_type: "land", price: 3 }), 200);
    body(await admin().patch(`${path}/${id}`, { record_type: "home" }), 200);
    const filter = "address == 'typed'";
    const types = async (order: string) =>
      (body(await admin().get(path + q({ filter, order })), 200).data as { record_type: string }[]).map(
        (r) => r.record_type,
      );
    expect([await types("record_type"), await types("-record_type")]).toEqual([
      ["home", "land"],
      ["land", "home"],
    ]);
    expect(ids(await admin().get(path + q({ filter: `${filter} && record_type == 'home'` })))).toEqual([id]);
    const groups = await admin().get(`${path}/aggregate${q({ filter, group: "record_type" })}`);
    expect(body(groups, 200).data).toEqual([
      { record_type: "home", count: 1 },
      { record_type: "land", count: 1 },
    ]);
    const file = await admin().get(
      `/api/export/estates${q({ filter, order: "record_type", select: "record_type,plot" })}`,
    );
    expect(
      file.text
        .trim()
        .split(/\r?\n/)
        .slice(1)
        .map((l) => l.replace(/^[0-9a-f-]{36},/, "")),
    ).toEqual(["home,3", "land,3"]);
    const history = body(await admin().get(`${path}/${id}/history`), 200).data as {
      changes: Record<string, unknown>;
    }[];
    expect(history.flatMap((h) => h.changes["record_type"] ?? [])).toContainEqual({ from: "land", to: "home" });
  });

  test("is in OpenAPI and in types", async () => {
    const { components } = body(await admin().get("/api/openapi.json", { "accept-language": "zh-CN" }), 200);
    const schemas = components.schemas;
    expect(schemas.estate.properties.record_type).toMatchObject({ enum: ["home", "land", "ruin"], title: "记录类型" });
    expect(schemas["estate.create"].properties.record_type).toMatchObject({ enum: ["home", "land"], default: "home" });
    expect(schemas["estate.create"].required).toEqual(["address"]);
    expect(schemas["estate.create"].properties).not.toHaveProperty("label");
    expect(schemas.estate.properties.label).toMatchObject({ readOnly: true });
    const types = (await admin().get("/api/types.d.ts")).text;
    expect(types).toMatch(/record_type: \("home" \| "land" \| "ruin"\)/);
  });

  test("comes to records that are there, and goes with its values named", async () => {
    const plain = { name: "hut", type: "object", properties: { n: { type: "integer" } } };
    await define(app, plain);
    const [old] = ids(await admin().post("/api/huts", [{ n: 1 }]));
    const typed = { ...plain, recordTypes: { log: {}, stone: { default: true } } };
    const { changes } = await withChanges(app, () => define(app, typed));
    expect(changes).toEqual([]);
    expect(body(await admin().get(`/api/huts/${old}`), 200)).toMatchObject({ record_type: "stone", version: 1 });
    expect(body(await admin().post("/api/huts", { record_type: "log" }), 201)).toMatchObject({ record_type: "log" });
    const gone = await admin().put("/api/meta/objects/hut", plain);
    problem(gone, 409, "DATA_LOSS", ["/recordTypes"]);
    expect(gone.body.errors[0].message).toContain("allow=drop:hut.record_type");
    body(await admin().put("/api/meta/objects/hut?allow=drop:hut.record_type", plain), 200);
    expect(body(await admin().get(`/api/huts/${old}`), 200)).not.toHaveProperty("record_type");
    problem(await admin().post("/api/huts", { record_type: "log" }), 422, "VALIDATION", ["/record_type"]);
  });

  test("of a user is given to whoever is there", async () => {
    const user = body(await admin().get("/api/meta/objects/user"), 200);
    await define(app, { ...user, recordTypes: { staff: {}, guest: {} } });
    const { user: id } = await hire(app, "typed", {});
    expect(body(await admin().get(`/api/users/${id}`), 200)).toMatchObject({ record_type: "staff" });
    body(await admin().put("/api/meta/objects/user?allow=drop:user.record_type", user), 200);
  });
});

test("a fault in a definition stands at its keyword, with its position", async () => {
  const answer = await admin().put("/api/meta/objects/faulty", {
    type: "object",
    properties: {
      a: { type: "integer", requiredWhen: "b > 1" },
      c: { type: "string", readonlyWhen: "c == 1" },
      d: { type: "date", defaultFormula: "today" },
    },
  });
  expect(pathsOf(answer)).toEqual(["/properties/d/type"]);
  const second = await admin().put("/api/meta/objects/faulty", {
    type: "object",
    properties: {
      a: { type: "integer", requiredWhen: "b > 1" },
      c: { type: "string", readonlyWhen: "c == 1" },
      d: { fieldType: "date", defaultFormula: "1 == 1 ? now : d" },
    },
  });
  problem(second, 422, "DEFINITION");
  expect(second.body.errors).toMatchObject([
    { path: "/properties/a/requiredWhen", code: "expression", position: 0 },
    { path: "/properties/c/readonlyWhen", code: "expression", position: 2 },
    { path: "/properties/d/defaultFormula", code: "expression" },
  ]);
});

describe("PostgreSQL and memory", () => {
  const value = fc.constantFrom("a", "b", "c");
  const some = fc.subarray(["a", "b", "c"], { minLength: 1 });
  const followers = fc.subarray(["", "a", "b", "c"], { minLength: 1 });
  const states = fc.dictionary(fc.constantFrom("", "a", "b", "c"), followers, { minKeys: 2 });
  const condition = fc.constantFrom(
    "flag",
    "!flag",
    "s == 'a'",
    "s != 'b' || n > 2",
    "n == null",
    "'a' in m",
    "record_type == 'x'",
    ...["n > 100", "n / 0 == 1", "'d' in m && flag"],
  );
  const aDefinition = fc.record({
    s: states,
    ofX: fc.option(states, { nil: undefined }),
    by: fc.dictionary(value, some, { minKeys: 1 }),
    set: fc.dictionary(fc.constantFrom("true", "false"), some, { minKeys: 1 }),
    required: condition,
    locked: fc.array(condition, { minLength: 3, maxLength: 3 }),
    only: some,
    onlySet: some,
    needs: fc.subarray(["n", "d"], { maxLength: 1 }),
  });
  const values = {
    s: fc.constantFrom("a", "b", "c", null),
    d: fc.constantFrom("a", "b", "c", null),
    m: fc.option(fc.subarray(["a", "b", "c"])),
    n: fc.constantFrom(1, 3, null),
    flag: fc.constantFrom(true, false, null),
    record_type: fc.constantFrom("x", "y"),
  };
  const aRecord = fc.record(values);
  /** Of few fields, or nearly all would be refused. */
  const aPatch = fc
    .tuple(aRecord, fc.subarray(Object.keys(values), { minLength: 1, maxLength: 2 }))
    .map(([record, names]) => Object.fromEntries(Object.entries(record).filter(([name]) => names.includes(name))));
  type Row = Record<string, unknown>;
  const issuesOf = (write: Promise<unknown>): Promise<readonly Issue[]> =>
    write.then(
      () => [],
      (e: unknown) => {
        if (isGuanxiError(e, "VALIDATION")) return e.issues;
        throw e;
      },
    );
  type Definition = typeof aDefinition extends fc.Arbitrary<infer T> ? T : never;
  const objectOf = (name: string, d: Definition) => ({
    name,
    type: "object",
    properties: {
      s: { enum: ["a", "b", "c"], readonlyWhen: d.locked[0] },
      d: { enum: ["a", "b", "c"], dependsOn: { field: "s", values: { ...d.by } } },
      m: {
        type: "array",
        items: { enum: ["a", "b", "c"] },
        dependsOn: { field: "flag", values: { ...d.set } },
        readonlyWhen: d.locked[1],
      },
      n: { type: "integer", requiredWhen: d.required, readonlyWhen: d.locked[2] },
      flag: { type: "boolean" },
    },
    states: { s: { ...d.s } },
    recordTypes: {
      x: { ...(d.ofX ? { states: { s: { ...d.ofX } } } : {}), picklists: { d: d.only, m: d.onlySet } },
      y: { required: d.needs },
    },
  });

  test("refuse the same changes for the same reasons", { timeout: 60_000 }, async () => {
    let [kept, turned] = [0, 0];
    for (const [i, definition] of fc.sample(aDefinition, { numRuns: 8, seed: 20_261_122 }).entries()) {
      const name = `agreed_${i}`;
      // Filled while nothing is refused: records may be in any state.
      const { states: _, recordTypes: __, ...shape } = objectOf(name, definition);
      const bare = Object.entries(shape.properties).map(
        ([f, { requiredWhen: _r, readonlyWhen: _l, dependsOn: _d, ...p }]: [string, Record<string, unknown>]) => [f, p],
      );
      await define(app, { ...shape, properties: Object.fromEntries(bare), recordTypes: { x: {}, y: {} } });
      const olds = fc.sample(aRecord, { numRuns: 20, seed: i });
      const stored = body(await admin().post(`/api/${name}s`, olds), 200).data as Row[];
      await define(app, objectOf(name, definition));
      const session = await app.kernel.authenticate(app.keys["admin"] ?? "", "rules");
      const caller = await app.kernel.refresh(session);
      const object = caller.snapshot.objects.get(name);
      if (!object) throw new Error("the object was not defined");
      const context = { now: caller.now, user: caller.actor.record };
      const { update, updateMany } = app.kernel.records;
      const broken = (old: Row, change: Row, at: string) =>
        object.brokenRules({ ...old, ...change }, old, context).map((issue) => ({ ...issue, path: at + issue.path }));
      const changes = fc.sample(aPatch, { numRuns: stored.length - 1, seed: 1_000 + i });
      for (const [k, change] of changes.entries()) {
        const [old = {}, next = {}] = stored.slice(k);
        const rows = [{ id: old["id"], ...change }, { id: next["id"] }];
        const expected = broken(old, change, "");
        const both = [...broken(old, change, "/0"), ...broken(next, {}, "/1")];
        // One record and several have statements of their own. What is refused is refused by both; what is not is written by one.
        if (both.length > 0 || k % 2 === 0)
          expect([old, rows, await issuesOf(updateMany(caller, name, rows))]).toEqual([old, rows, both]);
        if (expected.length > 0 || both.length > 0 || k % 2 === 1)
          expect([old, change, await issuesOf(update(caller, name, String(old["id"]), change))]).toEqual([
            old,
            change,
            expected,
          ]);
        if (expected.length > 0) turned++;
        else kept++;
      }
    }
    expect(Math.min(kept, turned)).toBeGreaterThan(40);
  });
});
