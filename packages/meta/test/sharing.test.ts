import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileSnapshot, diffSnapshots, loadSnapshot, type ObjectType, type Snapshot } from "../src/index.ts";
import { brief, file, ids, issuesOf, now, settings, store, user } from "./build.ts";
import { anyDefinition } from "./generate.ts";

const texts = (definitions: readonly unknown[], firstId = 1): string[] => {
  let id = firstId;
  return store(definitions, () => id++).map((object) => JSON.stringify(object));
};
const load = (definitions: readonly unknown[], tenant = "demo", firstId = 1): Snapshot =>
  loadSnapshot({ ...settings, tenant, schema: `t_${tenant}` }, 1, texts(definitions, firstId));
const objectOf = (snapshot: Snapshot, name: string): ObjectType => {
  const object = snapshot.objects.get(name);
  if (object === undefined) throw new Error(`no object ${name}`);
  return object;
};

const lead = {
  name: "lead",
  plural: "leads",
  properties: {
    phone: { fieldType: "phone" },
    due: { fieldType: "date", default: "today" },
    facts: { type: "object", default: { list: [1] } },
    stage: { enum: ["new", "won"], titles: { "zh-CN": "阶段" } },
  },
  rules: [{ name: "own_region", when: "user.region == 'north' && stage == 'won'", message: "Not here" }],
};

describe("a loaded snapshot", () => {
  test("is what was compiled when it was stored", () => {
    fc.assert(
      fc.property(anyDefinition, (definition) => {
        const stored = store([user, file, { name: "account", properties: {} }, definition], ids());
        const compiled = compileSnapshot(settings, 1, stored);
        const loaded = loadSnapshot(
          settings,
          1,
          // Written in another way, so that nothing is shared.
          [...compiled.byId.values()].map((object) => JSON.stringify(object.stored, undefined, 1)),
        );
        expect(diffSnapshots(compiled, loaded)).toEqual([]);
        for (const object of compiled.objects.values()) {
          const same = objectOf(loaded, object.name);
          expect([...same.fields]).toEqual([...object.fields]);
          const { id, plural, title, nameField, sharing, history, source, uniques, indexes, incoming } = object;
          expect(same).toMatchObject({ id, plural, title, nameField, sharing, history, source, uniques, indexes });
          expect(same.incoming).toEqual(incoming);
          expect(same.stored).toEqual(object.stored);
        }
      }),
      { numRuns: 50 },
    );
  });

  test("tells a rule that a hand has broken to whoever comes across it, and to nobody else", () => {
    const broken = texts([user, lead]).map((text) => text.replace("user.region", "user.gone"));
    const snapshot = loadSnapshot(settings, 1, broken);
    expect(objectOf(snapshot, "lead").prepareCreate({ stage: "won" }, { now }).issues).toEqual([]);
    expect(brief(issuesOf(() => objectOf(snapshot, "lead").rules))).toEqual(["/rules/0/when expression"]);
    expect(objectOf(snapshot, "user").rules).toEqual([]);
  });
});

describe("a change beside objects at rest", () => {
  const account = { name: "account", plural: "accounts", properties: { contacts: { type: "string" } } };
  const contact = (relation?: string) => ({
    name: "contact",
    plural: "people",
    properties: { account: { fieldType: "reference", target: "account", ...(relation ? { relation } : {}) } },
  });
  const change = (before: readonly unknown[], after: readonly unknown[]) => () => {
    const nextId = ids();
    const first = store(before, nextId);
    const loaded = loadSnapshot(
      settings,
      1,
      first.map((object) => JSON.stringify(object)),
    );
    return compileSnapshot(settings, 2, store(after, nextId, first), loaded);
  };

  test.each([
    ["a new object's relation is a field there", [user, account], [user, account, contact("contacts")], "relation"],
    [
      "a new field is a relation there",
      [user, { ...account, properties: {} }, contact("contacts")],
      [user, account, contact("contacts")],
      "relation",
    ],
    ["the target of one goes", [user, account, contact()], [user, contact()], "target"],
  ])("is refused where %s", (_what, before, after, keyword) => {
    expect(brief(issuesOf(change(before, after)))).toEqual([`/properties/account/${keyword} definition`]);
    expect(issuesOf(change(before, before))).toEqual([]);
  });

  test("is refused where their rules ask for a field of the user that goes", () => {
    const without = { ...user, properties: { name: { type: "string" } } };
    expect(brief(issuesOf(change([user, lead], [without, lead])))).toEqual(["/rules/0/when expression"]);
  });

  test("makes another object of one whose rules ask for the user, and keeps the others", () => {
    const first = store([user, lead, account], ids());
    const before = compileSnapshot(settings, 1, first);
    const titled = first.map((o) =>
      o.name === "user" ? { ...o, definition: { ...o.definition, title: "Person" } } : o,
    );
    const after = compileSnapshot(settings, 2, titled, before);
    expect(objectOf(after, "lead")).not.toBe(objectOf(before, "lead"));
    expect(objectOf(after, "lead").fields).toBe(objectOf(before, "lead").fields);
    expect(objectOf(after, "account")).toBe(objectOf(before, "account"));
  });

  test("shows where the same reference leads to another object", () => {
    const bare = (name: string) => ({ name, plural: `${name}_s`, properties: {} });
    const stored = store([bare("account"), bare("other"), contact()], ids());
    const swapped = stored.map((o) =>
      o.name === "contact" ? o : { ...o, id: o.name === "account" ? (stored[1]?.id ?? 0) : (stored[0]?.id ?? 0) },
    );
    const changes = diffSnapshots(compileSnapshot(settings, 1, stored), compileSnapshot(settings, 2, swapped));
    expect(changes.map((c) => c.kind)).toContain("change_reference");
  });
});

describe("two tenants with the same object", () => {
  const [first, second] = [load([user, lead], "first"), load([user, lead], "second")];

  test("compile it once and have one each", () => {
    expect(objectOf(second, "lead")).not.toBe(objectOf(first, "lead"));
    expect(objectOf(second, "lead").fields).toBe(objectOf(first, "lead").fields);
    expect(objectOf(second, "lead").rules).toBe(objectOf(first, "lead").rules);
  });

  test("share nothing of it where ids or a word differ", () => {
    expect(objectOf(load([user, lead], "third", 100), "lead").fields).not.toBe(objectOf(first, "lead").fields);
    const other = { ...lead, title: "Prospect" };
    expect(objectOf(load([user, other]), "lead").title).toEqual({ en: "Prospect" });
    expect(objectOf(first, "lead").title).toEqual({ en: "Lead" });
  });

  test("keep their own settings", () => {
    const at = (country: string, timeZone: string): ObjectType =>
      objectOf(loadSnapshot({ ...settings, country, timeZone }, 1, texts([user, lead])), "lead");
    const [china, england] = [at("CN", "Asia/Shanghai"), at("GB", "Europe/London")];
    expect(china.fields).toBe(england.fields);
    expect(china.prepareCreate({ phone: "010 6552 9988" }, { now }).value).toMatchObject({
      phone: "+861065529988",
      due: "2026-02-01",
    });
    expect(england.prepareCreate({ phone: "020 7946 0958" }, { now }).value).toMatchObject({
      phone: "+442079460958",
      due: "2026-01-31",
    });
  });

  test("keep their own users in rules", () => {
    const plain = { ...user, properties: { name: { type: "string" }, region: { enum: ["north"] } } };
    const [ours, theirs] = [load([user, lead]), load([plain, lead])].map((s) => objectOf(s, "lead"));
    expect(ours?.fields).toBe(theirs?.fields);
    const broken = (object: ObjectType | undefined, region: string) =>
      object?.brokenRules({ stage: "won" }, null, { now, user: { region } }).length;
    expect([broken(ours, "north"), broken(theirs, "north"), broken(ours, "south")]).toEqual([1, 1, 0]);
  });

  test("cannot change it for each other", () => {
    const object = objectOf(first, "lead");
    const field = object.fields.get("stage");
    const write = (target: unknown, key: string) => () => Object.assign(target as object, { [key]: "changed" });
    for (const part of [field, field?.title, field?.schema, field?.column, field?.definition, field?.values?.[0]])
      expect(write(part, "name")).toThrow(TypeError);
    expect(write(field?.schema["enum"], "0")).toThrow(TypeError);
    expect(write(object.fields.get("facts")?.default, "list")).toThrow(TypeError);
    expect(write(object.fields.get("owner")?.title, "en")).toThrow(TypeError);
    expect(write(object, "incoming")).toThrow(TypeError);
    Object.assign(object.stored.definition, { name: "changed" });
    expect(objectOf(second, "lead").stored.definition.name).toBe("lead");
    expect(objectOf(first, "lead").stored.definition.name).toBe("lead");
  });
});

test("what no tenant has any more is not kept", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const settled = async (): Promise<number> => {
    for (let round = 0; round < 4; round++) {
      await setImmediate();
      collect();
    }
    return process.memoryUsage().heapUsed / 1e6;
  };
  const [text = ""] = texts([{ ...lead, rules: [] }]);
  const kept = load([user, lead]);
  const before = await settled();
  // 100 MB of definitions.
  for (let n = 0; n < 2_000; n++) {
    const definition = text.replaceAll("lead", `gone_${n}`) + " ".repeat(50_000);
    expect(loadSnapshot(settings, 1, [definition]).objects.get(`gone_${n}`)?.fields.size).toBe(12);
    if (n % 100 === 0) await setImmediate();
  }
  expect((await settled()) - before).toBeLessThan(10);
  expect(objectOf(load([user, lead]), "lead").fields).toBe(objectOf(kept, "lead").fields);
});
