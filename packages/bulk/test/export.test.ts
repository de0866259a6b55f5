import { q } from "@guanxi/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Bench, body, counts, find, load, own, startBench } from "./support.ts";

let bench: Bench;
beforeAll(async () => {
  bench = await startBench();
  const firms = Array.from({ length: 3 }, (_, i) => ({ name: `Firm ${i}`, code: `F${i}` }));
  const made = body(await bench.admin.post("/api/firms", firms), 200).data as { id: string }[];
  for (let page = 0; page < 3; page++) {
    const deals = Array.from({ length: 400 }, (_, i) => ({
      ...{ title: `export ${String(page * 400 + i).padStart(4, "0")}`, external_id: `x${page * 400 + i}` },
      ...{ amount: i / 4, firm: made[i % 4]?.id ?? null },
    }));
    body(await bench.admin.post("/api/deals", deals), 200);
  }
});
afterAll(() => bench.close());

interface Exported {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly code: string | undefined;
}

/** Read by hand, since a client would take the mark off the text and lines for one JSON value. */
async function exported(
  parameters: Record<string, string>,
  headers: Record<string, string> = {},
  plural = "deals",
): Promise<Exported> {
  const response = await bench.app.fetch(
    new Request(`http://guanxi.test/api/export/${plural}${q(parameters)}`, {
      headers: { authorization: `Bearer ${bench.keys["admin"]}`, ...headers },
    }),
  );
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(await response.arrayBuffer());
  const code = response.status === 200 ? undefined : (JSON.parse(text) as { code: string }).code;
  return { status: response.status, headers: response.headers, text, code };
}

test("CSV of more than one page has each record once, in order, with walks as columns", async () => {
  const answer = await exported({
    select: "title,amount,firm.code",
    filter: "title.startsWith('export')",
    order: "-title",
  });
  expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/csv; charset=utf-8; header=present"]);
  expect(answer.headers.get("content-disposition")).toBe('attachment; filename="deals.csv"');
  const [header, ...lines] = answer.text.split("\r\n");
  expect(header).toBe("id,title,amount,firm.code");
  expect(lines.pop()).toBe("");
  expect(lines).toHaveLength(1_200);
  expect(new Set(lines.map((line) => line.split(",")[0])).size).toBe(1_200);
  expect(lines.map((line) => line.split(",")[1])).toEqual(
    Array.from({ length: 1_200 }, (_, i) => `export ${String(1_199 - i).padStart(4, "0")}`),
  );
  expect(lines[0]?.split(",").slice(1)).toEqual(["export 1199", "99.75", ""]);
  expect(lines[1]?.split(",").slice(1)).toEqual(["export 1198", "99.5", "F2"]);
});

test("NDJSON, by parameter or by Accept, is the list's records", async () => {
  const parameters = { select: "title,firm.code", filter: "title < 'export 0003'", order: "title" };
  const answer = await exported(parameters, { accept: "application/x-ndjson" });
  expect(answer.headers.get("content-type")).toBe("application/x-ndjson; charset=utf-8");
  const records = answer.text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(records.map(own)).toEqual(
    ["F0", "F1", "F2"].map((code, i) => ({ title: `export 000${i}`, firm: expect.objectContaining({ code }) })),
  );
  expect((await exported({ ...parameters, format: "ndjson" })).text).toBe(answer.text);
});

test("texts of every kind come back as they were, and a spreadsheet runs none of them", async () => {
  const titles = ['a,"b"\r\nc', "=1+1", "'=2", "+3", "-4", "@x", "茶叶🍵", "'plain"];
  const values = {
    email: null,
    tags: ["red", "blue"],
    extra: { a: "=x" },
    phone: "+8613800138000",
    exact: "0.10",
    share: 0.0000001,
    vip: false,
    notes: '<p>a, "b"<br />\n=c &amp; d</p>',
    mark: 4,
    took: 5400.5,
    site: { street: "=1+1", country: "CN" },
    spot: { lat: 51.05434249999999, lng: -0.0000001 },
  };
  const rows = titles.map((title, i) => ({ title, external_id: `t${i}`, ...values }));
  body(await bench.admin.post("/api/deals", rows), 200);
  const parameters = {
    select: "external_id,title,tags,extra,phone,exact,share,vip,notes,mark,took,site,spot",
    filter: "external_id.startsWith('t')",
    order: "external_id",
  };
  const { text } = await exported({ ...parameters, bom: "true" });
  expect(text.startsWith("\uFEFFid,external_id,title")).toBe(true);
  expect(text).toContain(",'=1+1,");
  expect(text).toContain(",''=2,");
  expect(text).toContain(",+8613800138000,");
  expect(text).toContain(",0.0000001,");
  expect((await exported({ ...parameters, guard: "false" })).text).toContain(",=1+1,");
  const { job, errors } = await load(bench, "deals", text, { mode: "upsert", key: "id" });
  expect(errors).toHaveLength(1);
  expect(counts(job)).toEqual([8, 8, 0, 0, 8, 0]);
  expect((await find(bench, "deals", "external_id.startsWith('t')", "title")).map((d) => d["title"])).toEqual(titles);
  // The parts of values in columns of their own.
  const parts = { ...parameters, select: "site.street,site.country,spot.lat,spot.lng" };
  const columns = (await exported(parts)).text;
  expect(columns.split("\r\n")[0]).toBe("id,site.street,site.country,spot.lat,spot.lng");
  expect(columns).toContain(",'=1+1,CN,51.05434249999999,-0.0000001\r\n");
  expect(counts((await load(bench, "deals", columns, { mode: "upsert", key: "id" })).job)).toEqual([8, 8, 0, 0, 8, 0]);
  const lines = (await exported({ ...parameters, format: "ndjson" })).text;
  expect(counts((await load(bench, "deals", lines, { mode: "upsert", key: "id" })).job)).toEqual([8, 8, 0, 0, 8, 0]);
});

test("columns stand there without records, and everything is exported without parameters", async () => {
  const none = await exported({ filter: "title == 'none'" });
  expect(none.text.split("\r\n")).toHaveLength(2);
  expect(none.text).toMatch(/^id,owner,created_at,.*title,.*firm\r\n$/);
  expect((await exported({ filter: "title == 'none'", format: "ndjson" })).text).toBe("");
  expect((await exported({}, {}, "firms")).text.trimEnd().split("\r\n")).toHaveLength(4);
});

test("a rep exports what they see; wrong requests are answers, not broken files", async () => {
  const rep = bench.as("rep_a1");
  const own = (await rep.get("/api/export/leads?select=owner.email")).text.trimEnd().split("\r\n").slice(1);
  const seen = body(await rep.get("/api/leads?limit=500&count=exact"), 200).count as number;
  expect(own).toHaveLength(seen);
  expect(own.every((line) => line.endsWith("rep_a1@demo.example"))).toBe(true);
  expect((await rep.get("/api/export/deals")).status).toBe(404);
  expect((await exported({ filter: "nothing == 1" })).code).toBe("GX-QUERY");
  expect((await exported({ limit: "5" })).code).toBe("GX-QUERY");
  expect((await exported({ format: "pdf" })).status).toBe(400);
  expect((await exported({}, { accept: "image/png" })).status).toBe(400);
  expect((await exported({}, {}, "nothings")).status).toBe(404);
});
