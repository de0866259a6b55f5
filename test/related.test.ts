// Tests of the records that belong to one: in filters, totals and formulas, as far as the asker may see.
import { type Api, createTestApp, q, type TestApp } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, define, hire, ids, pathsOf, problem } from "./support.ts";

let app: TestApp;
let admin: Api;
const formula = (returns: string, source: string, more: Record<string, unknown> = {}) => ({
  ...{ fieldType: "formula", returns, formula: source },
  ...more,
});
const firm = {
  name: "firm",
  sharing: "read",
  properties: {
    name: { type: "string", maxLength: 100, unique: true },
    budget: { type: "integer" },
    parent: { fieldType: "reference", target: "firm", relation: "branches" },
    contacts: { fieldType: "references", target: "person", relation: "firms" },
    busy: formula("checkbox", "deals.exists(d, d.stage == 'open' && d.amount > 10)"),
    open_deals: formula("integer", "size(deals)"),
    over: formula("checkbox", "deals.exists(d, d.amount > budget)"),
    beside: formula("integer", "size(parent.branches)"),
  },
};
const person = { name: "person", plural: "people", sharing: "read", properties: { name: { type: "string" } } };
const deal = {
  name: "deal",
  properties: {
    title: { type: "string" },
    amount: { type: "integer" },
    stage: { enum: ["open", "won", "lost"] },
    firm: { fieldType: "reference", target: "firm", onDelete: "cascade" },
    pin: { type: "string", writeOnly: true },
    big: formula("checkbox", "amount > 100"),
    alone: formula("checkbox", "firm.deals.exists_one(d, true)"),
  },
};
const note = {
  name: "note",
  sharing: "read",
  properties: {
    text: { type: "string" },
    about: { fieldType: "reference", target: ["firm", "deal"] },
    busy: formula("checkbox", "about.firm.deals.exists(d, d.big || d.stage == 'open')"),
  },
};
const line = {
  name: "line",
  sharing: "read",
  properties: { qty: { type: "integer" }, deal: { fieldType: "reference", target: "deal" } },
};

const firms: Record<string, string> = {};
const people: Record<string, string> = {};
let rep: { user: string; api: Api };
const names = async (filter: string, api = admin, more: Record<string, unknown> = {}) =>
  (
    body(await api.get(`/api/firms${q({ filter, order: "name", select: "name", ...more })}`), 200).data as {
      name: string;
    }[]
  )
    .map((f) => f.name)
    .join("");
const one = async (name: string, api = admin) => body(await api.get(`/api/firms/by/name/${name}`), 200);
const made = async (path: string, value: Record<string, unknown>, api = admin) =>
  body(await api.post(`/api/${path}`, value), 201).id as string;

beforeAll(async () => {
  app = await createTestApp({ worker: true });
  admin = app.as("admin");
  for (const definition of [person, { ...firm, properties: { name: firm.properties.name } }, deal, line, firm, note])
    await define(app, definition);
  rep = await hire(app, "Rita", { default_rights: ["create", "read", "edit", "delete"] });
  for (const name of ["ann", "bob"]) people[name] = await made("people", { name });
  const contacts = Object.values(people);
  for (const [name, value] of Object.entries({
    a: { budget: 40, contacts },
    b: { budget: 4 },
    c: { budget: 100, contacts: [people["bob"]] },
    d: {},
  }))
    firms[name] = await made("firms", { name, ...value });
  const deals = [
    { firm: firms["a"], title: "a1", amount: 50, stage: "open" },
    { firm: firms["a"], title: "a2", amount: 5, stage: "lost" },
    { firm: firms["b"], title: "b1", amount: 5, stage: "won" },
    { firm: firms["c"], title: "c1", stage: "open", owner: rep.user },
  ];
  const [a1, , b1] = ids(await admin.post("/api/deals", deals));
  body(
    await admin.post("/api/lines", [
      { deal: a1, qty: 3 },
      { deal: a1, qty: 9 },
      { deal: b1, qty: 1 },
    ]),
    200,
  );
});
afterAll(() => app.close());

describe("a filter", () => {
  test.each([
    ["deals.exists(d, d.amount > 10 && d.stage != 'lost')", "a"],
    ["!deals.exists(d, d.amount > 10)", "bcd"],
    ["deals.exists(d, true)", "abc"],
    // What is unknown of a record is not met by it.
    ["deals.exists(d, !(d.amount > 10))", "ab"],
    ["deals.all(d, d.amount < 100)", "abd"],
    ["deals.all(d, d.stage == 'won')", "bd"],
    ["!deals.all(d, d.stage == 'won')", "ac"],
    ["deals.exists_one(d, d.amount == 5)", "ab"],
    ["deals.exists_one(d, true)", "bc"],
    ["size(deals) > 1", "a"],
    ["deals.size() == 0 || name == 'a'", "ad"],
    ["deals.exists(d, d.amount > budget)", "ab"],
    ["deals.exists(d, d.owner == user)", "ab"],
    ["deals.exists(d, d.owner.name == 'Rita')", "c"],
    ["deals.exists(d, d.owner.name == user.name || d.amount == null)", "abc"],
    ["deals.exists(d, d == null)", ""],
    ["deals.exists(d, d.lines.exists(l, l.qty > 2))", "a"],
    ["deals.exists(d, d.lines.all(l, l.qty > d.amount))", "ac"],
    ["deals.exists(d, d.lines.exists(l, l.deal.firm.name == name && l.qty * 10 > d.amount + budget - 5))", "ab"],
    ["deals.exists(d, size(d.lines) == 2)", "a"],
    ["deals.exists(d, d.firm.deals.exists(e, e.amount > d.amount))", "a"],
    ["deals.exists(d, d.big)", ""],
    ["deals.exists(d, d.alone)", "bc"],
    ["contacts.exists(p, p.name == 'ann')", "a"],
    ["contacts.exists(p, p.firms.exists(f, f.name == 'c'))", "ac"],
    ["contacts.all(p, p.name == 'bob')", "bcd"],
    ["parent.deals.exists(d, true)", ""],
    ["parent.deals.all(d, false)", "abcd"],
    ["owner.owned_firms.exists(f, f.name == 'b')", "abcd"],
    ["busy", "a"],
    ["over && !busy", "b"],
    ["open_deals == 1", "bc"],
  ] as const)("%s", async (filter, found) => {
    expect(await names(filter)).toBe(found);
    const counted = await admin.get(`/api/firms/aggregate${q({ filter })}`);
    expect(body(counted, 200).data).toEqual([{ count: found.length }]);
  });

  test("walks to a record whose children it asks about", async () => {
    const titles = async (filter: string) =>
      (body(await admin.get(`/api/deals${q({ filter, order: "title" })}`), 200).data as { title: string }[]).map(
        (d) => d.title,
      );
    expect(await titles("firm.deals.exists(d, d.amount > amount)")).toEqual(["a2"]);
    expect(await titles("firm.deals.exists(d, d.amount != null) && firm.contacts.exists(p, true)")).toEqual([
      "a1",
      "a2",
    ]);
    expect(await titles("size(firm.deals) == 1 && !firm.over")).toEqual(["c1"]);
    const totals = `/api/deals/aggregate${q({ filter: "firm.deals.exists_one(d, true)", group: "firm.busy" })}`;
    expect(body(await admin.get(totals), 200).data).toEqual([{ firm_busy: false, count: 2 }]);
    expect(
      body(await admin.post("/api/firms/query", { filter: "deals.exists(d, d.amount > 10)" }), 200).data,
    ).toHaveLength(1);
    const file = (await admin.get(`/api/export/firms${q({ select: "name,busy", filter: "size(deals) > 1" })}`)).text;
    expect(file).toMatch(/,a,true/);
  });

  test("goes both ways over a reference that may lead to records of several objects", async () => {
    const [a1] = ids(await admin.get(`/api/deals${q({ filter: "title == 'a1'" })}`));
    const notes = [
      { text: "n1", about: { object: "firm", id: firms["a"] } },
      { text: "n2", about: { object: "firm", id: firms["b"] } },
      { text: "n3", about: { object: "deal", id: a1 } },
      { text: "n4" },
    ];
    body(await admin.post("/api/notes", notes), 200);
    const texts = async (filter: string) =>
      (body(await admin.get(`/api/notes${q({ filter, order: "text" })}`), 200).data as { text: string }[]).map(
        (n) => n.text,
      );
    expect(await texts("about.firm.deals.exists(d, d.amount > 5)")).toEqual(["n1"]);
    expect(await texts("about.deal.firm.deals.exists(d, d.amount > 5)")).toEqual(["n3"]);
    expect(await texts("size(about.deal.lines) == 2")).toEqual(["n3"]);
    expect(await texts("busy")).toEqual(["n1"]);
    expect(await names("notes.exists(n, n.about.firm.name == name)")).toBe("ab");
    expect(await names("notes.exists(n, n.about.object == 'firm' && n.about == id && n.busy)")).toBe("a");
    expect(await names("deals.exists(d, d.notes.exists(n, n.text == 'n3'))")).toBe("a");
    for (const filter of ["notes.exists(n, n.about.deals.exists(d, true))", "notes.exists(n, n.about.exists(d, true))"])
      problem(await admin.get(`/api/firms${q({ filter })}`), 400, "QUERY", ["filter"]);
  });

  test.each([
    ["nothing.exists(d, true)", 0, /^there is no relation "nothing":/],
    ["name.exists(d, true)", 0, /^there is no relation "name":/],
    ["deals.exists(d, d.nope == 1)", 18, 'there is no field "nope"'],
    ["deals.exists(d, d.pin == null)", 18, '"pin" is write-only: nobody reads it or asks for it'],
    ["deals.exists(d, d.lines.exists(l, l.qtty == 1))", 36, 'there is no field "qtty" — did you mean "qty"?'],
    ["deals.exists(d, d.amount)", 16, "the expression must give bool, but gives int"],
    ["deals.exists(name, true)", 13, '"name" already means something else here'],
    ["deals.exists(d, d.lines.exists(d, true))", 31, '"d" already means something else here'],
    ["deals.exists(d)", 6, "exists takes 2 arguments, not 1"],
    ["deals.exists(true, true)", 13, "the expression cannot be read"],
    ["deals.map(d, d.amount)", 6, "map(…) is not supported"],
    ["deals == null", 0, 'there is no field "deals"'],
    ["user.owned_firms.exists(f, true)", 5, /^there is no relation "owned_firms":/],
    ["'a'.exists(f, true)", 0, /^exists\(…\) asks about records/],
    [
      "deals.exists(a, a.lines.exists(b, b.deal.lines.exists(c, c.deal.lines.exists(d, true))))",
      64,
      "tests of related records stand in each other over more than 3 levels",
    ],
    [`${"size(deals) + ".repeat(10)}size(deals) > 1`, 145, /tests related records more than 10 times/],
  ] as const)("%s is refused", async (filter, position, message) => {
    const answer = await admin.get(`/api/firms${q({ filter })}`);
    problem(answer, 400, "QUERY", ["filter"]);
    const text = typeof message === "string" ? message : expect.stringMatching(message);
    expect(answer.body.errors).toMatchObject([{ position, message: text }]);
  });

  test("is the only parameter that leads over relations", async () => {
    for (const parameters of [
      { select: "deals[].title" },
      { select: "owner.owned_firms[].name" },
      { order: "deals[].title" },
      { order: "parent.deals[].title" },
      { expand: "deals[]" },
    ])
      problem(await admin.get(`/api/firms${q(parameters)}`), 400, "QUERY", [Object.keys(parameters)[0] as string]);
    for (const parameters of [
      { group: "parent.deals[].title" },
      { metrics: "sum(deals[].amount)" },
      { group: "name", having: "deals.exists(d, true)" },
    ])
      problem(await admin.get(`/api/firms/aggregate${q(parameters)}`), 400, "QUERY", [
        Object.keys(parameters).at(-1) as string,
      ]);
  });

  test("asks for records that are there: deleted ones are none, also where deleted ones are listed", async () => {
    const gone = await made("firms", { name: "x" });
    const child = await made("deals", { firm: gone, amount: 7 });
    const last = await made("deals", { firm: gone, amount: 8 });
    body(await admin.delete(`/api/deals/${child}`), 204);
    expect([await names("deals.exists(d, d.amount == 7)"), await names("deals.exists(d, d.amount == 8)")]).toEqual([
      "",
      "x",
    ]);
    body(await admin.delete(`/api/firms/${gone}`), 204);
    expect(await names("size(deals) == 0", admin, { deleted: "only" })).toBe("x");
    expect(await names("deals.exists(d, true)", admin, { deleted: "only" })).toBe("");
    body(await admin.post(`/api/firms/${gone}/restore`), 200);
    expect(await names("deals.exists_one(d, d.amount == 8)")).toBe("x");
    // What walks inside a test meet is there, too.
    const owner = await hire(app, "Gone", { default_rights: ["read"] });
    body(await admin.patch(`/api/deals/${last}`, { owner: owner.user }), 200);
    expect(await names("deals.exists(d, d.owner.name == 'Gone')")).toBe("x");
    body(await admin.delete(`/api/users/${owner.user}`), 204);
    expect(await names("deals.exists(d, d.owner.name == 'Gone')")).toBe("");
    body(await admin.delete(`/api/firms/${gone}`), 204);
  });
});

describe("whoever asks", () => {
  test("learns of no record but those that they see", async () => {
    expect(await names("deals.exists(d, true)", rep.api)).toBe("c");
    expect(await names("deals.all(d, d.stage == 'open')", rep.api)).toBe("abcd");
    expect(await names("deals.exists(d, d.lines.exists(l, true))", rep.api)).toBe("");
    // Lines are everybody's, the deals between are not.
    expect(await names("owned_lines.exists(l, true)", rep.api).catch(() => "refused")).toBe("refused");
    const lines = body(await rep.api.get(`/api/lines${q({ filter: "deal.firm.deals.exists(d, true)" })}`), 200).data;
    expect(lines).toEqual([]);
    // Formulas do as walks do.
    const seen = body(await rep.api.get(`/api/firms${q({ order: "name", select: "open_deals,busy" })}`), 200).data;
    expect(seen.map((f: { open_deals: number }) => f.open_deals)).toEqual([0, 0, 1, 0]);
    expect(await names("open_deals > 0", rep.api)).toBe("c");
    const totals = `/api/firms/aggregate${q({ group: "open_deals" })}`;
    expect(body(await rep.api.get(totals), 200).data).toEqual([
      { open_deals: 0, count: 3 },
      { open_deals: 1, count: 1 },
    ]);
  });

  test("may know of the object, or the relation is none", async () => {
    const blind = await hire(app, "Blind", { rights: { firm: ["read"] } });
    for (const asked of [
      "name == 'a' || deals.exists(d, true)",
      "size(deals) == 0",
      "name.size() == 1 && size(owner.owned_deals) == 0",
      "parent.deals.all(d, d.lines.exists(l, true)) || deals.exists(d, true)",
      "busy && contacts.exists(p, p.firms.exists(f, f.deals.exists(d, true)))",
      // Nor is there anything else to tell of what is under it.
      "deals.exists(d, d.amont > 1)",
      "deals.exists(d, d.lines.exists(l, nonsense))",
    ]) {
      const answers = await Promise.all(
        [asked, asked.replaceAll("deals", "dealz")].map((filter) =>
          blind.api.get(`/api/firms/aggregate${q({ filter })}`),
        ),
      );
      const [hidden, unknown] = answers.map(({ status, body: { detail, errors } }) =>
        JSON.stringify([status, detail, errors]),
      );
      expect(hidden).toBe(unknown?.replaceAll("dealz", "deals"));
      expect(hidden).toMatch(/^\[400,.*there is no (relation|field) /);
    }
    // Names of fields are told of objects that one may know of.
    const { api } = await hire(app, "Liner", { rights: { line: ["read"], firm: ["read"] } });
    const told = async (filter: string, path = "/api/lines") =>
      (await api.get(`${path}${q({ filter })}`)).body.detail as string;
    expect(await told("deal.firm.nam == 'a'")).toBe('there is no field "nam" — did you mean "name"?');
    for (const path of ["/api/lines", "/api/lines/aggregate", "/api/export/lines"])
      expect(await told("deal.amont > 1", path)).toBe('there is no field "amont"');
    expect(await names("contacts.exists(p, true) && !busy", blind.api)).toBe("");
    // A formula finds nothing, as its walks do.
    expect(body(await blind.api.get("/api/firms/by/name/a"), 200)).toMatchObject({ busy: false, open_deals: 0 });
  });
});

describe("a formula", () => {
  test("is in every answer as the records are by then", async () => {
    const top = body(await admin.post("/api/firms", { name: "top", budget: 1 }), 201);
    expect(top).toMatchObject({ busy: false, open_deals: 0, over: false, beside: 0 });
    // A new record stands beside those that are there, alone, in an array and in an upsert.
    const first = body(await admin.post("/api/firms", { name: "f1", parent: top.id }), 201);
    expect([first.beside, (await one("f1")).beside]).toEqual([1, 1]);
    const more = ["f2", "f3"].map((name) => ({ name, parent: top.id }));
    const rows = body(await admin.post("/api/firms", more), 200).data as { beside: number }[];
    expect(rows.map((r) => r.beside)).toEqual([3, 3]);
    expect(body(await admin.put("/api/firms/by/name/f4", { parent: top.id }), 201).beside).toBe(4);
    const moved = body(await admin.patch(`/api/firms/${first.id}`, { parent: first.id }), 200);
    expect([moved.beside, (await one("f2")).beside]).toEqual([1, 3]);
    const deals = [
      { firm: top.id, amount: 2, stage: "won" },
      { firm: top.id, amount: 20, stage: "open" },
    ];
    const [won, open] = body(await admin.post("/api/deals", deals), 200).data as { id: string; alone: boolean }[];
    expect([won?.alone, open?.alone]).toEqual([false, false]);
    expect(await one("top")).toMatchObject({ busy: true, open_deals: 2, over: true });
    const { headers } = await admin.get(`/api/firms/${top.id}`);
    body(await admin.delete(`/api/deals/${open?.id}`), 204);
    const now = await admin.get(`/api/firms/${top.id}`, { "if-none-match": headers.get("etag") ?? "" });
    expect(body(now, 200)).toMatchObject({ busy: false, open_deals: 1, over: true, version: 1 });
    expect(body(await admin.get(`/api/deals/${won?.id}`), 200).alone).toBe(true);
    expect(body(await admin.patch(`/api/deals/${won?.id}`, { amount: 0 }), 200).alone).toBe(true);
    expect(body(await admin.patch(`/api/firms/${top.id}`, { budget: 0 }), 200)).toMatchObject({
      over: false,
      open_deals: 1,
    });
    body(await admin.delete(`/api/firms/${top.id}`), 204);
    expect(body(await admin.post(`/api/firms/${top.id}/restore`), 200).open_deals).toBe(1);
    const expanded = body(await admin.get(`/api/deals/${won?.id}?expand=firm`), 200).firm;
    expect(expanded).toMatchObject({ open_deals: 1, beside: 0 });
    const sorted = body(
      await admin.get(`/api/firms${q({ order: "-open_deals,name", limit: 2, select: "name" })}`),
      200,
    );
    expect(sorted.data.map((f: { name: string }) => f.name)).toEqual(["a", "b"]);
    const next = body(
      await admin.get(`/api/firms${q({ order: "-open_deals,name", limit: 2, select: "name", cursor: sorted.next })}`),
      200,
    );
    expect(next.data.map((f: { name: string }) => f.name)).toEqual(["c", "top"]);
    for (const name of ["f1", "f2", "f3", "f4", "top"])
      body(await admin.delete(`/api/firms/${(await one(name)).id}`), 204);
  });

  const put = (definition: { name: string }, more: Record<string, unknown>, query = "") => {
    const { properties } = definition as unknown as { properties: Record<string, unknown> };
    return admin.put(`/api/meta/objects/${definition.name}${query}`, {
      ...definition,
      properties: { ...properties, ...more },
    });
  };
  const reasons = (answer: Awaited<ReturnType<typeof put>>) =>
    ((answer.body.errors ?? []) as { path: string; message: string }[])
      .map((e) => `${e.path}: ${e.message}`)
      .join("; ");

  test("is refused where it leads to itself, cannot be indexed, or asks too much", async () => {
    const cycle = await put(deal, { rank: formula("integer", "size(firm.deals) + (firm.first ? 1 : 0)") });
    problem(cycle, 422, "DEFINITION", ["/properties/rank/formula"]);
    body(await put(deal, { rank: formula("integer", "firm.open_deals") }), 200);
    const back = await put(firm, { open_deals: formula("integer", "deals.exists(d, d.rank > 1) ? 1 : 0") });
    problem(back, 422, "DEFINITION");
    expect(reasons(back)).toContain("firm.open_deals → deal.rank → firm.open_deals");
    body(await put(deal, {}), 200);
    const indexed = await put(firm, { busy: formula("checkbox", "deals.exists(d, true)", { index: true }) });
    problem(indexed, 422, "DEFINITION", ["/properties/busy/index"]);
    expect(reasons(indexed)).toContain("tests related records cannot be indexed");
    const many = Object.fromEntries(
      Array.from({ length: 12 }, (_, i) => [`f${i}`, formula("checkbox", `deals.exists(d, d.amount > ${i})`)]),
    );
    const much = await put(firm, many);
    problem(much, 422, "DEFINITION");
    expect(reasons(much)).toContain("test related records 12 times at most");
  });

  test("is not for what is evaluated in memory, and neither is a test", async () => {
    const refused = async (more: Record<string, unknown>, path: string) => {
      const answer = await admin.put("/api/meta/objects/firm", { ...firm, ...more });
      problem(answer, 422, "DEFINITION", [path]);
      expect(reasons(answer)).toMatch(/related records are not supported here, only own fields/);
    };
    const rule = (when: string) => ({ rules: [{ name: "r", when, message: "No" }] });
    await refused(rule("deals.exists(d, true)"), "/rules/0/when");
    await refused(rule("busy"), "/rules/0/when");
    const rollup = { fieldType: "rollup", of: "deal.firm", op: "count", filter: "lines.exists(l, true)" };
    await refused({ properties: { ...firm.properties, n: rollup } }, "/properties/n/filter");
    for (const keyword of ["requiredWhen", "readonlyWhen"])
      await refused(
        { properties: { ...firm.properties, budget: { type: "integer", [keyword]: "!deals.all(d, d.big)" } } },
        `/properties/budget/${keyword}`,
      );
    const workflow = {
      name: "w",
      object: "firm",
      on: "created",
      when: "deals.exists(d, true)",
      script: "export default async () => {};",
    };
    const answer = await admin.put("/api/meta/workflows/w", workflow);
    expect(answer.status, answer.text).toBe(422);
    expect(answer.text).toMatch(/related records are not supported here/);
  });

  test("holds what it names: deletes and renames are refused and told", async () => {
    const { amount: _, ...others } = deal.properties;
    const dropped = await admin.put("/api/meta/objects/deal?allow=drop:deal.amount", {
      ...deal,
      properties: { ...others, big: formula("checkbox", "true") },
    });
    expect(dropped.status, dropped.text).toBeGreaterThanOrEqual(409);
    expect(dropped.text).toMatch(/firm\.(busy|over)/);
    const plan = body(await admin.post("/api/meta/changes?plan=true", { delete: { objects: ["deal"] } }), 200);
    expect(JSON.stringify(plan)).toMatch(/formula of firm\.open_deals/);
    const renamed = {
      ...deal,
      properties: { ...others, value: { type: "integer", was: "amount" }, big: formula("checkbox", "value > 100") },
    };
    const alone = await admin.put("/api/meta/objects/deal", renamed);
    expect(alone.status, alone.text).toBeGreaterThanOrEqual(409);
    expect(alone.text).toMatch(/firm\.(busy|over)/);
    // The reference and the object may have other names: the relation keeps its own.
    const { firm: reference, ...without } = deal.properties;
    const other = {
      ...deal,
      plural: "deals",
      properties: {
        ...without,
        customer: { ...reference, was: "firm" },
        alone: formula("checkbox", "customer.deals.exists_one(d, true)"),
      },
    };
    body(await admin.put("/api/meta/objects/deal", other), 200);
    expect(await one("a")).toMatchObject({ busy: true, open_deals: 2 });
    body(
      await admin.put("/api/meta/objects/deal", {
        ...deal,
        properties: { ...deal.properties, firm: { ...reference, was: "customer" } },
      }),
      200,
    );
    // Another name of the relation breaks it.
    const elsewhere = await put(deal, { firm: { ...reference, relation: "contracts" } });
    problem(elsewhere, 422, "DEFINITION");
    expect(reasons(elsewhere)).toMatch(/the formula firm\.\w+ would break: there is no relation "deals"/);
    // Both at once are a change like any other, and the way back too.
    const objects = [
      renamed,
      {
        ...firm,
        properties: {
          ...firm.properties,
          busy: formula("checkbox", "deals.exists(d, d.stage == 'open' && d.value > 10)"),
          over: formula("checkbox", "deals.exists(d, d.value > budget)"),
        },
      },
    ];
    const both = body(await admin.post("/api/meta/changes", { objects }), 200);
    expect(await one("a")).toMatchObject({ busy: true, over: true });
    body(await admin.post(`/api/meta/changes/${both.id}/revert`), 200);
    expect(await one("a")).toMatchObject({ busy: true, over: true });
    expect(await names("deals.exists(d, d.amount > 10)")).toBe("a");
    expect(pathsOf(await put(deal, { amount: { type: "string" } }, "?allow=drop:deal.amount"))).not.toEqual([]);
  });
});
