// Encrypted texts: what is stored, who sees what, and what happens to the keys.
import { createTestApp, q, type TestApp, until } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, define, hire, pathsOf, problem } from "./support.ts";

let app: TestApp;
const admin = () => app.as("admin");
const path = "/api/travellers";
const passport = "E12345678";
const secrets = (current: string, ...previous: string[]) => ({ masterSecrets: { current, previous } });
const own = "master key of the tests, of 32 letters";

const traveller = {
  name: "traveller",
  type: "object",
  history: true,
  properties: {
    name: { type: "string" },
    passport: { fieldType: "encrypted_text", mask: { last: 3 }, maxLength: 20 },
    note: { fieldType: "encrypted_text" },
  },
  rules: [{ name: "named", when: "passport != null && name == null", message: "A passport needs a name" }],
};

beforeAll(async () => {
  app = await createTestApp({ worker: true });
  await define(app, traveller);
});
afterAll(() => app.close());

/** Every text that lies anywhere in the database. */
async function everything(): Promise<string> {
  const tables = await app.store.sql<{ name: string }>(
    "SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables WHERE table_schema IN ('t_demo', 'guanxi')",
  );
  const texts = await Promise.all(
    tables.map(({ name }) => app.store.sql<{ t: string | null }>(`SELECT string_agg(x::text, '') AS t FROM ${name} x`)),
  );
  return texts.map(([row]) => row?.t ?? "").join("\n");
}

async function publish(name: string, on: string, script: string): Promise<void> {
  const answer = await admin().put(`/api/meta/workflows/${name}`, { name, on, object: "traveller", script });
  expect([200, 201], answer.text).toContain(answer.status);
}

const reveal = (id: string, fields: unknown, as = admin()) => as.post(`${path}/${id}/reveal`, { fields });

describe("an encrypted text", () => {
  let id: string;

  test("is shown as its mask by every door, and lies nowhere in clear", async () => {
    const script = "export default async ({ record }) => { console.log('seen', record.passport); return record; };";
    await publish("watch", "created", script);
    const made = body(await admin().post(path, { name: "Ann", passport, note: "allergic to nuts" }), 201);
    id = made.id;
    expect(made).toMatchObject({ passport: "••••678", note: "••••" });
    body(await admin().patch(`${path}/${id}`, { passport: "E99999999" }), 200);
    body(await admin().patch(`${path}/${id}`, { passport }), 200);
    const runs = async () => body(await admin().get(`/api/runs${q({ workflow: "watch" })}`), 200).data;
    await until("the run", async () => (await runs())[0]?.status === "succeeded");
    const run = await admin().get(`/api/runs/${(await runs())[0].id}`);
    expect(run.text).toContain("••••678");
    const shown = [
      await admin().get(`${path}/${id}`),
      await admin().get(`${path}?select=passport`),
      await admin().get(`${path}/${id}/history`),
      await admin().get("/api/export/travellers"),
      run,
    ];
    for (const answer of shown) {
      expect(answer.status).toBe(200);
      expect(answer.text).not.toMatch(/E12345678|E99999999|nuts/);
    }
    expect(body(shown[0]!, 200).passport).toBe("••••678");
    expect(await everything()).not.toMatch(/E12345678|E99999999|allergic/);
    expect(JSON.stringify(app.observations)).not.toMatch(/E12345678|E99999999|allergic/);
  });

  test("is read in clear by who may, and that is told", async () => {
    expect(body(await reveal(id, ["passport", "note"]), 200)).toEqual({ passport, note: "allergic to nuts" });
    expect(app.observations.filter((o) => o.kind === "revealed")).toEqual([
      expect.objectContaining({ object: "traveller", record: id, fields: ["passport", "note"] }),
    ]);
    const reader = await hire(app, "reader", { rights: { traveller: ["read", "view_all"] } });
    problem(await reveal(id, ["passport"], reader.api), 403, "FORBIDDEN");
    const opener = await hire(app, "opener", {
      rights: { traveller: ["read"] },
      system_rights: ["reveal_encrypted"],
    });
    // Not theirs to see, so there is nothing to open.
    problem(await reveal(id, ["passport"], opener.api), 404, "NOT_FOUND");
    problem(await reveal(id, ["name"]), 422, "VALIDATION", ["/fields"]);
    problem(await reveal(id, "passport"), 422, "VALIDATION", ["/fields"]);
    const paths = async (api = admin()) => Object.keys(body(await api.get("/api/openapi.json"), 200).paths);
    expect(await paths()).toContain("/api/travellers/{id}/reveal");
    expect(await paths()).not.toContain("/api/accounts/{id}/reveal");
    expect(await paths(reader.api)).not.toContain("/api/travellers/{id}/reveal");
  });

  test("stays when its mask comes back, and rules and limits hold for the text", async () => {
    const refused = await admin().patch(`${path}/${id}`, { name: "Ann B", passport: "••••678" });
    expect(refused.status).toBe(422);
    expect(pathsOf(refused)).toEqual(["/passport"]);
    problem(await admin().patch(`${path}/${id}`, { passport: "x".repeat(21) }), 422, "VALIDATION", ["/passport"]);
    problem(await admin().post(path, { passport }), 422, "VALIDATION");
    expect(body(await reveal(id, ["passport"]), 200)).toEqual({ passport });
    expect(body(await admin().get(`${path}${q({ filter: "passport == null" })}`), 200).data).toEqual([]);
    problem(await admin().get(`${path}${q({ filter: `passport == '${passport}'` })}`), 400, "QUERY");
    problem(await admin().get(`${path}${q({ order: "passport" })}`), 400, "QUERY");
  });

  test("is not seen by scripts before the write, which may leave it, replace it or empty it", async () => {
    const on = async (script: string) => {
      for (const trigger of ["before_create", "before_update"])
        await publish(trigger, trigger, `export default async ({ record }) => { ${script} };`);
    };
    await on("record.name = String(record.passport);");
    const made = body(await admin().post(path, { name: "x", passport: "K00000678" }), 201);
    expect(made.name).toBe("••••678");
    // The same mask as before, another text.
    expect(body(await admin().patch(`${path}/${made.id}`, { passport: "L11111678" }), 200).name).toBe("••••678");
    expect(body(await reveal(made.id, ["passport"]), 200)).toEqual({ passport: "L11111678" });
    await admin().patch(`${path}/${made.id}`, { note: "only this" });
    expect(body(await reveal(made.id, ["passport", "note"]), 200)).toEqual({
      passport: "L11111678",
      note: "only this",
    });
    await on("record.passport = 'by script 1';");
    await admin().patch(`${path}/${made.id}`, { name: "y" });
    expect(body(await reveal(made.id, ["passport"]), 200)).toEqual({ passport: "by script 1" });
    await on("record.passport = null;");
    await admin().patch(`${path}/${made.id}`, { passport: "M22222222" });
    expect(body(await reveal(made.id, ["passport"]), 200)).toEqual({ passport: null });
    for (const trigger of ["before_create", "before_update"]) await admin().delete(`/api/meta/workflows/${trigger}`);
  });

  test("opens in its own record and field only", async () => {
    const other = body(await admin().post(path, { name: "Bob", passport: "B1", note: "b" }), 201).id;
    await app.store.sql(
      "UPDATE t_demo.traveller t SET passport = o.passport FROM t_demo.traveller o WHERE t.id = $1 AND o.id = $2",
      [other, id],
    );
    expect((await reveal(other, ["passport"])).status).toBe(500);
    expect(body(await reveal(other, ["note"]), 200)).toEqual({ note: "b" });
  });
});

describe("a field that becomes encrypted", () => {
  const visitors = "/api/visitors";
  const visitor = (properties: object) => ({ name: "visitor", history: true, properties });
  const [badge, text] = ["badge", { type: "string", maxLength: 30, unique: true }];
  const put = (properties: object, query = "", as = admin()) =>
    as.put(`/api/meta/objects/visitor${query}`, visitor(properties));
  const secret = { fieldType: "encrypted_text", mask: { last: 2 }, maxLength: 12 };
  let [live, deleted] = ["", ""];

  test("keeps its texts, and nothing has them in clear any more, not the history either", async () => {
    body(await put({ [badge]: text, size: { type: "integer" } }), 201);
    const make = async (value: object) => body(await admin().post(visitors, value), 201).id;
    [live, deleted] = [await make({ badge: "Zanzibar-1", size: 7_654_321 }), await make({ badge: "Zanzibar-2" })];
    await make({ badge: null, size: 8_654_321 });
    body(await admin().patch(`${visitors}/${live}`, { badge: "Zanzibar-3" }), 200);
    await admin().delete(`${visitors}/${deleted}`);
    const long = await make({ badge: "Zanzibar is too long" });
    const plan = body(
      await admin().post("/api/meta/changes?plan=true", { objects: [visitor({ badge: secret })] }),
      200,
    );
    expect(plan.ok).toBe(false);
    expect(plan.steps).toContainEqual(
      expect.objectContaining({
        effect: "turn visitor.badge from text into encrypted_text",
        inTheWay: { count: 1, records: [{ id: long, value: null }] },
      }),
    );
    const refused = await put({ badge: secret }, "?allow=drop:visitor.size");
    problem(refused, 409, "CONFLICT");
    expect(refused.text).not.toContain("Zanzibar");
    body(await admin().patch(`${visitors}/${long}`, { badge: "Zanzibar-4" }), 200);
    const sealed = { pass: { ...secret, was: "badge" }, size: { fieldType: "encrypted_text" } };
    body(await put(sealed), 200);
    const { data } = body(await admin().get(`${visitors}?order=created_at&select=pass,size`), 200);
    expect(data.map(({ pass, size }: Record<string, unknown>) => [pass, size])).toEqual([
      ["••••-3", "••••"],
      [null, "••••"],
      ["••••-4", null],
    ]);
    const history = await admin().get(`${visitors}/${live}/history`);
    expect(history.text).toContain("••••");
    expect(await everything()).not.toMatch(/Zanzibar|7654321|8654321/);
    const open = async (id: string) =>
      body(await admin().post(`${visitors}/${id}/reveal`, { fields: ["pass", "size"] }), 200);
    expect(await open(live)).toEqual({ pass: "Zanzibar-3", size: "7654321" });
    body(await admin().post(`${visitors}/${deleted}/restore`), 200);
    expect(await open(deleted)).toEqual({ pass: "Zanzibar-2", size: null });
    body(await admin().patch(`${visitors}/${live}`, { pass: "Z4" }), 200);
    expect(await open(live)).toEqual({ pass: "Z4", size: "7654321" });
  });

  test("is opened by who may reveal, where its texts are what is asked for", async () => {
    const opened = { pass: { type: "string" }, size: { type: "integer" } };
    const modeller = await hire(app, "modeller", { system_rights: ["edit_metadata"] });
    problem(await put(opened, "", modeller.api), 403, "FORBIDDEN");
    const number = { pass: { type: "integer" }, size: { fieldType: "encrypted_text" } };
    const refused = await put(number);
    problem(refused, 409, "CONFLICT");
    expect(refused.text).not.toMatch(/Zanzibar|Z4/);
    expect(body(await admin().get(`${visitors}/${live}`), 200).pass, "nothing was done").toBe("••••");
    const { id } = body(await admin().post("/api/meta/changes", { objects: [visitor(opened)] }), 200);
    expect(body(await admin().get(`${visitors}/${live}`), 200)).toMatchObject({ pass: "Z4", size: 7_654_321 });
    body(await admin().post(`/api/meta/changes/${id}/revert`, {}), 200);
    expect(body(await admin().get(`${visitors}/${live}`), 200)).toMatchObject({ pass: "••••", size: "••••" });
    const clear = body(await admin().post(`${visitors}/${live}/reveal`, { fields: ["pass", "size"] }), 200);
    expect(clear).toEqual({ pass: "Z4", size: "7654321" });
  });
});

describe("the master key", () => {
  test("is rotated: keys are wrapped anew, and the earlier one is not needed any more", async () => {
    const [{ id }] = body(await admin().get(`${path}${q({ filter: "name == 'Ann'", limit: 1 })}`), 200).data;
    const next = "the next master key, of 32 letters";
    const on = async (parts: object, work: (other: TestApp) => Promise<void>) => {
      const other = await createTestApp({ on: app, parts });
      await work(other).finally(() => other.close());
    };
    const seen = async (other: TestApp) => reveal(id, ["passport"], other.as("admin"));
    await on(secrets(next), async (other) => {
      problem(await seen(other), 503, "UNAVAILABLE");
      expect((await seen(other)).text).not.toContain(next);
      problem(await other.as("operator").post("/platform/master-key/rotate"), 503, "UNAVAILABLE");
    });
    await on({ masterSecrets: undefined }, async (other) => problem(await seen(other), 503, "UNAVAILABLE"));
    await on(secrets(next, own), async (other) => {
      expect(body(await seen(other), 200)).toEqual({ passport });
      const rotate = async () => body(await other.as("operator").post("/platform/master-key/rotate"), 200);
      expect(await rotate()).toMatchObject({ rewrapped: 1 });
      expect(await rotate()).toMatchObject({ rewrapped: 0 });
      problem(await other.as("admin").post("/platform/master-key/rotate"), 403, "FORBIDDEN");
    });
    await on(secrets(next), async (other) => {
      expect(body(await seen(other), 200)).toEqual({ passport });
      const made = body(await other.as("admin").post(path, { name: "New", passport: "N1" }), 201).id;
      expect(body(await reveal(made, ["passport"], other.as("admin")), 200)).toEqual({ passport: "N1" });
    });
    await on(secrets(own), async (other) => problem(await seen(other), 503, "UNAVAILABLE"));
  });

  test("is needed before the first encrypted field, which otherwise is refused", async () => {
    const other = await createTestApp({ parts: { masterSecrets: undefined } });
    try {
      const refused = await other.as("admin").put("/api/meta/objects/traveller", traveller);
      problem(refused, 503, "UNAVAILABLE");
      expect(refused.body.detail).toContain("GUANXI_MASTER_KEY");
      expect((await other.as("admin").get("/api/meta/objects/traveller")).status).toBe(404);
    } finally {
      await other.close();
    }
  });
});

test("a copy of a tenant opens its texts", async () => {
  const operator = app.as("operator");
  const made = body(await operator.post("/platform/tenants/demo/copy", { id: "twin", name: "Twin" }), 201);
  const twin = app.as(made.admin.key);
  const [{ id }] = body(await twin.get(`${path}${q({ filter: "name == 'Ann'", limit: 1 })}`), 200).data;
  const other = await createTestApp({ on: app, parts: secrets("the next master key, of 32 letters") });
  try {
    expect(body(await reveal(id, ["passport"], other.as(made.admin.key)), 200)).toEqual({ passport });
  } finally {
    await other.close();
  }
});
