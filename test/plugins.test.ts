import type { Plugin } from "@guanxi/kernel";
import { salesPlugin } from "@guanxi/sales";
import { type Api, createTestApp, q, type TestApp } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isNewer } from "../packages/kernel/src/plugins/version.ts";
import { body, problem } from "./support.ts";

const text = { type: "string", maxLength: 100 } as const;
const plugins = "/api/meta/plugins";
const meta = (name: string): string => `/api/meta/objects/${name}`;

/** Rents boats: what a partner might write. */
const first: Plugin = {
  name: "marina",
  version: "1.0.0",
  title: "Marina",
  titles: { "zh-CN": "游艇码头", "zh-TW": "遊艇碼頭" },
  requires: ["sales"],
  objects: [
    {
      name: "boat",
      plural: "boats",
      type: "object",
      title: "Boat",
      required: ["name"],
      properties: {
        name: text,
        length: { type: "number", minimum: 1, maximum: 50, locked: true },
        status: {
          fieldType: "picklist",
          values: [
            { value: "dry", title: "Dry" },
            { value: "afloat", title: "Afloat" },
          ],
        },
        fax: text,
        keeper: { fieldType: "reference", target: "account", onDelete: "restrict" },
        photo: { fieldType: "file" },
      },
      rules: [{ name: "afloat_has_length", when: "status == 'afloat' && length == null", message: "How long?" }],
      locked: ["rules"],
    },
    {
      name: "mooring",
      plural: "moorings",
      type: "object",
      properties: { place: text, boat: { fieldType: "reference", target: "boat", onDelete: "cascade" } },
    },
  ],
  extensions: [
    {
      extends: "account",
      required: ["berths"],
      properties: {
        boats_kept: { fieldType: "rollup", of: "boat.keeper", op: "count" },
        berths: { type: "integer", default: 1 },
        main_boat: { fieldType: "reference", target: "boat", relation: "main_of" },
      },
      rules: [{ name: "no_pirates", when: "name == 'Pirates'", message: "No pirates" }],
    },
  ],
  roles: [{ name: "harbour_master", rights: { boat: ["create", "read", "edit", "edit_all"], mooring: ["read"] } }],
};
const [boat, mooring] = first.objects as [(typeof first.objects)[number], (typeof first.objects)[number]];
const { fax: _fax, ...withoutFax } = boat.properties;

/** Adds a field, a rule, a value and an object, renames a field and drops one. */
const second: Plugin = {
  ...first,
  version: "1.1.0",
  objects: [
    {
      ...boat,
      title: "Vessel",
      properties: {
        ...withoutFax,
        status: {
          fieldType: "picklist",
          values: [{ value: "dry", title: "Dry" }, { value: "afloat", title: "Afloat" }, { value: "sunk" }],
        },
        flag: { type: "string", minLength: 2, maxLength: 2 },
      },
      rules: [...(boat.rules ?? []), { name: "short_names", when: "size(name) > 20", at: "name", message: "Too long" }],
    },
    { ...mooring, properties: { boat: mooring.properties["boat"] ?? {}, berth: { ...text, was: "place" } } },
    { name: "jetty", plural: "jetties", type: "object", properties: { name: text } },
  ],
  roles: [{ name: "harbour_master", rights: { ...first.roles?.[0]?.rights, jetty: ["read"] } }],
};

const open = (on: TestApp | undefined, plugin: Plugin, observed?: boolean): Promise<TestApp> =>
  createTestApp({
    ...(on ? { on } : {}),
    parts: { plugins: observed === false ? [salesPlugin] : [salesPlugin, plugin] },
  });

/** Of the administrators, by tenant. */
const keys = new Map<string, string>();

async function tenant(app: TestApp, id: string, names: readonly string[] = ["sales", "marina"]): Promise<Api> {
  const request = { id, admin: { email: `a@${id}.example` }, plugins: names };
  const { admin } = body(await app.as("operator").post("/platform/tenants", request), 201);
  keys.set(id, admin.key);
  return app.as(admin.key);
}

const view = async (api: Api, name = "marina") =>
  body(await api.get(plugins), 200).data.find((one: { name: string }) => one.name === name);

describe("a plugin's newer edition", () => {
  let old: TestApp;
  let now: TestApp;
  beforeAll(async () => {
    old = await open(undefined, first);
  });
  afterAll(async () => {
    await now?.close();
    await old.close();
  });
  const newer = (id: string): Api => now.as(keys.get(id));

  test("is what tenants of an older program do not have yet", async () => {
    for (const id of ["plain", "own", "taken", "loses", "loose"]) {
      const api = await tenant(old, id);
      expect(await view(api)).toMatchObject({ version: "1.0.0", state: "enabled", available: "1.0.0", upgrade: false });
      body(await api.post("/api/boats", { name: "Anna", length: 12, status: "afloat" }), 201);
    }
    const own = old.as(keys.get("own"));
    body(
      await own.put(meta("boat"), {
        extends: "boat",
        title: "Ship",
        properties: {
          status: { values: [{ value: "dry", titles: { "zh-CN": "干" } }, { value: "lost" }] },
          mast: { type: "integer" },
        },
        rules: [{ name: "masts", when: "mast > 5", at: "mast", message: "So many?" }],
      }),
      200,
    );
    const taken = old.as(keys.get("taken"));
    body(
      await taken.put(meta("boat"), {
        extends: "boat",
        properties: { flag: { type: "integer" } },
        indexes: [["flag"]],
      }),
      200,
    );
    body(await taken.put(meta("jetty"), { name: "jetty", plural: "jetties", properties: { a: text } }), 201);
    body(await taken.post("/api/boats", { name: "Flag", flag: 7 }), 201);
    body(await old.as(keys.get("loses")).post("/api/boats", { name: "Fax", fax: "+32" }), 201);
    // What a later edition locks may be loosened before.
    body(await old.as(keys.get("loose")).patch(meta("mooring"), { properties: { place: { maxLength: 500 } } }), 200);
    now = await open(old, second);
  });

  test("arrives by itself, also at two nodes at once", async () => {
    const other = await open(old, second);
    const [a, b] = await Promise.all([newer("plain").get("/api/boats"), other.as(keys.get("plain")).get("/api/boats")]);
    expect([body(a, 200).data, body(b, 200).data]).toMatchObject([[{ name: "Anna" }], [{ name: "Anna" }]]);
    await other.close();
    const api = newer("plain");
    expect(await view(api)).toMatchObject({ version: "1.1.0", upgrade: false, collisions: [] });
    problem(await api.post("/api/boats", { name: "A name that is far too long" }), 422, "VALIDATION", ["/name"]);
    body(await api.post("/api/boats", { name: "B", status: "sunk", flag: "BE" }), 201);
    body(await api.post("/api/jetties", { name: "North" }), 201);
    body(await api.post("/api/moorings", { berth: "A1" }), 201);
    const { data } = body(await api.get("/api/meta/changes"), 200);
    const upgrades = data.filter((one: { changes: { kind: string }[] }) =>
      one.changes.some((c) => c.kind === "plugins"),
    );
    expect(upgrades).toMatchObject([{ by: null, message: "upgrade the plugin marina from 1.0.0 to 1.1.0" }]);
    const roles = body(await api.get(`/api/roles${q({ filter: "name == 'harbour_master'" })}`), 200).data;
    expect(roles[0].rights).toEqual(second.roles?.[0]?.rights);
    expect(body(await api.get("/api/meta/customisation"), 200)).toMatchObject({ objects: [], brought: {}, delete: {} });
  });

  test("leaves what is the tenant's, and brings the rest", async () => {
    const api = newer("own");
    const extension = body(await api.get(`${meta("boat")}?layer=extension`), 200);
    expect(extension).toEqual({
      extends: "boat",
      title: "Ship",
      properties: {
        status: { values: [{ value: "dry", titles: { "zh-CN": "干" } }, { value: "lost" }] },
        mast: { type: "integer" },
      },
      rules: [{ name: "masts", when: "mast > 5", at: "mast", message: "So many?" }],
    });
    expect(body(await api.get(`${meta("boat")}?layer=base`), 200)).toEqual(second.objects[0]);
    const whole = body(await api.get(meta("boat")), 200);
    expect(whole.title).toBe("Ship");
    expect(whole.properties.status.values.map((v: { value: string }) => v.value)).toEqual([
      "dry",
      "afloat",
      "sunk",
      "lost",
    ]);
    expect(whole.rules.map((r: { name: string }) => r.name)).toEqual(["afloat_has_length", "short_names", "masts"]);
    expect(body(await api.put(meta("boat"), extension), 200)).toEqual(whole);
    const { version } = body(await api.get("/api/meta/customisation"), 200);
    expect(
      body(await api.put(meta("boat"), whole), 200) && body(await api.get("/api/meta/customisation"), 200).version,
    ).toBe(version);
  });

  test("waits where names are taken, tells which, and comes once they are free", async () => {
    const api = newer("taken");
    expect(body(await api.get("/api/boats?order=name"), 200).data).toMatchObject([{ name: "Anna" }, { flag: 7 }]);
    problem(await api.get("/api/moorings?select=berth"), 400, "QUERY", ["select"]);
    const told = now.observations.filter((o) => o.kind === "background_failed" && o.tenant === "taken");
    expect(told).toHaveLength(1);
    expect(String((told[0] as { error: Error }).error.message)).toContain("/boat/properties/flag");
    const { collisions, ...marina } = await view(api);
    expect(marina).toMatchObject({ version: "1.0.0", available: "1.1.0", upgrade: true });
    expect(collisions.map((c: { path: string }) => c.path)).toEqual(["/boat/properties/flag", "/jetty/name"]);
    expect(collisions[0].message).toContain('PUT /api/meta/objects/boat {"extends":"boat"');
    expect(collisions[0].put).toEqual({
      extends: "boat",
      indexes: [["own_flag"]],
      properties: { own_flag: { type: "integer", was: "flag" } },
    });
    const planned = body(await api.post(`${plugins}/marina/upgrade?plan=true`), 200);
    expect(planned).toMatchObject({ ok: false, collisions });
    problem(
      await api.post(`${plugins}/marina/upgrade`),
      422,
      "DEFINITION",
      collisions.map((c: { path: string }) => c.path),
    );
    for (const { put } of collisions) body(await api.put(meta(put.name ?? put.extends), put), 200);
    expect(await view(api)).toMatchObject({ version: "1.1.0", collisions: [] });
    const boats = body(await api.get("/api/boats?order=name"), 200).data;
    expect(boats).toMatchObject([
      { name: "Anna", own_flag: null, flag: null },
      { name: "Flag", own_flag: 7, flag: null },
    ]);
    expect(body(await api.get("/api/own_jetties"), 200).data).toEqual([]);
    // Files that still say what the field was called change nothing any more.
    const { version, objects } = body(await api.get("/api/meta/customisation"), 200);
    expect(objects[0]).toEqual({
      extends: "boat",
      indexes: [["own_flag"]],
      properties: { own_flag: { type: "integer" } },
    });
    expect(body(await api.post("/api/meta/changes", { objects: [collisions[0].put] }), 200)).toMatchObject({
      version,
      id: null,
    });
  });

  test("loses no values unless they are named", async () => {
    const api = newer("loses");
    expect(body(await api.get(`/api/boats${q({ filter: "fax != null" })}`), 200).data).toHaveLength(1);
    expect(await view(api)).toMatchObject({ version: "1.0.0", upgrade: true, collisions: [] });
    const plan = body(await api.post(`${plugins}/marina/upgrade?plan=true`), 200);
    expect(plan.ok).toBe(false);
    expect(plan.steps.flatMap((s: { loses?: object }) => s.loses ?? [])).toEqual([
      { count: 1, allow: "drop:boat.fax", allowed: false },
    ]);
    problem(await api.post(`${plugins}/marina/upgrade`), 409, "DATA_LOSS", ["/properties/fax"]);
    const done = body(await api.post(`${plugins}/marina/upgrade?allow=drop:boat.fax`), 200);
    expect(done.steps.map((s: { effect: string }) => s.effect)).toContain(
      "bring the plugin marina from 1.0.0 to 1.1.0",
    );
    expect(await view(api)).toMatchObject({ version: "1.1.0" });
    // Taken back, it does not come again by itself.
    body(await api.post(`/api/meta/changes/${done.id}/revert`), 200);
    expect(await view(api)).toMatchObject({ version: "1.0.0", upgrade: true });
    const again = await open(old, second);
    expect(await view(again.as(keys.get("loses")))).toMatchObject({ version: "1.0.0" });
    await again.close();
    body(await api.post(`${plugins}/marina/upgrade`), 200);
    expect(await view(api)).toMatchObject({ version: "1.1.0" });
  });

  test("that locks what a tenant has loosened waits, and says what", async () => {
    const third: Plugin = {
      ...second,
      version: "1.2.0-beta.1",
      objects: second.objects.map((o) => (o.name === "mooring" ? { ...o, locked: true } : o)),
    };
    const app = await open(old, third);
    const api = app.as(keys.get("loose"));
    const marina = await view(api);
    expect(marina).toMatchObject({ version: "1.0.0", available: "1.2.0-beta.1", upgrade: true });
    expect(marina.collisions).toMatchObject([{ path: "/mooring/properties/berth/maxLength", put: null }]);
    body(await api.patch(meta("mooring"), { properties: { place: { maxLength: 100 } } }), 200);
    expect(await view(api)).toMatchObject({ version: "1.2.0-beta.1", collisions: [] });
    const loosening = { extends: "mooring", properties: { berth: { maxLength: 200 } } };
    problem(await api.put(meta("mooring"), loosening), 422, "DEFINITION", ["/properties/berth/maxLength"]);
    await app.close();
  });
});

describe("a plugin of a living tenant", () => {
  let app: TestApp;
  let api: Api;
  beforeAll(async () => {
    app = await createTestApp({ files: { keepMs: 0 }, parts: { plugins: [salesPlugin, first] } });
    api = await tenant(app, "harbour", ["sales"]);
  });
  afterAll(() => app.close());
  const act = (words: string) => api.post(`${plugins}/marina/${words}`);
  const names = async (path: string): Promise<string[]> =>
    body(await api.get(`${path}?order=name&select=name`), 200).data.map((one: { name: string }) => one.name);
  const everywhere = async (): Promise<string> => {
    const [openapi, types, objects] = [
      await api.get("/api/openapi.json"),
      await api.get("/api/types.d.ts"),
      await api.get("/api/meta/objects"),
    ];
    return [openapi, types, objects].map((answer) => (expect(answer.status).toBe(200), answer.text)).join("\n");
  };
  let account: string;
  let anna: string;

  test("can be installed", async () => {
    expect(await view(api)).toMatchObject({ state: "available", version: null, available: "1.0.0" });
    expect(await everywhere()).not.toMatch(/boat|mooring/i);
    problem(await act("disable"), 404, "NOT_FOUND");
    problem(await api.put(`${plugins}/nothing`), 404, "NOT_FOUND");
    const planned = body(await api.put(`${plugins}/marina?plan=true`), 200);
    expect(planned).toMatchObject({ ok: true, id: null });
    expect(planned.steps.map((s: { effect: string }) => s.effect)).toEqual(
      expect.arrayContaining([
        "create boat with 6 fields",
        "install the plugin marina 1.0.0",
        "create the role harbour_master",
      ]),
    );
    expect(await view(api)).toMatchObject({ state: "available" });
    body(await api.put(`${plugins}/marina`), 200);
    expect(await view(api)).toMatchObject({ state: "enabled", version: "1.0.0" });
    expect(body(await app.as("operator").get("/platform/tenants/harbour"), 200).plugins.toSorted()).toEqual([
      "marina",
      "sales",
    ]);
    account = body(await api.post("/api/accounts", { name: "Keepers" }), 201).id;
    anna = body(await api.post("/api/boats", { name: "Anna", keeper: account }), 201).id;
    body(await api.post("/api/boats", { name: "Bella" }), 201);
    body(await api.post("/api/moorings", { place: "A1", boat: anna }), 201);
    expect(body(await api.get(`/api/accounts/${account}`), 200).boats_kept).toBe(1);
    problem(await api.post("/api/accounts", { name: "Pirates" }), 422, "VALIDATION");
    body(await api.patch(meta("boat"), { properties: { mast: { type: "integer" } } }), 200);
    body(await api.patch(`/api/boats/${anna}`, { mast: 2 }), 200);
  });

  test("is not taken away while something needs it", async () => {
    const visit = { name: "visit", plural: "visits", properties: { of: { fieldType: "reference", target: "boat" } } };
    body(await api.put(meta("visit"), visit), 201);
    const workflow = { name: "greet", object: "boat", on: "created", script: "export default async () => {};" };
    body(await api.put("/api/meta/workflows/greet", workflow), 201);
    for (const path of [`${plugins}/marina/disable`, `${plugins}/marina`]) {
      const refused = await api.call(path.endsWith("disable") ? "POST" : "DELETE", path);
      problem(refused, 409, "CONFLICT");
      expect(refused.body.detail).toMatch(/reference visit\.of/);
      expect(refused.body.detail).toMatch(/workflow greet/);
    }
    problem(await api.post(`${plugins}/sales/disable`), 409, "CONFLICT");
    body(await api.post("/api/meta/changes", { delete: { objects: ["visit"], workflows: ["greet"] } }), 200);
  });

  test("is out of sight while it is disabled, and comes back with all it had", async () => {
    body(await api.patch(`/api/accounts/${account}`, { berths: 3, main_boat: anna }), 200);
    problem(await act("disable"), 409, "DATA_LOSS", ["/properties/main_boat"]);
    body(await act("disable?allow=drop:account.main_boat"), 200);
    expect(await view(api)).toMatchObject({ state: "disabled", version: "1.0.0" });
    // What it has added with values of its own stays, and asks for nothing.
    const { main_boat, boats_kept, ...left } = body(await api.get(`/api/accounts/${account}`), 200);
    expect([main_boat, boats_kept, left.berths]).toEqual([undefined, undefined, 3]);
    body(await api.patch(`/api/accounts/${account}`, { berths: null }), 200);
    body(await api.patch(`/api/accounts/${account}`, { berths: 4 }), 200);
    expect(await everywhere()).not.toMatch(/boat|mooring/i);
    problem(await api.get("/api/boats"), 404, "NOT_FOUND");
    problem(await api.get(meta("boat")), 404, "NOT_FOUND");
    expect((await api.get("/api/meta/customisation")).text).not.toMatch(/boat/);
    const odd = await api.get("/api/accounts?filter=boats_kept%20==%201");
    problem(odd, 400, "QUERY", ["filter"]);
    expect(odd.text).not.toContain("mooring");
    // Its rules and what it restricts do not hold meanwhile.
    body(await api.post("/api/accounts", { name: "Pirates" }), 201);
    expect((await api.delete(`/api/accounts/${account}`)).status).toBe(204);
    body(await api.post(`/api/accounts/${account}/restore`), 200);
    // Purged for good, a record is let go of by those that are out of sight.
    const { id } = body(await api.post("/api/accounts", { name: "Short" }), 201);
    await app.store.sql("UPDATE t_harbour.boat SET keeper = $1 WHERE name = 'Bella'", [id]);
    expect((await api.delete(`/api/accounts/${id}?purge=true`)).status).toBe(204);
    problem(await api.put(meta("boat"), { name: "boat", properties: {} }), 422, "DEFINITION", ["/name"]);
    const needed = await api.delete(`${plugins}/sales?purge=true`);
    problem(needed, 409, "CONFLICT");
    expect(needed.body.detail).toContain("reference boat.keeper of the plugin marina, which is away");
    const role = body(await api.get(`/api/roles${q({ filter: "name == 'harbour_master'" })}`), 200).data[0];
    expect(role.rights.boat).toContain("edit_all");
    body(await act("enable"), 200);
    const [bella] = body(await api.get(`/api/boats${q({ filter: "name == 'Bella'" })}`), 200).data;
    expect(bella.keeper).toBeNull();
    body(await api.delete(`/api/boats/${bella.id}?purge=true`), 204);
    expect(body(await api.get(`/api/boats/${anna}?expand=keeper`), 200)).toMatchObject({
      mast: 2,
      keeper: { name: "Keepers" },
    });
    expect(body(await api.get(`/api/accounts/${account}`), 200).boats_kept).toBe(1);
    problem(await api.delete(`/api/accounts/${account}`), 409, "CONFLICT");
    expect((await api.get("/api/meta/customisation")).text).toContain("mast");
  });

  test("keeps the files that its records name", async () => {
    const upload = { "content-type": "text/plain" };
    const [kept, loose] = [
      await api.call("POST", "/api/files?name=a.txt", "a", upload),
      await api.call("POST", "/api/files?name=b.txt", "b", upload),
    ];
    body(await api.patch(`/api/boats/${anna}`, { photo: body(kept, 201).id }), 200);
    body(await act("disable"), 200);
    await app.kernel.files.tidy("harbour");
    await app.kernel.files.tidy("harbour");
    expect((await api.get(`/api/files/${body(loose, 201).id}`)).status).toBe(404);
    expect((await api.get(`/api/files/${kept.body.id}`)).status).toBe(200);
    body(await act("enable"), 200);
    expect(body(await api.get(`/api/boats/${anna}`), 200).photo).toBe(kept.body.id);
  });

  test("leaves backups and copies whole", async () => {
    body(await act("disable"), 200);
    const made = body(await app.as("operator").post("/platform/tenants/harbour/copy", { id: "copied" }), 201);
    const copy = app.as(made.admin.key);
    problem(await copy.get("/api/boats"), 404, "NOT_FOUND");
    body(await copy.post(`${plugins}/marina/enable`), 200);
    expect(body(await copy.get(`/api/boats/${anna}`), 200)).toMatchObject({ name: "Anna", mast: 2 });
    body(await act("enable"), 200);
  });

  test("is as if it had never been once it is uninstalled, and finds its records when it comes again", async () => {
    const uninstalled = body(await api.delete(`${plugins}/marina`), 200);
    expect(uninstalled.steps.map((s: { effect: string }) => s.effect)).toEqual([
      "delete account.boats_kept and its values",
      "delete account.main_boat and its values",
      "let account.berths be empty",
      "change the definition of account (rules)",
      "set boat aside with its records",
      "set mooring aside with its records",
      "uninstall the plugin marina 1.0.0",
      "change the role harbour_master (rights)",
    ]);
    expect(await view(api)).toMatchObject({ state: "uninstalled" });
    expect(body(await app.as("operator").get("/platform/tenants/harbour"), 200).plugins).toEqual(["sales"]);
    expect(await everywhere()).not.toMatch(/boat|mooring/i);
    const role = body(await api.get(`/api/roles${q({ filter: "name == 'harbour_master'" })}`), 200).data[0];
    expect(role.rights).toEqual({});
    problem(await act("enable"), 404, "NOT_FOUND");
    // Its names are free.
    body(await api.put(meta("boat"), { name: "boat", properties: { name: text } }), 201);
    body(await api.post("/api/boats", { name: "Paper" }), 201);
    const planned = body(await api.put(`${plugins}/marina?plan=true`), 200);
    expect(planned).toMatchObject({
      ok: false,
      collisions: [{ path: "/boat/name", put: { name: "own_boat", was: "boat" } }],
    });
    const [{ put }] = planned.collisions;
    body(await api.put(meta(put.name), put), 200);
    body(await api.put(`${plugins}/marina`), 200);
    expect([await names("/api/boats"), await names("/api/own_boats")]).toEqual([["Anna"], ["Paper"]]);
    expect(body(await api.get(`/api/boats/${anna}`), 200)).toMatchObject({ mast: 2, keeper: account });
    const after = body(await api.get(`/api/roles${q({ filter: "name == 'harbour_master'" })}`), 200).data[0];
    expect(after.rights.boat).toContain("edit_all");
    expect(body(await api.get(`/api/boats/${anna}/history`), 200).data.length).toBeGreaterThan(1);
  });

  test("can be taken back from the history", async () => {
    const done = body(await act("disable"), 200);
    const { changes } = body(await api.get(`/api/meta/changes/${done.id}`), 200);
    expect(changes.find((c: { kind: string }) => c.kind === "plugins")).toMatchObject({
      before: { name: "marina", version: "1.0.0", state: "enabled" },
      after: { state: "disabled" },
    });
    body(await api.post(`/api/meta/changes/${done.id}/revert`), 200);
    expect(await names("/api/boats")).toEqual(["Anna"]);
    expect(await view(api)).toMatchObject({ state: "enabled" });
  });

  test("is gone for good once it is purged", async () => {
    body(await api.delete(`${plugins}/marina`), 200);
    const planned = body(await api.delete(`${plugins}/marina?purge=true&plan=true`), 200);
    expect(planned.steps.map((s: { loses?: { count: number } }) => s.loses?.count)).toContain(1);
    body(await api.delete(`${plugins}/marina?purge=true`), 200);
    expect(await view(api)).toMatchObject({ state: "available", version: null });
    const tables = await app.store.sql<{ name: string }>(
      "SELECT relname AS name FROM pg_class WHERE relnamespace = 't_harbour'::regnamespace AND relkind = 'r' AND relname ~ '^_\\d'",
    );
    expect(tables).toEqual([]);
    body(await api.put(`${plugins}/marina`), 200);
    expect(await names("/api/boats")).toEqual([]);
    expect(body(await api.get(`/api/accounts/${account}`), 200)).toMatchObject({ berths: 1, main_boat: null });
  });
});

describe("what a tenant says of a plugin's object", () => {
  let app: TestApp;
  let api: Api;
  beforeAll(async () => {
    app = await open(undefined, first);
    api = await tenant(app, "says");
  });
  afterAll(() => app.close());
  const set = (...objects: object[]) => api.post("/api/meta/changes", { objects });
  const own = async () => {
    const { version: _version, brought: _brought, ...said } = body(await api.get("/api/meta/customisation"), 200);
    return said;
  };

  test("is refused at its place", async () => {
    const rule = { name: "r", when: "lenght > 5", message: "No" };
    problem(await api.put(meta("boot"), { extends: "boot", properties: {} }), 422, "DEFINITION", ["/extends"]);
    problem(await api.put(meta("boot"), { extends: "boat", properties: {} }), 422, "DEFINITION", ["/extends"]);
    problem(await set({ extends: "nowhere" }), 422, "DEFINITION", ["/objects/0/extends"]);
    problem(await set({ extends: "lead" }, { extends: "boat", rules: [rule] }), 422, "DEFINITION", [
      "/objects/1/rules/0/when",
    ]);
    const faults = { extends: "boat", properties: { a: { fieldType: "nonsense" }, length: { minimum: 0 } }, colour: 1 };
    problem(await set(faults), 422, "DEFINITION", ["/objects/0/colour", "/objects/0/properties/a/fieldType"]);
    const {
      properties: { length, ...properties },
      ...whole
    } = boat;
    problem(await api.put(meta("boat"), { ...whole, properties }), 422, "DEFINITION", ["/properties/length"]);
    problem(await api.patch(meta("boat"), { properties: { length: { maximum: 60 } } }), 422, "DEFINITION", [
      "/properties/length/maximum",
    ]);
    problem(await api.patch(meta("boat"), { rules: [] }), 422, "DEFINITION", ["/rules"]);
    expect(length).toBeDefined();
    const chinese = await api.put(
      meta("boat"),
      { extends: "boat", rules: { only: [] } },
      { "accept-language": "zh-CN" },
    );
    problem(chinese, 422, "DEFINITION", ["/rules"]);
    expect(chinese.body.errors[0].message).toContain("已被“marina”锁定");
  });

  test("is all there is of it in files, and makes another tenant equal", async () => {
    body(
      await set(
        {
          extends: "boat",
          name: "vessel",
          plural: "vessels",
          was: "boat",
          properties: { telefax: { was: "fax" }, length: { minimum: 2 } },
        },
        { extends: "mooring", properties: { vessel_note: text } },
        { extends: "user", properties: { berth: { fieldType: "reference", target: "mooring" } } },
      ),
      200,
    );
    const said = await own();
    expect(said.objects).toEqual([
      { extends: "mooring", properties: { vessel_note: text } },
      { extends: "user", properties: { berth: { fieldType: "reference", target: "mooring" } } },
      {
        extends: "boat",
        name: "vessel",
        plural: "vessels",
        was: "boat",
        properties: { telefax: { was: "fax" }, length: { minimum: 2 } },
      },
    ]);
    expect(body(await api.post("/api/meta/changes", said), 200)).toMatchObject({ id: null, steps: [] });
    expect(body(await api.get(`${meta("vessel")}?layer=base`), 200).name).toBe("boat");
    problem(await api.get(`${meta("boat")}?layer=base`), 404, "NOT_FOUND");
    expect(body(await api.get(meta("mooring")), 200).properties.boat.target).toBe("vessel");
    const twin = await tenant(app, "twin");
    body(await twin.post("/api/meta/changes", said), 200);
    expect(body(await twin.get("/api/meta/customisation"), 200)).toMatchObject(said);
    expect(body(await twin.get(meta("vessel")), 200)).toEqual(body(await api.get(meta("vessel")), 200));
  });

  test("goes when it is said no more, and a deleted object comes back by being extended", async () => {
    body(await api.put(meta("mooring"), { extends: "mooring" }), 200);
    expect(body(await api.get(meta("mooring")), 200).properties).not.toHaveProperty("vessel_note");
    body(await api.patch(meta("user"), { properties: { berth: null } }), 200);
    expect((await api.delete(meta("mooring"))).status).toBe(204);
    expect((await own()).delete).toEqual({ objects: ["mooring"] });
    body(await api.put(meta("mooring"), { extends: "mooring", title: "Berth" }), 201);
    const { objects, ...rest } = await own();
    expect([objects[0], rest.delete]).toEqual([{ extends: "mooring", title: "Berth" }, {}]);
  });

  test("is found in a tenant of before there were layers, which goes on as it is", async () => {
    const [before, definitions] = [await own(), body(await api.get("/api/meta/objects"), 200)];
    await app.store.sql("DELETE FROM t_says._plugin");
    const later = await open(app, first);
    const again = later.as(keys.get("says"));
    expect(body(await again.get("/api/meta/objects"), 200)).toEqual(definitions);
    expect(await view(again)).toMatchObject({ version: "1.0.0", state: "enabled" });
    const { version: _version, brought: _brought, ...now } = body(await again.get("/api/meta/customisation"), 200);
    expect(now).toEqual(before);
    await later.close();
  });
});

test("plugins build on each other, within each other's locks", async () => {
  const tours: Plugin = {
    name: "tours",
    version: "0.1.0",
    requires: ["marina"],
    objects: [],
    extensions: [{ extends: "boat", properties: { seats: { type: "integer" }, length: { maximum: 20 } } }],
  };
  const wild: Plugin = {
    ...tours,
    name: "wild",
    extensions: [{ extends: "boat", properties: { length: { maximum: 500 } } }],
  };
  const app = await createTestApp({ parts: { plugins: [salesPlugin, tours, first, wild] } });
  try {
    const request = { id: "built", admin: { email: "a@built.example" }, plugins: ["sales", "tours"] };
    problem(await app.as("operator").post("/platform/tenants", request), 422, "VALIDATION", ["/plugins"]);
    const api = await tenant(app, "built", ["sales", "marina", "tours"]);
    body(await api.post("/api/boats", { name: "Anna", length: 12, seats: 8 }), 201);
    problem(await api.post("/api/boats", { name: "Big", length: 30 }), 422, "VALIDATION", ["/length"]);
    expect((await api.get("/api/meta/customisation")).body.objects).toEqual([]);
    problem(await api.put(`${plugins}/wild`), 422, "DEFINITION", ["/wild/boat/properties/length/maximum"]);
    const refused = await api.post(`${plugins}/marina/disable`);
    problem(refused, 409, "CONFLICT");
    expect(refused.body.detail).toContain("tours");
    body(await api.post(`${plugins}/tours/disable`), 200);
    body(await api.post("/api/boats", { name: "Big", length: 30 }), 201);
    expect(body(await api.get("/api/boats?order=name"), 200).data).toMatchObject([{ seats: 8 }, { seats: null }]);
    problem(await api.post(`${plugins}/wild/enable`), 404, "NOT_FOUND");
    body(await api.post(`${plugins}/tours/enable`), 200);
    expect((await api.get("/api/meta/customisation")).body.objects).toEqual([]);
  } finally {
    await app.close();
  }
});

test("plugins and the tenant add to what a reference leads to, each for itself", async () => {
  const about = (...target: string[]) => ({ about: { fieldType: "reference", target, relation: "entries" } });
  const journal = (version: string, ...target: string[]): Plugin => ({
    ...{ name: "journal", version, requires: ["sales"] },
    objects: [{ name: "entry", plural: "entries", type: "object", properties: { text, ...about(...target) } }],
  });
  const fleet: Plugin = {
    ...{ name: "fleet", version: "0.1.0", requires: ["journal"] },
    objects: [{ name: "ship", plural: "ships", type: "object", properties: { name: text } }],
    extensions: [
      { extends: "entry", properties: { about: { target: ["ship"] } } },
      { extends: "account", properties: { seen: { ...about("ship", "contact").about, relation: "seen_by" } } },
    ],
  };
  const app = await createTestApp({ parts: { plugins: [salesPlugin, journal("1.0.0", "account", "contact"), fleet] } });
  const api = await tenant(app, "leads", ["sales", "journal", "fleet"]);
  const make = async (plural: string, value: object) => body(await api.post(`/api/${plural}`, value), 201).id as string;
  const targets = async (on: Api, object = "entry", field = "about") =>
    body(await on.get(meta(object)), 200).properties[field].target;
  try {
    const own = { extends: "entry", properties: { about: { target: ["lead"] } } };
    body(await api.put(meta("entry"), own), 200);
    expect(await targets(api)).toEqual(["account", "contact", "ship", "lead"]);
    expect(body(await api.get(`${meta("entry")}?layer=extension`), 200)).toEqual(own);
    const ship = { object: "ship", id: await make("ships", { name: "Anna" }) };
    const contact = { object: "contact", id: await make("contacts", { last_name: "Lin" }) };
    const lead = { object: "lead", id: await make("leads", { last_name: "Ma", company: "Ma & Co" }) };
    for (const one of [ship, contact, lead]) await make("entries", { text: one.object, about: one });
    for (const one of [ship, contact]) await make("accounts", { name: one.object, seen: one });

    // Without its plugin a reference leads to all but the plugin's objects; what names these is told first.
    const lost = ["entry.about.ship", "account.seen.ship"].map((name) => `drop:${name}`);
    const refused = await api.post(`${plugins}/fleet/disable`);
    problem(refused, 409, "DATA_LOSS");
    for (const name of lost) expect(refused.text).toContain(name);
    body(await api.post(`${plugins}/fleet/disable?allow=${lost.join()}`), 200);
    expect([await targets(api), await targets(api, "account", "seen")]).toEqual([
      ["account", "contact", "lead"],
      ["contact"],
    ]);
    const entries = body(await api.get("/api/entries?order=text&select=about"), 200).data;
    expect(entries.map((one: { about: unknown }) => one.about)).toEqual([contact, lead, null]);
    const accounts = body(await api.get("/api/accounts?order=name&select=seen"), 200).data;
    expect(accounts.map((one: { seen: unknown }) => one.seen)).toEqual([contact, null]);
    body(await api.post(`${plugins}/fleet/enable`), 200);
    expect(new Set(await targets(api, "account", "seen"))).toEqual(new Set(["contact", "ship"]));
    await make("accounts", { name: "again", seen: ship });

    const newer = journal("1.1.0", "account", "contact", "opportunity");
    const later = await createTestApp({ on: app, parts: { plugins: [salesPlugin, newer, fleet] } });
    try {
      const on = later.as(keys.get("leads"));
      expect(new Set(await targets(on))).toEqual(new Set(["account", "contact", "opportunity", "ship", "lead"]));
      expect(body(await on.get(`${meta("entry")}?layer=extension`), 200)).toEqual(own);
      const kept = body(await on.get("/api/entries?order=text&select=about"), 200).data;
      expect(kept.map((one: { about: unknown }) => one.about)).toEqual([contact, lead, null]);
    } finally {
      await later.close();
    }
  } finally {
    await app.close();
  }
});

test("versions come in the order of semver", () => {
  const ordered = [
    "0.9.0",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-rc.2",
    "1.0.0-rc.10",
    "1.0.0",
    "1.0.10",
    "1.2.0",
    "10.0.0",
  ];
  for (const [i, a] of ordered.entries())
    for (const [j, b] of ordered.entries()) expect([a, b, isNewer(a, b)]).toEqual([a, b, i > j]);
  expect(() => isNewer("1.0", "1.0.0")).toThrow('"1.0" is no version');
});
