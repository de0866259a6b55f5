// Formula fields: never stored, the same wherever they are asked for, nobody's to write.
import { type Api, createTestApp, q, type TestApp, until, withChanges } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, define, hire, ids, pages, pathsOf, problem } from "./support.ts";

const formula = (returns: string, source: string, more: Record<string, unknown> = {}) => ({
  fieldType: "formula",
  returns,
  formula: source,
  ...more,
});
/** Its records are their owners' alone. */
const firm = {
  name: "firm",
  type: "object",
  properties: {
    name: { type: "string", maxLength: 100 },
    discount: { fieldType: "percent" },
    boss: { fieldType: "reference", target: "user" },
    label: formula("text", "coalesce(name, '?') + ' / ' + coalesce(boss.name, '-')"),
    factor: formula("number", "1 - coalesce(discount, 0) / 100"),
  },
};
const deal = {
  name: "deal",
  type: "object",
  sharing: "write",
  history: true,
  properties: {
    title: { type: "string", maxLength: 100, unique: true },
    price: { fieldType: "currency" },
    qty: { type: "integer" },
    closes_on: { type: "string", format: "date" },
    firm: { fieldType: "reference", target: "firm" },
    parent: { fieldType: "reference", target: "deal", relation: "children", onDelete: "cascade" },
    total: formula("currency", "price * qty", { index: true, title: "Total", titles: { "zh-CN": "总额" } }),
    net: formula("currency", "total * firm.factor"),
    third: formula("number", "price / 3"),
    exact: formula("number", "price / 7", { precision: 20, scale: 6 }),
    pieces: formula("integer", "qty * 2"),
    whose: formula("text", "firm.label"),
    above: formula("text", "parent.title"),
    big: formula("checkbox", "total > 1000"),
    due: formula("date", "add_days(closes_on, 30)"),
    late: formula("checkbox", "due < today"),
    since: formula("datetime", "closes_on"),
  },
  rules: [{ name: "too_big", when: "total > 1000000 && changed(total)", at: "price", message: "Too big" }],
};
const formulas = ["total", "net", "third", "exact", "pieces", "whose", "above", "big", "due", "late", "since"];

let app: TestApp;
let admin: Api;
/** Sees deals, and no firm but their own. */
let rep: { user: string; api: Api };
let acme: string;
const make = async (value: Record<string, unknown>) => body(await admin.post("/api/deals", value), 201);
const only = (record: Record<string, unknown>, names = formulas) =>
  Object.fromEntries(names.map((name) => [name, record[name]]));

beforeAll(async () => {
  app = await createTestApp({ worker: true });
  admin = app.as("admin");
  await define(app, firm);
  await define(app, deal);
  rep = await hire(app, "Rita", { default_rights: ["create", "read", "edit", "delete"] });
  acme = body(await admin.post("/api/firms", { name: "Acme", discount: 10, boss: rep.user }), 201).id;
});
afterAll(() => app.close());

/** What a deal of Acme comes to. */
const expected = {
  ...{ total: 30.03, net: 27.03, third: 3.3367, exact: "1.430000", pieces: 6, whose: "Acme / Rita", above: null },
  ...{ big: false, due: "2026-03-02", late: true, since: "2026-01-30T16:00:00+00:00" },
};
const values = { price: 10.01, qty: 3, closes_on: "2026-01-31" };

describe("every answer shows them", () => {
  test("of a new record, of one that is read, changed, put by key, deleted and restored; and its ETag tells them apart", async () => {
    const made = await admin.post("/api/deals", { title: "shown", firm: acme, ...values });
    expect(only(body(made, 201))).toEqual(expected);
    const one = `/api/deals/${made.body.id}`;
    const etag = made.headers.get("etag") ?? "";
    expect(etag).toMatch(/^"1-[\w-]{12}"$/);
    const read = await admin.get(one);
    expect([read.body, read.headers.get("etag")]).toEqual([made.body, etag]);
    expect((await admin.get(one, { "if-none-match": etag })).status).toBe(304);
    expect((await admin.get(`${one}?select=title`)).headers.get("etag")).toBe('"1"');

    // What a formula finds elsewhere changes without the record's version.
    body(await admin.patch(`/api/firms/${acme}`, { discount: 20 }), 200);
    const later = await admin.get(one, { "if-none-match": etag });
    expect(body(later, 200)).toMatchObject({ net: 24.02, version: 1 });
    expect(later.headers.get("etag")).not.toBe(etag);
    body(await admin.patch(`/api/firms/${acme}`, { discount: 10 }), 200);

    const changed = await admin.patch(one, { qty: 4 }, { "if-match": etag });
    expect(body(changed, 200)).toMatchObject({ total: 40.04, net: 36.04, pieces: 8, version: 2 });
    expect((await admin.get(one)).headers.get("etag")).toBe(changed.headers.get("etag"));
    problem(await admin.patch(one, { qty: 5 }, { "if-match": etag }), 412, "PRECONDITION");
    const put = await admin.put("/api/deals/by/title/shown", { qty: 5 });
    expect(body(put, 200)).toMatchObject({ total: 50.05, version: 3 });
    expect(body(await admin.put("/api/deals/by/title/shown2", values), 201)).toMatchObject({ total: 30.03, net: null });
    // A patch that changes nothing answers what is there.
    expect(body(await admin.patch(one, { qty: 5 }), 200)).toMatchObject({ total: 50.05, net: 45.05, version: 3 });

    body(await admin.delete(one), 204);
    const gone = body(await admin.get(`/api/deals${q({ deleted: "only", filter: "net > 45" })}`), 200).data;
    expect(gone).toMatchObject([{ total: 50.05, whose: "Acme / Rita" }]);
    const back = await admin.post(`${one}/restore`);
    expect(only(body(back, 200))).toMatchObject({ total: 50.05, net: 45.05, whose: "Acme / Rita" });
    expect((await admin.get(one)).headers.get("etag")).toBe(back.headers.get("etag"));
  });

  test("of arrays, whose records may be what each other's formulas find", async () => {
    const rows = [{ title: "top", firm: acme, ...values }, { title: "other" }];
    const [top, other] = body(await admin.post("/api/deals", rows), 200).data;
    expect([only(top), only(other)]).toEqual([expected, { ...Object.fromEntries(formulas.map((f) => [f, null])) }]);
    const low = await make({ title: "low", parent: top.id });
    expect(low.above).toBe("top");
    const patches = [
      { id: top.id, title: "TOP", parent: top.id },
      { id: low.id, qty: 1 },
      { id: other.id, parent: low.id },
    ];
    const answer = body(await admin.patch("/api/deals", patches), 200).data as Record<string, unknown>[];
    expect(answer.map((r) => r["above"])).toEqual(["TOP", "TOP", "low"]);
    expect(body(await admin.patch(`/api/deals/${top.id}`, { title: "Top" }), 200).above).toBe("Top");
    // Restored together: the child that the parent's formula finds is there by then.
    body(await admin.patch(`/api/deals/${top.id}`, { parent: null }), 200);
    const second = await make({ title: "second", parent: low.id });
    body(await admin.patch(`/api/deals/${low.id}`, { parent: second.id }), 200);
    body(await admin.delete(`/api/deals/${low.id}`), 204);
    expect(body(await admin.post(`/api/deals/${low.id}/restore`), 200).above).toBe("second");
  });

  test("of what a reference leads to", async () => {
    const { id } = await make({ title: "expanded", firm: acme });
    const found = body(await admin.get(`/api/deals/${id}?expand=firm&select=firm.label,whose`), 200);
    expect(found).toMatchObject({ whose: "Acme / Rita", firm: { name: "Acme", factor: 0.9, label: "Acme / Rita" } });
    expect(body(await admin.get(`/api/deals/${id}?select=firm.factor`), 200).firm).toEqual({ factor: 0.9 });
    expect(body(await admin.get(`/api/deals/${id}?select=title`), 200)).toEqual({ id, title: "expanded" });
  });
});

describe("a walk to what the caller may not see", () => {
  test("finds nothing, whatever the formula there makes of nothing, in every answer and question", async () => {
    const mine = body(await rep.api.post("/api/firms", { name: "Mine", boss: rep.user }), 201).id;
    const hidden = await make({ title: "hidden", firm: acme, ...values });
    const own = body(await rep.api.post("/api/deals", { title: "own", firm: mine, ...values }), 201);
    expect(own).toMatchObject({ total: 30.03, net: 30.03, whose: "Mine / Rita" });
    const none = { total: 30.03, net: null, whose: null };
    expect(body(await rep.api.get(`/api/deals/${hidden.id}`), 200)).toMatchObject(none);
    expect(
      body(await rep.api.patch(`/api/deals/${hidden.id}`, { qty: 3, closes_on: "2026-02-01" }), 200),
    ).toMatchObject(none);
    expect(body(await rep.api.patch("/api/deals", [{ id: hidden.id, qty: 3 }]), 200).data).toMatchObject([none]);
    expect(body(await rep.api.put("/api/deals/by/title/hidden", { qty: 3 }), 200)).toMatchObject(none);
    const asked = async (api: Api, filter: string) =>
      ids(await api.get(`/api/deals${q({ filter: `(${filter}) && title in ['own', 'hidden']`, order: "title" })}`));
    expect(await asked(admin, "net > 0")).toEqual([hidden.id, own.id]);
    expect(await asked(rep.api, "net > 0")).toEqual([own.id]);
    expect(await asked(rep.api, "firm.factor >= 0 || firm.label != ''")).toEqual([own.id]);
    expect(await asked(rep.api, "net == null && whose == null && firm.factor == null")).toEqual([hidden.id]);
    const groups = await rep.api.get(
      `/api/deals/aggregate${q({ group: "firm.factor,whose", metrics: "sum(net),max(firm.factor)", filter: "title in ['own', 'hidden']", order: "whose" })}`,
    );
    expect(body(groups, 200).data).toEqual([
      { firm_factor: 1, whose: "Mine / Rita", sum_net: 30.03, max_firm_factor: 1 },
      { firm_factor: null, whose: null, sum_net: 0, max_firm_factor: null },
    ]);
    const shown = body(await rep.api.get(`/api/deals${q({ filter: "title == 'hidden'", expand: "firm" })}`), 200)
      .data[0];
    expect(shown).toMatchObject({ ...none, firm: null });
    body(await rep.api.delete(`/api/deals/${own.id}`), 204);
    expect(body(await rep.api.post(`/api/deals/${own.id}/restore`), 200)).toMatchObject({ whose: "Mine / Rita" });
  });
});

describe("questions", () => {
  const names = Array.from({ length: 7 }, (_, i) => `page${i}`);
  const among = "title.startsWith('page')";

  test("filter, sort and page by them, nulls last, also over references", async () => {
    const rows = names.map((title, i) => ({
      title,
      price: 10 * (i % 3),
      qty: i === 6 ? null : 1,
      firm: i % 2 ? acme : null,
    }));
    body(await admin.post("/api/deals", rows), 200);
    for (const order of [
      "total,title",
      "-total,title",
      "whose,-total,title",
      "big,-third",
      "firm.label,-exact,title",
    ]) {
      const all = body(await admin.get(`/api/deals${q({ filter: among, order })}`), 200).data as { title: string }[];
      const paged = await pages(
        admin,
        (cursor) => `/api/deals${q({ filter: among, order, limit: 2, ...(cursor ? { cursor } : {}) })}`,
      );
      expect(paged.flat(), order).toEqual(all);
      expect(all).toHaveLength(7);
    }
    const titles = async (parameters: Record<string, string>) =>
      (
        body(await admin.get(`/api/deals${q({ order: "total,title", ...parameters })}`), 200).data as {
          title: string;
        }[]
      ).map((d) => d.title);
    expect(await titles({ filter: among })).toEqual(["page0", "page3", "page1", "page4", "page2", "page5", "page6"]);
    expect(await titles({ filter: `${among} && total == 10` })).toEqual(["page1", "page4"]);
    expect(await titles({ filter: `${among} && third == 3.3333` })).toEqual(["page1", "page4"]);
    expect(await titles({ filter: `${among} && third > 3.3333 && exact < 10` })).toEqual(["page2", "page5"]);
    expect(await titles({ filter: `${among} && total == null` })).toEqual(["page6"]);
    expect(await titles({ filter: `${among} && whose == 'Acme / Rita' && !big` })).toEqual(["page3", "page1", "page5"]);
  });

  test("group and sum them up", async () => {
    const groups = await admin.get(
      `/api/deals/aggregate${q({ group: "total", metrics: "count(),sum(net),max(exact)", filter: among, having: "count > 1 || total == null", order: "-total" })}`,
    );
    expect(body(groups, 200).data).toEqual([
      { total: 20, count: 2, sum_net: 18, max_exact: "2.857143" },
      { total: 10, count: 2, sum_net: 9, max_exact: "1.428571" },
      { total: 0, count: 2, sum_net: 0, max_exact: "0.000000" },
      { total: null, count: 1, sum_net: 0, max_exact: "0.000000" },
    ]);
    const months = await admin.get(
      `/api/deals/aggregate${q({ group: "month(due)", metrics: "count_distinct(total)", filter: "due != null", limit: 1 })}`,
    );
    expect(body(months, 200).data[0]).toMatchObject({ month_due: "2026-03" });
    problem(await admin.get("/api/deals/aggregate?metrics=sum(whose)"), 400, "QUERY");
  });
});

describe("no door takes them", () => {
  test("of records", async () => {
    const { id } = await make({ title: "closed" });
    const { changes } = await withChanges(app, async () => {
      problem(await admin.post("/api/deals", { total: 1 }), 422, "VALIDATION", ["/total"]);
      problem(await admin.post("/api/deals", [{ title: "x" }, { whose: "me", total: null }]), 422, "VALIDATION", [
        "/1/total",
        "/1/whose",
      ]);
      problem(await admin.patch(`/api/deals/${id}`, { net: 1 }), 422, "VALIDATION", ["/net"]);
      problem(await admin.patch("/api/deals", [{ id, due: "2026-01-01" }]), 422, "VALIDATION", ["/0/due"]);
      problem(await admin.put("/api/deals/by/title/closed", { big: true }), 422, "VALIDATION", ["/big"]);
      problem(await admin.get("/api/deals/by/total/1"), 404, "NOT_FOUND");
      problem(await admin.put("/api/deals/by/total/1", {}), 404, "NOT_FOUND");
    });
    expect(changes).toEqual([]);
  });

  test("of files, which get them", async () => {
    const refused = await admin.call("POST", "/api/import/deals", "title,total\nfile,5\n", {
      "content-type": "text/csv",
    });
    expect([refused.status, pathsOf(refused)]).toEqual([422, ["/total"]]);
    const taken = await admin.call("POST", "/api/import/deals", "title,price,qty\nfile,5,2\n", {
      "content-type": "text/csv",
    });
    const job = `/api/jobs/${body(taken, 202).id}`;
    const { status } = await until("the import", async () => {
      const { body: found } = await admin.get(job);
      return found.ended_at === null ? undefined : (found as { status: string });
    });
    expect(status).toBe("finished");
    const csv = await admin.get(
      `/api/export/deals${q({ filter: "title == 'file'", select: "title,total,whose,big" })}`,
    );
    expect(csv.text.replaceAll("\r", "").split("\n").slice(0, 2)).toEqual([
      expect.stringContaining("title,total,whose,big"),
      expect.stringMatching(/file,10,,false$/),
    ]);
  });
});

describe("rules", () => {
  test("use them for new records and changes, alone and among others", async () => {
    const { id } = await make({ title: "ruled", price: 1, qty: 1 });
    const { changes } = await withChanges(app, async () => {
      problem(await admin.post("/api/deals", { price: 2_000_000, qty: 1 }), 422, "VALIDATION", ["/price"]);
      problem(await admin.patch(`/api/deals/${id}`, { qty: 2_000_000 }), 422, "VALIDATION", ["/price"]);
      problem(await admin.patch("/api/deals", [{ id, price: 2_000_000 }]), 422, "VALIDATION", ["/0/price"]);
    });
    expect(changes).toEqual([]);
    await app.store.sql("UPDATE t_demo.deal SET price = 2000000 WHERE id = $1", [id]);
    body(await admin.patch(`/api/deals/${id}`, { title: "ruled still" }), 200);
  });

  test("may ask for the actor's, and not for what walks", async () => {
    const user = body(await admin.get("/api/meta/objects/user"), 200);
    const properties = {
      ...user.properties,
      shout: formula("text", "upper(name)"),
      team: formula("text", "owner.name"),
    };
    await define(app, { ...user, properties });
    const noted = (when: string) => ({
      name: "noted",
      properties: { text: { type: "string" } },
      rules: [{ name: "r", when, message: "No" }],
    });
    problem(await admin.put("/api/meta/objects/noted", noted("user.team == 'x'")), 422, "DEFINITION", [
      "/rules/0/when",
    ]);
    await define(app, noted("user.shout == 'RITA' && text == user.shout"));
    body(await rep.api.post("/api/noteds", { text: "other" }), 201);
    problem(await rep.api.post("/api/noteds", { text: "RITA" }), 422, "VALIDATION", [""]);
    expect(
      ids(
        await rep.api.get(
          `/api/noteds${q({ filter: "owner.shout == user.shout && created_by.team == 'Administrator'" })}`,
        ),
      ),
    ).toHaveLength(1);
    problem(await rep.api.get(`/api/noteds${q({ filter: "user.team == 'x'" })}`), 400, "QUERY");
  });
});

describe("what follows a change", () => {
  test("keeps none of them, and workflows ask for them", async () => {
    const script = `const main: Workflow<"deal", "updated"> = async ({ record, old, crm }) => {
      const read = await crm.records("deal").get(record.id);
      await crm.records("deal").create({ title: \`\${read.title} of \${read.whose}\`, price: read.total, qty: "total" in record || "total" in old ? 0 : 1 });
    };
    export default main;`;
    const workflow = {
      name: "grown",
      object: "deal",
      on: "updated",
      when: "changed(total) && big && !old.big",
      script,
    };
    body(await admin.put("/api/meta/workflows/grown", workflow), 201);
    const wrong = { script: script.replace("read.title", "record.total"), fields: ["qty", "total"], when: "net > 1" };
    const refused = await admin.put("/api/meta/workflows/grown", { ...workflow, ...wrong });
    problem(refused, 422, "DEFINITION", ["/fields/1", "/script", "/when"]);

    const { id } = await make({ title: "event", price: 600, qty: 1, firm: acme });
    const { changes } = await withChanges(app, async () =>
      body(await admin.patch(`/api/deals/${id}`, { qty: 2 }), 200),
    );
    expect(changes).toHaveLength(1);
    expect(Object.keys(changes[0]?.data ?? {}).filter((name) => formulas.includes(name))).toEqual([]);
    expect(Object.keys(changes[0]?.old ?? {}).sort()).toEqual(["qty", "updated_at", "version"]);
    const history = body(await admin.get(`/api/deals/${id}/history`), 200).data;
    expect(
      history.map((h: { changes: object }) => Object.keys(h.changes).filter((name) => formulas.includes(name))),
    ).toEqual([[], []]);
    await until(
      "the run",
      async () =>
        ids(await admin.get(`/api/deals${q({ filter: "title == 'event of Acme / Rita' && total == 1200" })}`))
          .length === 1,
    );
  });

  test("before it a script sees what is stored, and cannot write them", async () => {
    const script = (line: string) =>
      `const main: Workflow<"deal", "before_update"> = async ({ record, old, crm }) => { ${line} };\nexport default main;`;
    const put = (line: string) =>
      admin.put("/api/meta/workflows/guard", {
        name: "guard",
        object: "deal",
        on: "before_update",
        when: "big",
        script: script(line),
      });
    problem(await put("record.total = 1; crm.log(old.net)"), 422, "DEFINITION", ["/script", "/script"]);
    body(
      await put(
        'if ("total" in record || "net" in old) throw crm.refuse("shown"); (record as any).total = 5; record.qty = 7;',
      ),
      201,
    );
    const { id } = await make({ title: "guarded", price: 500, qty: 2 });
    expect(body(await admin.patch(`/api/deals/${id}`, { price: 400, closes_on: null }), 200)).toMatchObject({
      qty: 2,
      total: 800,
    });
    expect(body(await admin.patch(`/api/deals/${id}`, { price: 600 }), 200)).toMatchObject({ qty: 7, total: 4200 });
    body(await admin.delete("/api/meta/workflows/guard"), 204);
  });

  test("descriptions say what they are", async () => {
    const { components } = body(await admin.get("/api/openapi.json"), 200);
    expect(components.schemas.deal.properties.total).toMatchObject({
      type: ["number", "null"],
      readOnly: true,
      title: "Total",
    });
    expect(components.schemas.deal.properties.exact).toMatchObject({ type: ["string", "null"], format: "decimal" });
    expect(components.schemas.deal.required).toContain("total");
    for (const name of ["deal.create", "deal.patch", "deal.row"])
      expect(components.schemas[name].properties).not.toHaveProperty("total");
    const types = (await admin.get("/api/types.d.ts")).text;
    expect(types).toMatch(/formulas: \("total" \| "net" \| "third"/);
    expect(body(await admin.get("/api/meta/objects/deal"), 200).properties.total).toEqual(deal.properties.total);
  });
});

describe("beside other keywords", () => {
  const visit = {
    name: "visit",
    properties: {
      hours: { type: "integer" },
      rate: { type: "integer" },
      cost: formula("integer", "hours * rate"),
      paid: { type: "boolean", requiredWhen: "cost > 100" },
      note: { type: "string", readonlyWhen: "cost > 10" },
      label: { type: "string", defaultFormula: "cost > 50 ? 'dear' : 'cheap'" },
    },
  };

  test("conditions and computed defaults use them, of the record as it was where they ask for that", async () => {
    await define(app, visit);
    const { id, ...made } = body(await admin.post("/api/visits", { hours: 2, rate: 5, note: "a" }), 201);
    expect(made).toMatchObject({ cost: 10, label: "cheap" });
    expect(body(await admin.post("/api/visits", { hours: 20, rate: 5 }), 201)).toMatchObject({
      cost: 100,
      label: "dear",
    });
    problem(await admin.post("/api/visits", { hours: 21, rate: 5 }), 422, "VALIDATION", ["/paid"]);
    problem(await admin.patch(`/api/visits/${id}`, { hours: 21 }), 422, "VALIDATION", ["/paid"]);
    body(await admin.patch(`/api/visits/${id}`, { hours: 3, note: "b" }), 200);
    problem(await admin.patch(`/api/visits/${id}`, { hours: 1, note: "c" }), 422, "VALIDATION", ["/note"]);
    problem(await admin.patch("/api/visits", [{ id, note: "c" }]), 422, "VALIDATION", ["/0/note"]);
    const { changes } = await withChanges(app, () => admin.patch(`/api/visits/${id}`, { hours: 1 }));
    expect(changes.map((c) => c.old?.["hours"])).toEqual([3]);
    const types = { a: { required: ["paid", "cost"] } };
    problem(await admin.put("/api/meta/objects/visit", { ...visit, recordTypes: types }), 422, "DEFINITION", [
      "/recordTypes/a/required/1",
    ]);
    const computed = {
      ...visit,
      properties: { ...visit.properties, cost: { ...visit.properties.cost, requiredWhen: "true" } },
    };
    problem(await admin.put("/api/meta/objects/visit", computed), 422, "DEFINITION", ["/properties/cost/requiredWhen"]);
  });

  test("amounts in several currencies stay apart", async () => {
    const order = {
      name: "trade",
      multiCurrency: true,
      properties: {
        on: { fieldType: "date" },
        price: { fieldType: "currency" },
        cost: { fieldType: "currency" },
        qty: { type: "integer" },
        total: formula("currency", "price * qty"),
        share: formula("number", "total / 3"),
        margin: formula("currency", "total - cost"),
      },
      currencyDate: "on",
    };
    await define(app, order);
    await define(app, {
      name: "part",
      properties: { of: { fieldType: "reference", target: "trade" }, whole: formula("currency", "of.total") },
    });
    const { currency } = (await app.kernel.tenants.snapshot("demo")).settings;
    body(await admin.post("/api/exchange_rates", { currency: "CHF", valid_from: "2026-01-01", rate: 8 }), 201);
    const rows = [
      { on: "2026-02-01", price: 10, qty: 2, price_currency: "CHF", cost: 5, cost_currency: "CHF" },
      { on: "2026-02-01", price: 10, qty: 3, price_currency: currency, cost: 5, cost_currency: "CHF" },
    ];
    const trades = body(await admin.post("/api/trades", rows), 200).data as { id: string; margin: number | null }[];
    expect(trades.map((t) => t.margin)).toEqual([15, null]);
    expect(ids(await admin.get("/api/trades?filter=margin == null"))).toEqual([trades[1]?.id]);
    const made = trades.map((t) => t.id);
    body(
      await admin.post(
        "/api/parts",
        made.map((of) => ({ of })),
      ),
      200,
    );
    const sums = async (path: string) => body(await admin.get(path), 200).data;
    expect(await sums("/api/trades/aggregate?metrics=sum(total),max(total)")).toEqual([
      { sum_total: 190, max_total: 160 },
    ]);
    expect(await sums("/api/parts/aggregate?metrics=sum(whole),sum(of.total)")).toEqual([
      { sum_whole: 190, sum_of_total: 190 },
    ]);
    const apart = "/api/trades/aggregate?group=price_currency&metrics=sum(total)&order=sum_total";
    expect((await sums(apart)).map((g: { sum_total: number }) => g.sum_total)).toEqual([20, 30]);
    body(await admin.post("/api/trades", { on: "2026-02-01", price: 1, qty: 1, price_currency: "SEK" }), 201);
    problem(await admin.get("/api/trades/aggregate?metrics=sum(total)"), 409, "CONFLICT");
  });
});
