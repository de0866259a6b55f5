// Fields that nobody reads, whose values are personal or secret, or whose changes are not kept: by every door, and what must not lie anywhere.
import { type Api, createTestApp, q, type TestApp, until, withChanges } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, define, pathsOf, problem } from "./support.ts";

let app: TestApp;
const admin = () => app.as("admin");
const path = "/api/members";

const member = {
  name: "member",
  history: true,
  required: ["name"],
  properties: {
    name: { type: "string", externalId: true },
    pin: { type: "string", writeOnly: true, minLength: 4 },
    box: { fieldType: "address", writeOnly: true },
    income: { type: "number", sensitive: true },
    mail: { type: "string", format: "email", sensitive: true, unique: true },
    seen: { type: "integer", history: false },
    safe: { fieldType: "formula", returns: "checkbox", formula: "pin != null" },
    rich: { fieldType: "formula", returns: "checkbox", formula: "income > 1000" },
    code: { type: "string", writeOnly: true, readonlyWhen: "seen == 99" },
  },
  rules: [{ name: "kept", when: "seen == 7 && pin == null", at: "pin", message: "A pin first" }],
};
const card = {
  name: "card",
  properties: {
    title: { type: "string" },
    cvc: { type: "string", writeOnly: true },
    holder: { fieldType: "reference", target: "member" },
    others: { fieldType: "references", target: "member", relation: "cards_too" },
  },
};
const secrets = /S3CRET|h4rbour|4711[.]5|hidden@x/;

beforeAll(async () => {
  app = await createTestApp({ worker: true });
  await define(app, member);
  await define(app, card);
});
afterAll(() => app.close());

const make = async (values: object) => body(await admin().post(path, values), 201);
const history = async (id: string) => body(await admin().get(`${path}/${id}/history`), 200).data;
const publish = async (name: string, definition: object, status = 201) =>
  body(await admin().put(`/api/meta/workflows/${name}`, { name, object: "member", ...definition }), status);
const drop = (name: string) => admin().delete(`/api/meta/workflows/${name}`);

/** Tables with such a text, but for the records themselves. */
async function tablesWith(secret: string): Promise<string[]> {
  const tables = await app.store.sql<{ name: string }>(
    "SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables WHERE table_schema IN ('t_demo', 'guanxi') AND table_name <> 'member'",
  );
  const found = await Promise.all(
    tables.map(({ name }) => app.store.sql(`SELECT FROM ${name} x WHERE x::text ~ $1 LIMIT 1`, [secret])),
  );
  return tables.flatMap(({ name }, i) => (found[i]?.length ? [name] : []));
}

describe("a field that is written only", () => {
  let id: string;

  test("is stored, and shown by no door", async () => {
    const made = await admin().post(path, { name: "Ann", pin: "S3CRET1", box: { city: "h4rbour" } });
    id = body(made, 201).id;
    const cards = body(await admin().post("/api/cards", { title: "a", holder: id, others: [id] }), 201);
    const answers = [
      made,
      await admin().patch(`${path}/${id}`, { pin: "S3CRET2", box: { state: "h4rbour 2" } }),
      await admin().patch(path, [{ id, pin: "S3CRET3" }]),
      await admin().put(`${path}/by/name/Ann`, { pin: "S3CRET4" }),
      await admin().post(path, [{ name: "Many", pin: "S3CRET5" }]),
      await admin().get(`${path}/${id}`),
      await admin().get(`${path}?select=*&expand=owner`),
      await admin().post(`${path}/query`, { select: "*" }),
      await admin().get(`${path}/${id}/history`),
      await admin().get("/api/export/members"),
      await admin().get(`/api/cards/${cards.id}?expand=holder,others`),
      await admin().get("/api/cards?select=holder.*"),
    ];
    for (const answer of answers) {
      expect(answer.status, answer.text).toBeLessThan(300);
      expect(answer.text).not.toMatch(secrets);
      expect(answer.text).not.toMatch(/"code"|"box": *\{"/);
    }
    expect(Object.keys(answers[5]?.body)).not.toContain("pin");
    const [row] = await app.store.sql<{ pin: string; box: string }>(
      "SELECT pin, box::text AS box FROM t_demo.member WHERE id = $1",
      [id],
    );
    expect(row).toEqual({ pin: "S3CRET4", box: '{"city": "h4rbour", "state": "h4rbour 2"}' });
    expect(await tablesWith(secrets.source)).toEqual([]);
    expect(JSON.stringify(app.observations)).not.toMatch(secrets);
  });

  test("is no name in a question, also over references and of the actor", async () => {
    const refused: (readonly [path: string, parameters: Record<string, string>, at: string])[] = [
      [path, { select: "name,pin" }, "select"],
      [path, { select: "box.city" }, "select"],
      [path, { filter: "pin == 'S3CRET4'" }, "filter"],
      [path, { filter: "pin == null" }, "filter"],
      [path, { order: "pin" }, "order"],
      [path, { order: "box.city" }, "order"],
      [path, { expand: "pin" }, "expand"],
      [`${path}/aggregate`, { group: "pin" }, "group"],
      [`${path}/aggregate`, { metrics: "max(pin)" }, "metrics"],
      [`${path}/aggregate`, { metrics: "count(pin)" }, "metrics"],
      ["/api/cards", { select: "holder.pin" }, "select"],
      ["/api/cards", { filter: "holder.pin == 'x'" }, "filter"],
      ["/api/cards", { filter: "others.exists(o, o.pin == 'x')" }, "filter"],
      ["/api/cards", { order: "holder.pin" }, "order"],
      [path, { filter: "cards.exists(c, c.cvc == null)" }, "filter"],
      [path, { filter: "cards.exists(c, c.holder.pin == null)" }, "filter"],
      ["/api/export/members", { select: "pin" }, "select"],
    ];
    for (const [of, parameters, at] of refused) problem(await admin().get(of + q(parameters)), 400, "QUERY", [at]);
    problem(await admin().get(`${path}/by/pin/S3CRET4`), 404, "NOT_FOUND");
    body(
      await admin().patch("/api/meta/objects/user", { properties: { door_code: { type: "string", writeOnly: true } } }),
      200,
    );
    const { data: people } = body(await admin().get(`/api/users${q({ limit: 1 })}`), 200);
    body(await admin().patch(`/api/users/${people[0].id}`, { door_code: "S3CRET0" }), 200);
    for (const door of ["/api/users", "/api/me", `/api/members${q({ expand: "owner" })}`])
      expect((await admin().get(door)).text).not.toMatch(/S3CRET0|door_code/);
    problem(await admin().get(path + q({ filter: "name == user.door_code" })), 400, "QUERY", ["filter"]);
    // What a definition makes of it is the definition's to say.
    const found = body(await admin().get(path + q({ filter: "safe", select: "name,safe", order: "name" })), 200).data;
    expect(found.map((m: { name: string }) => m.name)).toEqual(["Ann", "Many"]);
    expect(body(await admin().get(`/api/cards${q({ filter: "holder.safe" })}`), 200).data).toHaveLength(1);
    const asked = q({ filter: "cards.exists(c, c.title == 'a' && c.holder.safe)" });
    expect(body(await admin().get(path + asked), 200).data).toHaveLength(1);
  });

  test("tells changes that it changed, and rules whether it is there", async () => {
    expect((await history(id)).map((entry: { changes: object }) => entry.changes)).toEqual([
      { pin: {} },
      { pin: {} },
      { pin: {}, box: {} },
      expect.not.objectContaining({ pin: expect.anything() }),
    ]);
    const same = await withChanges(app, () => admin().patch(`${path}/${id}`, { pin: "S3CRET4" }));
    expect(same.changes).toEqual([]);
    const { changes } = await withChanges(app, () => admin().patch(`${path}/${id}`, { pin: "S3CRET6", income: null }));
    expect(changes[0]?.old).toMatchObject({ pin: null });
    expect(Object.keys(changes[0]?.old ?? {})).not.toContain("box");
    expect(Object.keys(changes[0]?.data ?? {})).not.toContain("pin");
    problem(await admin().patch(`${path}/${id}`, { pin: "1" }), 422, "VALIDATION", ["/pin"]);
    problem(await admin().patch(`${path}/${id}`, { pin: null, seen: 7 }), 422, "VALIDATION", ["/pin"]);
    body(await admin().patch(`${path}/${id}`, { seen: 7 }), 200);
    problem(await admin().post(path, { name: "None", seen: 7 }), 422, "VALIDATION", ["/pin"]);
    body(await admin().patch(`${path}/${id}`, { seen: 99 }), 200);
    problem(await admin().patch(`${path}/${id}`, { code: "new" }), 422, "VALIDATION", ["/code"]);
    body(await admin().patch(`${path}/${id}`, { seen: 1 }), 200);
  });

  test("is not seen by scripts, which may leave it alone", async () => {
    for (const on of ["before_create", "before_update"])
      await publish(on, {
        on,
        script:
          "export default async ({ record }) => { record.name = Object.keys(record).includes('pin') ? 'seen' : record.name; };",
      });
    await publish("after", {
      on: "updated",
      fields: ["pin"],
      script: "export default async ({ record, old }) => ({ record, old });",
    });
    const made = await make({ name: "Scripted", pin: "S3CRET7", box: { city: "h4rbour" } });
    expect(body(await admin().patch(`${path}/${made.id}`, { pin: "S3CRET8", box: { city: null } }), 200).name).toBe(
      "Scripted",
    );
    const [row] = await app.store.sql("SELECT pin, box::text AS box FROM t_demo.member WHERE id = $1", [made.id]);
    expect(row).toEqual({ pin: "S3CRET8", box: "{}" });
    const runs = async () => body(await admin().get(`/api/runs${q({ workflow: "after" })}`), 200).data;
    await until("the run", async () => (await runs())[0]?.status === "succeeded");
    const run = body(await admin().get(`/api/runs/${(await runs())[0].id}`), 200);
    expect(JSON.stringify(run)).toContain("Scripted");
    expect(JSON.stringify(run)).not.toMatch(secrets);
    for (const name of ["before_create", "before_update", "after"]) await drop(name);
    problem(
      await admin().put("/api/meta/workflows/blind", {
        name: "blind",
        object: "member",
        on: "before_update",
        fields: ["pin"],
        script: "export default async () => {};",
      }),
      422,
      "DEFINITION",
      ["/fields/0"],
    );
  });

  test("is told to programs as written only, and comes in by files", async () => {
    const { schemas } = body(await admin().get("/api/openapi.json"), 200).components;
    expect(schemas["member"].properties).not.toHaveProperty("pin");
    for (const kind of ["create", "patch", "row"])
      expect(schemas[`member.${kind}`].properties.pin).toMatchObject({ writeOnly: true, type: ["string", "null"] });
    const types = (await admin().get("/api/types.d.ts")).text;
    expect(types.match(/\bpin\?:/g)).toHaveLength(2);
    const file = "name,pin\r\nFiled,S3CRET9\r\nWrong,1\r\n";
    const job = body(await admin().post("/api/import/members", file, { "content-type": "text/csv" }), 202).id;
    const ended = await until("the import", async () => {
      const now = body(await admin().get(`/api/jobs/${job}`), 200);
      return now.ended_at === null ? undefined : now;
    });
    expect(ended).toMatchObject({ created: 1, rejected: 1 });
    expect(await app.store.sql("SELECT pin FROM t_demo.member WHERE name = 'Filed'")).toEqual([{ pin: "S3CRET9" }]);
    const upsert = await admin().post("/api/import/members?mode=upsert&key=pin", file, { "content-type": "text/csv" });
    expect(upsert.status).toBe(422);
  });
});

describe("personal and secret data", () => {
  let id: string;

  test("lies in the record alone: history, changes and runs tell that it changed", async () => {
    await publish("told", {
      on: "updated",
      fields: ["income"],
      script: "export default async ({ record, old }) => [record, old];",
    });
    await publish("by_hand", { on: "manual", script: "export default async ({ record }) => record;" });
    const made = await make({ name: "Bob", income: 4711.5, mail: "hidden@x.example" });
    id = made.id;
    expect(made).toMatchObject({ income: 4711.5, mail: "hidden@x.example", rich: true });
    expect(body(await admin().get(path + q({ filter: "income > 4711" })), 200).data).toHaveLength(1);
    body(await admin().patch(`${path}/${id}`, { income: 1 }), 200);
    body(await admin().patch(path, [{ id, income: 4711.5 }]), 200);
    body(await admin().post("/api/workflows/by_hand/start", { record: id }), 202);
    const runs = async () => body(await admin().get("/api/runs"), 200).data as { workflow: string; status: string }[];
    const ended = async (name: string) => (await runs()).filter((r) => r.workflow === name && r.status === "succeeded");
    await until("the runs", async () => (await ended("told")).length === 2 && (await ended("by_hand")).length === 1);
    const inputs = await app.store.sql<{ record: boolean; old: boolean; name: string }>(
      "SELECT input -> 'record' ? 'income' AS record, input -> 'old' ? 'income' AS old, input -> 'old' ->> 'name' AS name FROM t_demo._run WHERE workflow = 'told'",
    );
    expect(inputs).toEqual(Array(2).fill({ record: false, old: false, name: "Bob" }));
    expect((await history(id)).map((entry: { changes: object }) => entry.changes)).toEqual([
      { income: {} },
      { income: {} },
      { name: { from: null, to: "Bob" }, owner: expect.anything() },
    ]);
    expect((await admin().delete(`${path}/${id}`)).status).toBe(204);
    body(await admin().post(`${path}/${id}/restore`), 200);
    expect(await tablesWith("4711[.]5|hidden@x")).toEqual([]);
    expect(JSON.stringify(app.observations)).not.toMatch(secrets);
    for (const name of ["told", "by_hand"]) await drop(name);
  });

  test("is not in what refusals say", async () => {
    const twice = await admin().post(path, { name: "Twice", mail: "hidden@x.example" });
    problem(twice, 409, "CONFLICT", ["/mail"]);
    expect(twice.text).not.toMatch(secrets);
    await make({ name: "Same", income: 4711.5 });
    const put = (income: object) =>
      admin().put("/api/meta/objects/member", { ...member, properties: { ...member.properties, income } });
    const refusals = [
      await put({ ...member.properties.income, unique: true }),
      await put({ type: "integer", sensitive: true }),
      await put({ type: "integer" }),
    ];
    for (const refused of refusals) {
      problem(refused, refused.status, refused.status === 409 ? "CONFLICT" : "DEFINITION");
      expect(refused.text).not.toMatch(secrets);
    }
    const first = refusals[0]!;
    expect([first.status, first.text.includes(id)]).toEqual([409, true]);
    const steps = body(
      await admin().post("/api/meta/changes?plan=true", {
        objects: [
          { ...member, properties: { ...member.properties, income: { ...member.properties.income, unique: true } } },
        ],
      }),
      200,
    ).steps as { inTheWay?: { records: { value: string | null }[] } }[];
    expect(steps.flatMap((s) => s.inTheWay?.records ?? []).map((r) => r.value)).toEqual([null, null]);
  });

  test("is marked, and listed", async () => {
    const { schemas } = body(await admin().get("/api/openapi.json"), 200).components;
    expect(schemas["member"].properties.income).toMatchObject({ "x-sensitive": true });
    expect(schemas["member"].properties.name).not.toHaveProperty("x-sensitive");
    const { data } = body(await admin().get("/api/meta/sensitive"), 200);
    expect(data).toEqual([
      { object: "member", field: "income" },
      { object: "member", field: "mail" },
    ]);
    expect(body(await app.as("rep_a1").get("/api/meta/sensitive"), 200).data).toEqual([]);
  });

  test("that was told before is not shown any more", async () => {
    const plain = { ...member.properties, note: { type: "string" } };
    await define(app, { ...member, properties: plain });
    const { id: noted } = await make({ name: "Noted", note: "hidden@x 1" });
    body(await admin().patch(`${path}/${noted}`, { note: "hidden@x 2" }), 200);
    await define(app, { ...member, properties: { ...plain, note: { type: "string", sensitive: true } } });
    expect((await history(noted)).map((e: { changes: object }) => e.changes)).toEqual([
      { note: {} },
      expect.not.objectContaining({ note: expect.anything() }),
    ]);
    const renamed = { ...member.properties, remark: { type: "string", sensitive: true, was: "note" } };
    await define(app, { ...member, properties: renamed });
    expect((await admin().get(`${path}/${noted}/history`)).text).not.toMatch(secrets);
    // What was not kept does not come back.
    await define(app, {
      ...member,
      properties: { ...member.properties, income: { type: "number" }, remark: { type: "string" } },
    });
    const kept = (await history(id)).filter((entry: { op: string }) => entry.op === "update");
    expect(kept.map((entry: { changes: object }) => entry.changes)).toEqual([{ income: {} }, { income: {} }]);
    body(await admin().put("/api/meta/objects/member?allow=drop:member.remark", member), 200);
  });
});

describe("a field without a history", () => {
  test("is in no history and no change, and still starts workflows that name it", async () => {
    await publish("counted", {
      on: "updated",
      fields: ["seen"],
      script: "export default async ({ record }) => record.name;",
    });
    const { id } = await make({ name: "Counted", seen: 313370731337 });
    const { changes } = await withChanges(app, () => admin().patch(`${path}/${id}`, { seen: 313370831337 }));
    expect(changes.map((c) => [Object.keys(c.data).includes("seen"), c.old?.["seen"]])).toEqual([[false, null]]);
    body(await admin().patch(`${path}/${id}`, { seen: 313370931337, name: "Counted 2" }), 200);
    expect((await history(id)).map((e: { changes: object }) => e.changes)).toEqual([
      { name: { from: "Counted", to: "Counted 2" } },
      {},
      { name: { from: null, to: "Counted" }, owner: expect.anything() },
    ]);
    expect(await tablesWith("313370[789]31337")).toEqual([]);
    const runs = async () => body(await admin().get(`/api/runs${q({ workflow: "counted" })}`), 200).data;
    await until(
      "both runs",
      async () => (await runs()).filter((r: { status: string }) => r.status === "succeeded").length === 2,
    );
    await drop("counted");
  });
});

describe("a condition on a change", () => {
  const script = "export default async () => {};";
  const put = (when: string, on = "updated", api: Api = admin()) =>
    api.put("/api/meta/workflows/asks", { name: "asks", object: "member", on, when, script });

  test("names what the change tells, by itself and in formulas", async () => {
    for (const when of ["changed(seen)", "pin == null", "old.income == null", "rich"])
      expect(await put(when), when).toMatchObject({
        status: 422,
        body: {
          errors: [{ path: "/when", code: "expression", message: expect.stringContaining("changes do not tell") }],
        },
      });
    expect((await put("changed(name)")).status).toBe(201);
    expect((await drop("asks")).status).toBe(204);
    // Before the write the record is there, but for what nobody reads.
    expect((await put("income > 5 && rich && seen == 1", "before_update")).status).toBe(201);
    expect(pathsOf(await put("pin == null", "before_update"))).toEqual(["/when"]);
    await drop("asks");
  });

  test("keeps a field that it names from becoming untold", async () => {
    expect((await put("changed(name)")).status).toBe(201);
    const hidden = { ...member.properties, name: { ...member.properties.name, sensitive: true } };
    const refused = await admin().put("/api/meta/objects/member", { ...member, properties: hidden });
    expect([409, 422], refused.text).toContain(refused.status);
    expect(refused.text).toContain("asks");
    await drop("asks");
  });
});
