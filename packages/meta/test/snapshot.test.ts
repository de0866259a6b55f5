import { describe, expect, test } from "vitest";
import { compileSnapshot, retarget, storeDefinition, parseDefinition } from "../src/index.ts";
import { brief, file, ids, issuesOf, now, objectOf, settings, snapshotOf, store, user } from "./build.ts";

const account = { name: "account", plural: "accounts", properties: { name: { type: "string" } } };
const contact = {
  name: "contact",
  plural: "contacts",
  required: ["account"],
  properties: { last_name: { type: "string" }, account: { fieldType: "reference", target: "account" } },
};

describe("stored definitions", () => {
  test("number object, fields, keys and indexes from one counter", () => {
    const [stored] = store(
      [
        {
          name: "a",
          properties: { x: { type: "string", unique: true }, y: { type: "integer", index: true } },
          unique: [["x"], ["y", "x"]],
          indexes: [["y", "owner"]],
        },
      ],
      ids(),
    );
    expect(stored).toMatchObject({
      id: 1,
      name: "a",
      source: "tenant",
      fieldIds: { x: 2, y: 3 },
      uniqueIds: { 2: 4, "3,2": 5 },
      indexIds: { 3: 6, "3,-2": 7 },
    });
  });

  test("keep their ids when they come again, and through renames", () => {
    const nextId = ids();
    const first = store(
      [{ name: "a", properties: { x: { unique: true, type: "string" }, y: { type: "string" } }, indexes: [["y"]] }],
      nextId,
    );
    expect(
      store(
        [{ name: "a", properties: { x: { unique: true, type: "string" }, y: { type: "string" } }, indexes: [["y"]] }],
        nextId,
        first,
      ),
    ).toEqual(first);
    const renamed = {
      name: "b",
      was: "a",
      properties: { z: { unique: true, type: "string", was: "x" }, y: { type: "string" } },
      indexes: [["y"]],
    };
    const second = store([renamed], nextId, first);
    expect(second).toMatchObject([
      { id: 1, name: "b", fieldIds: { z: 2, y: 3 }, uniqueIds: { 2: 4 }, indexIds: { 3: 5 } },
    ]);
    expect(store([renamed], nextId, second)).toEqual(second);
    expect(nextId()).toBe(6);
  });

  test("may swap names, chain renames and reuse a name that became free, twice with the same result", () => {
    const nextId = ids();
    const text = (was?: string) => ({ type: "string", ...(was === undefined ? {} : { was }) });
    const first = store([{ name: "a", properties: { x: text(), y: text(), z: text() } }], nextId);
    const swap = { name: "a", properties: { x: text("y"), y: text("x"), w: text("z"), z: text() } };
    const second = store([swap], nextId, first);
    expect(second[0]?.fieldIds).toEqual({ x: 3, y: 2, w: 4, z: 5 });
    expect(store([swap], nextId, second)).toEqual(second);
  });

  test("refuse a `was` that cannot be", () => {
    const nextId = ids();
    const first = store([{ name: "a", properties: { x: {}, y: {} } }], nextId);
    const again = (properties: Record<string, unknown>) =>
      brief(issuesOf(() => store([{ name: "a", properties }], nextId, first)));
    expect(again({ z: { was: "nothing" } })).toEqual(["/properties/z/was definition"]);
    expect(again({ x: {}, y: { was: "x" } })).toEqual(["/properties/y/was definition"]);
    expect(again({ p: { was: "x" }, q: { was: "x" } })).toEqual(["/properties/q/was definition"]);
    // A file that was pushed elsewhere before meets a tenant that never had the old name.
    expect(store([{ name: "b", properties: { z: { was: "nothing" } } }], nextId)[0]?.fieldIds).toHaveProperty("z");
  });

  test("leave the name user to the core", () => {
    const definition = parseDefinition(user);
    expect(brief(issuesOf(() => storeDefinition(undefined, definition, "tenant", ids())))).toEqual([
      "/name definition",
    ]);
    expect(storeDefinition(undefined, definition, "core", ids()).name).toBe("user");
  });
});

describe("a snapshot", () => {
  test("knows its objects by name, plural and id, each with the system fields first", () => {
    const snapshot = snapshotOf(user, account);
    const object = snapshot.plurals.get("accounts");
    expect(object).toBe(snapshot.objects.get("account"));
    expect(snapshot.byId.get(object?.id ?? 0)).toBe(object);
    const system = ["id", "owner", "created_at", "created_by", "updated_at", "updated_by", "version", "deleted_at"];
    expect([...(object?.fields.keys() ?? [])]).toEqual([...system, "name"]);
    const fields = [...(object?.fields.values() ?? [])].filter((f) => f.system);
    expect(fields.map((f) => f.id)).toEqual([-1, -2, -3, -4, -5, -6, -7, -8]);
    expect(fields.filter((f) => !f.readOnly).map((f) => f.name)).toEqual(["owner"]);
    expect(fields.filter((f) => f.foreignKey).map((f) => f.name)).toEqual(["owner"]);
    expect(fields.filter((f) => f.target === "user").map((f) => f.name)).toEqual(["owner", "created_by", "updated_by"]);
    expect(object?.nameField).toBe("name");
  });

  test("has fields of files only beside the core's object of files", () => {
    const thing = {
      name: "thing",
      plural: "things",
      properties: { a: { fieldType: "file" }, b: { fieldType: "file" } },
    };
    const snapshot = snapshotOf(user, file, thing);
    expect(snapshot.objects.get("file")?.incoming).toEqual([
      { object: "thing", field: "a", onDelete: "restrict", relation: "things_a" },
      { object: "thing", field: "b", onDelete: "restrict", relation: "things_b" },
    ]);
    expect(snapshot.objects.get("thing")?.fields.get("a")).toMatchObject({ target: "file", foreignKey: true });
    const own = store([file], ids()).map((stored) => ({ ...stored, source: "tenant" }));
    const wrong = [...own, ...store([user, thing], ids()).map((stored) => ({ ...stored, id: stored.id + 100 }))];
    const paths = ["/properties/a/fieldType definition", "/properties/b/fieldType definition"];
    expect(brief(issuesOf(() => compileSnapshot(settings, 1, wrong)))).toEqual(paths);
  });

  test("says of references what is deleted with what, and how they are called from the other side", () => {
    const snapshot = snapshotOf(user, account, contact);
    expect(snapshot.objects.get("account")?.incoming).toEqual([
      { object: "contact", field: "account", onDelete: "restrict", relation: "contacts" },
    ]);
    expect(snapshot.objects.get("user")?.incoming).toContainEqual({
      object: "contact",
      field: "owner",
      onDelete: "setNull",
      relation: "owned_contacts",
    });
    expect(snapshot.objects.get("contact")?.fields.get("account")).toMatchObject({
      target: "account",
      onDelete: "restrict",
      foreignKey: true,
    });
  });

  test("takes over objects that did not change, nor what they depend on", () => {
    const nextId = ids();
    const ruled = { ...account, rules: [{ name: "r", when: "user.region == name", message: "No" }] };
    const first = store(
      [user, ruled, { name: "note", plural: "notes", properties: { text: { type: "string" } } }],
      nextId,
    );
    const before = compileSnapshot(settings, 1, first);
    // As a database gives them back.
    const same = compileSnapshot(settings, 2, JSON.parse(JSON.stringify(first)), before);
    for (const [name, object] of before.objects) expect(same.objects.get(name)).toBe(object);

    const more = [...first, ...store([contact], nextId)];
    const after = compileSnapshot(settings, 3, more, same);
    expect(after.objects.get("note")).toBe(before.objects.get("note"));
    expect(after.objects.get("account")).not.toBe(before.objects.get("account"));
    expect(after.objects.get("account")?.incoming).toHaveLength(1);

    const changedUser = [
      ...store([{ ...user, properties: { name: { type: "string" } } }], nextId, first),
      ...more.slice(1),
    ];
    expect(issuesOf(() => compileSnapshot(settings, 4, changedUser, after))).toMatchObject([
      { path: "/rules/0/when", code: "expression", position: 5, params: { object: "account" } },
    ]);
    const moved = compileSnapshot({ ...settings, timeZone: "Europe/Paris" }, 5, more, after);
    expect(moved.objects.get("note")).not.toBe(after.objects.get("note"));
  });

  test("does not take over another order of fields", () => {
    const nextId = ids();
    const first = store([{ name: "a", properties: { x: {}, y: {} } }], nextId);
    const before = compileSnapshot(settings, 1, first);
    const after = compileSnapshot(
      settings,
      2,
      store([{ name: "a", properties: { y: {}, x: {} } }], nextId, first),
      before,
    );
    expect([...(after.objects.get("a")?.fields.keys() ?? [])].slice(8)).toEqual(["y", "x"]);
  });

  test.each([
    ["a target that is not there", [contact], "contact", "/properties/account/target definition"],
    ["a plural used twice", [account, { name: "client", plural: "accounts" }], "client", "/plural definition"],
    [
      "a relation used twice",
      [
        user,
        {
          name: "deal",
          plural: "deals",
          properties: { a: { fieldType: "reference", target: "user" }, b: { fieldType: "reference", target: "user" } },
        },
      ],
      "deal",
      "/properties/b/relation definition",
    ],
    [
      "a relation called like a field",
      [{ ...account, properties: { contacts: { type: "string" } } }, contact],
      "contact",
      "/properties/account/relation definition",
    ],
    [
      "a rule on an unknown field",
      [{ ...account, rules: [{ name: "r", when: "nam == 'x'", message: "No" }] }],
      "account",
      "/rules/0/when expression",
    ],
    [
      "a rule that is no condition",
      [{ ...account, rules: [{ name: "r", when: "name", message: "No" }] }],
      "account",
      "/rules/0/when expression",
    ],
  ])("refuses %s", (_what, definitions, object, issue) => {
    const stored = store(definitions, ids());
    const issues = issuesOf(() => compileSnapshot(settings, 1, stored));
    expect(brief(issues)).toEqual([issue]);
    expect(issues[0]?.params).toMatchObject({ object });
  });

  test("follows an object's new name after its referrers are told", () => {
    const nextId = ids();
    const first = store([account, contact], nextId);
    const renamed = [...store([{ ...account, name: "company", was: "account" }], nextId, first), first[1]].flatMap(
      (s) => s ?? [],
    );
    expect(brief(issuesOf(() => compileSnapshot(settings, 2, renamed)))).toEqual([
      "/properties/account/target definition",
    ]);
    const snapshot = compileSnapshot(
      settings,
      2,
      renamed.map((s) => retarget(s, (target) => (target === "account" ? "company" : target))),
    );
    expect(snapshot.objects.get("contact")?.fields.get("account")?.target).toBe("company");
  });

  test("of 30 objects compiles within 50 ms", () => {
    const fields = Object.fromEntries(
      Array.from({ length: 20 }, (_, i) => [`f${i}`, { type: "string", maxLength: 50 }]),
    );
    const object = (i: number) => ({
      name: `o${i}`,
      properties: fields,
      rules: [{ name: "r", when: "f0 == 'x' && f1 != old.f1", message: "No" }],
    });
    const stored = store(
      Array.from({ length: 30 }, (_, i) => object(i)),
      ids(),
    );
    compileSnapshot(settings, 1, stored);
    const times = Array.from({ length: 5 }, () => {
      const started = performance.now();
      compileSnapshot(settings, 1, stored);
      return performance.now() - started;
    });
    expect(Math.min(...times)).toBeLessThan(50);
  });
});

describe("preparing a record", () => {
  const object = objectOf(
    {
      name: { type: "string", maxLength: 5 },
      status: { enum: ["new", "done"], default: "new" },
      due: { fieldType: "date", default: "today" },
      at: { fieldType: "datetime", default: "now" },
      facts: { type: "object", default: { a: [1] } },
      code: { fieldType: "autonumber", pattern: "{000}" },
      size: { type: "integer", default: 1 },
    },
    { required: ["name", "size", "code"] },
  );

  test("fills defaults: dates in the tenant's time zone, and nothing in a patch", () => {
    const { value, issues } = object.prepareCreate({ name: "a" }, { now });
    expect(issues).toEqual([]);
    expect(value).toEqual({
      name: "a",
      status: "new",
      due: "2026-02-01",
      at: "2026-01-31T16:30:00.25Z",
      facts: { a: [1] },
      size: 1,
    });
    expect(object.preparePatch({})).toEqual({ value: {}, issues: [] });
  });

  test("never hands out the definition's own default", () => {
    const { value } = object.prepareCreate({ name: "a" }, { now });
    (value["facts"] as { a: number[] }).a.push(2);
    expect(object.prepareCreate({ name: "a" }, { now }).value["facts"]).toEqual({ a: [1] });
  });

  test("leaves a null as it was sent, instead of the default", () => {
    expect(object.prepareCreate({ name: "a", status: null }, { now }).value["status"]).toBeNull();
  });

  test("takes an owner, and passes over what is undefined", () => {
    const owner = "0198A3F0-1111-7000-8000-000000000001";
    expect(object.preparePatch({ owner, name: undefined })).toEqual({
      value: { owner: owner.toLowerCase() },
      issues: [],
    });
    expect(brief(object.preparePatch({ owner: "me" }).issues)).toEqual(["/owner format"]);
    expect(object.preparePatch({ owner: null }).issues).toEqual([]);
  });

  test("tells all faults at once, each once", () => {
    const { issues } = object.prepareCreate(
      {
        name: "123456",
        size: null,
        status: "old",
        due: "x",
        id: "1",
        version: 3,
        code: "001",
        "a/b": 1,
        toString: 1,
        ...JSON.parse('{"__proto__":1}'),
      },
      { now },
    );
    expect(brief(issues)).toEqual(
      [
        ...[
          "/name maxLength",
          "/size required",
          "/status enum",
          "/due format",
          "/id read_only",
          "/version read_only",
          "/code read_only",
        ],
        ...["/a~1b unknown", "/toString unknown", "/__proto__ unknown"],
      ].toSorted(),
    );
    expect(issues.find((i) => i.path === "/a~1b")?.params).toEqual({ field: "a/b" });
  });

  test.each([[null], [[]], ["x"], [1], [undefined]])("refuses %j as a record", (value) => {
    expect(object.prepareCreate(value, { now }).issues).toEqual([
      { path: "", code: "type", params: { type: "object" } },
    ]);
    expect(brief(object.preparePatch(value).issues)).toEqual([" type"]);
  });
});

test("a text in an index is kept short enough for it", () => {
  const object = objectOf(
    {
      a: { type: "string", unique: true },
      b: { type: "string" },
      c: { type: "string", maxLength: 100 },
      d: { type: "string" },
    },
    { indexes: [["b", "c"]] },
  );
  const longest = (name: string): unknown => object.fields.get(name)?.schema["maxLength"];
  expect([longest("a"), longest("b"), longest("c"), longest("d")]).toEqual([640, 320, 100, undefined]);
  expect(brief(object.prepareCreate({ a: "x".repeat(641) }, { now }).issues)).toEqual(["/a maxLength"]);
});

describe("rules", () => {
  const object = objectOf(
    { status: { enum: ["open", "sold"] }, seller: { type: "string" }, price: { fieldType: "currency" } },
    {
      rules: [
        {
          name: "needs_seller",
          when: "status == 'sold' && seller == null",
          at: "seller",
          message: "Needs a seller",
          messages: { "zh-CN": "必须填写卖方" },
        },
        { name: "never_cheaper", when: "price < old.price", message: "Never cheaper" },
      ],
    },
  );
  const context = { now, user: {} };

  test("that hold are issues, at their field or at the record", () => {
    expect(
      object.brokenRules(
        { status: "sold", seller: null, price: 1 },
        { status: "open", seller: null, price: 2 },
        context,
      ),
    ).toEqual([
      {
        path: "/seller",
        code: "rule",
        params: { rule: "needs_seller" },
        text: { en: "Needs a seller", "zh-CN": "必须填写卖方" },
      },
      { path: "", code: "rule", params: { rule: "never_cheaper" }, text: { en: "Never cheaper" } },
    ]);
  });

  test("whose condition is unknown refuse nothing", () => {
    expect(
      object.brokenRules(
        { status: "open", seller: null, price: null },
        { status: "open", seller: null, price: 2 },
        context,
      ),
    ).toEqual([]);
    expect(object.brokenRules({ status: "open", seller: null, price: 1 }, null, context)).toEqual([]);
  });
});
