import { describe, expect, test } from "vitest";
import { salesPlugin } from "../src/index.ts";
import { installedSnapshot, objectOf } from "./snapshot.ts";

const snapshot = installedSnapshot();
const now = new Date("2026-03-02T08:00:00Z");
const id = "01890000-0000-7000-8000-000000000001";

/** Every part of a definition that people read, with its place. A field may itself be called `title` or `value`. */
function* titled(value: unknown, path: string): Generator<[string, Record<string, unknown>]> {
  if (typeof value !== "object" || value === null) return;
  const part = value as Record<string, unknown>;
  if (["name", "fieldType", "value"].some((key) => typeof part[key] === "string") && !path.includes("/rules/"))
    yield [path, part];
  for (const [key, inner] of Object.entries(part)) yield* titled(inner, `${path}/${key}`);
}

const isText = (text: unknown): boolean => typeof text === "string" && text.trim() !== "";

function isTranslated({ title, titles }: Record<string, unknown>): boolean {
  const { "zh-CN": simplified, "zh-TW": traditional } = (titles ?? {}) as Record<string, unknown>;
  return [title, simplified, traditional].every(isText);
}

describe("every text is there in three languages", () => {
  const parts = salesPlugin.objects.flatMap((o) => [...titled(o, o.name)]);

  test("objects, fields and values", () => {
    expect(parts.length).toBeGreaterThan(250);
    expect(parts.filter(([, part]) => !isTranslated(part)).map(([path]) => path)).toEqual([]);
  });

  test("roles", () => {
    const roles = (salesPlugin.roles ?? []) as unknown as Record<string, unknown>[];
    expect(roles.map((role) => [role["name"], isTranslated(role)])).toEqual([
      ["sales_rep", true],
      ["sales_manager", true],
    ]);
  });

  test("and so are rules' messages", () => {
    const rules = salesPlugin.objects.flatMap((o) => o.rules ?? []);
    expect(rules.length).toBeGreaterThan(0);
    for (const rule of rules) {
      expect(rule.message).toMatch(/^[A-Z]/);
      expect(rule.messages).toEqual({
        "zh-CN": expect.stringMatching(/\p{Script=Han}/u),
        "zh-TW": expect.stringMatching(/\p{Script=Han}/u),
      });
    }
  });
});

describe("sharing", () => {
  test.each(salesPlugin.objects.map((o) => [o.name, o.sharing]))("%s is %s", (name, sharing) =>
    expect(sharing).toBe(name === "product" ? "read" : "private"),
  );
});

describe("what a record needs, and no more", () => {
  test.each([
    ["account", { name: "云岫仪表" }],
    ["contact", { last_name: "王" }],
    ["contact", { last_name: "Wang", first_name: "Fang" }],
    ["lead", { last_name: "Li", company: "Acme" }],
    ["product", { name: "Gate" }],
    ["opportunity", { name: "Deal" }],
    ["opportunity_product", { opportunity: id, product: id }],
    ["task", { title: "Call Acme", owner: id, due: "2026-03-03" }],
    ["activity", { subject: "First call" }],
  ])("%s %j", (name, value) => expect(objectOf(snapshot, name).prepareCreate(value, { now }).issues).toEqual([]));

  test.each([
    ["account", {}, ["/name"]],
    ["contact", { first_name: "Fang" }, ["/last_name"]],
    ["lead", {}, ["/company", "/last_name"]],
    ["opportunity", { name: "Deal", stage: null }, ["/stage"]],
    ["opportunity", { name: "Deal", amount: -1, number: "OPP-1" }, ["/amount", "/number"]],
    ["opportunity_product", { quantity: 0 }, ["/opportunity", "/product", "/quantity"]],
    ["task", { status: "finished" }, ["/status", "/title"]],
  ])("%s %j is refused", (name, value, paths) => {
    const { issues } = objectOf(snapshot, name).prepareCreate(value, { now });
    expect(issues.map((i) => i.path).sort()).toEqual(paths);
  });

  test("defaults", () => {
    const prepared = (name: string, value: object) => objectOf(snapshot, name).prepareCreate(value, { now }).value;
    expect(prepared("opportunity", { name: "Deal" })).toMatchObject({ stage: "prospecting", type: "new_business" });
    expect(prepared("lead", { last_name: "Li", company: "Acme" })).toMatchObject({ status: "new" });
    expect(prepared("task", { title: "Call" })).toMatchObject({ status: "open", priority: "normal" });
    expect(prepared("opportunity_product", { opportunity: id, product: id })).toMatchObject({
      quantity: 1,
      discount: 0,
    });
  });
});

describe("rules", () => {
  const broken = (record: Record<string, unknown>) =>
    objectOf(snapshot, "opportunity")
      .brokenRules({ stage: "prospecting", start_date: null, close_date: null, ...record }, null, { now, user: { id } })
      .map((issue) => `${issue.path} ${String(issue.params?.["rule"])}`);

  test.each([
    [{ stage: "won" }, ["/close_date closed_needs_date"]],
    [{ stage: "lost" }, ["/close_date closed_needs_date"]],
    [{ stage: "won", close_date: "2026-03-01" }, []],
    [{ stage: "negotiation" }, []],
    [{ start_date: "2026-03-02", close_date: "2026-03-01" }, ["/close_date closes_before_start"]],
    [{ start_date: "2026-03-01", close_date: "2026-03-01" }, []],
    [{ start_date: "2026-03-01" }, []],
  ])("%j breaks %j", (record, rules) => expect(broken(record)).toEqual(rules));
});

describe("stages", () => {
  const stages = objectOf(snapshot, "opportunity").fields.get("stage")?.values ?? [];

  test("go from first contact to a decision", () =>
    expect(stages.map((s) => [s.value, s["probability"], s["forecast"]])).toEqual([
      ["prospecting", 10, "pipeline"],
      ["engaging", 25, "pipeline"],
      ["proposal", 50, "best_case"],
      ["negotiation", 75, "commit"],
      ["won", 100, "closed"],
      ["lost", 0, "omitted"],
    ]));
});

describe("references", () => {
  const incoming = (name: string) => objectOf(snapshot, name).incoming.map((i) => [i.relation, i.object, i.onDelete]);

  test("lead back from an account", () =>
    expect(incoming("account")).toEqual(
      expect.arrayContaining([
        ["subsidiaries", "account", "setNull"],
        ["contacts", "contact", "setNull"],
        ["opportunities", "opportunity", "restrict"],
        ["tasks", "task", "setNull"],
        ["activities", "activity", "setNull"],
      ]),
    ));

  test("lines go with their opportunity, and hold their product", () => {
    expect(incoming("opportunity")).toContainEqual(["opportunity_products", "opportunity_product", "cascade"]);
    expect(incoming("product")).toContainEqual(["opportunity_products", "opportunity_product", "restrict"]);
  });
});

test.each(["account", "contact", "lead", "opportunity", "product", "task", "activity"])(
  "%s can be upserted by its external id",
  (name) => {
    const object = objectOf(snapshot, name);
    expect(object.uniques.map((u) => u.fields)).toContainEqual(["external_id"]);
  },
);

describe("roles", () => {
  const rights = (role: string) => salesPlugin.roles?.find((r) => r.name === role)?.rights ?? {};

  test("name objects of the plugin only, and grant nothing beyond sharing", () => {
    const names = new Set(salesPlugin.objects.map((o) => o.name));
    for (const role of salesPlugin.roles ?? []) {
      expect(new Set(Object.keys(role.rights))).toEqual(names);
      expect(Object.values(role.rights).flat()).not.toContain("view_all");
      expect(Object.values(role.rights).flat()).not.toContain("edit_all");
      expect([role.default_rights, role.system_rights]).toEqual([undefined, undefined]);
    }
  });

  test("products are the managers' to edit", () => {
    expect(rights("sales_rep")["product"]).toEqual(["read"]);
    expect(rights("sales_manager")["product"]).toEqual(["create", "read", "edit", "delete"]);
  });
});
