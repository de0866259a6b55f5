import { createTestApp, withChanges } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Bench, body, counts, ended, find, gb18030, load, own, send, sendBytes, startBench } from "./support.ts";

let bench: Bench;
beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench.close());

describe("a CSV file without a mapping", () => {
  test("has columns named like fields, and rows that become records with events", async () => {
    const file =
      "\uFEFFtitle,amount,count,closed_on,met_at,vip,stage,tags,extra,share\r\n" +
      '"Tea, ""green""\nand more",12.50,7,2026-01-31,2026-01-31T10:00:00+08:00,yes,won,red;blue,"{""a"":[1]}",45%\r\n' +
      " plain ,,,,,,,,,\r\n" +
      ",,,,,,,,,\r\n";
    const { result, changes } = await withChanges(bench, () => load(bench, "deals", file));
    expect(counts(result.job)).toEqual([2, 2, 2, 0, 0, 0]);
    expect(result.errors).toEqual([
      "title,amount,count,closed_on,met_at,vip,stage,tags,extra,share,import_row,import_error",
    ]);
    const select = "title,amount,count,closed_on,met_at,vip,stage,tags,extra,share";
    const [tea, plain] = await find(bench, "deals", "title in ['plain', 'Tea, \"green\"\\nand more']", select);
    expect(own(tea ?? {})).toEqual({
      title: 'Tea, "green"\nand more',
      ...{
        amount: 12.5,
        count: 7,
        closed_on: "2026-01-31",
        met_at: "2026-01-31T02:00:00+00:00",
        vip: true,
        stage: "won",
      },
      ...{ tags: ["red", "blue"], extra: { a: [1] }, share: 45 },
    });
    // Empty cells leave defaults alone.
    expect(plain).toMatchObject({ title: "plain", stage: "new", amount: null });
    expect(changes.filter((c) => c.object === "deal").map((c) => c.op)).toEqual(["create", "create"]);
    const cause = await bench.store.sql<{ job: string }>(
      `SELECT cause ->> 'job' AS job FROM t_demo._change WHERE seq = $1`,
      [changes[0]?.seq],
    );
    expect(cause[0]?.job).toBe(result.job.id);
  });

  test("has columns of parts, which become one value and leave the other parts of a record as they are", async () => {
    const columns = "title,external_id,mark,took,site.city,site.country,spot.lat,spot.lng";
    const file = `${columns}\nparts 1,q1,5,90.5,Ghent,be,51.05,3.7\nparts 2,q2,,,,,,\nparts 3,q3,6,1h,,Belgium,91,x\nparts 4,q4,,,,,5,\n`;
    const { job, errors } = await load(bench, "deals", file);
    expect(counts(job)).toEqual([4, 4, 2, 0, 0, 2]);
    expect(errors.slice(1).map((line) => line.replace(/^.*?,\d,/, ""))).toEqual(
      ['"took: must be number; spot.lng: must be number"', "spot.lng: is required"].map((reason) =>
        expect.stringContaining(reason.replaceAll('"', "")),
      ),
    );
    const select = "title,mark,took,site,spot";
    const found = await find(bench, "deals", "title.startsWith('parts')", select);
    expect(found.map(own)).toEqual([
      { title: "parts 1", mark: 5, took: 90.5, site: { city: "Ghent", country: "BE" }, spot: { lat: 51.05, lng: 3.7 } },
      { title: "parts 2", mark: null, took: null, site: null, spot: null },
    ]);
    const mapping = {
      empty: "clear",
      columns: {
        code: "external_id",
        城市: "site.city",
        国家: { field: "site.country", values: { 比利时: "BE" } },
        纬度: { field: "spot.lat", decimal: "," },
        经度: "spot.lng",
      },
    };
    const upsert = `code,城市,国家,纬度,经度\nq1,,比利时,"1,5",2\nq2,Bruges,XX,,\n`;
    const second = await load(bench, "deals", upsert, { mapping, mode: "upsert", key: "external_id" });
    expect(counts(second.job)).toEqual([2, 2, 0, 1, 0, 1]);
    expect(second.errors[1]).toMatch(/^q2,.*国家: must be a valid country/);
    expect((await find(bench, "deals", "title == 'parts 1'", select)).map(own)).toMatchObject([
      { site: { country: "BE" }, spot: { lat: 1.5, lng: 2 } },
    ]);
    for (const wrong of [
      { a: "site.town" },
      { a: "title.x" },
      { a: "site.city.x" },
      { a: { field: "site.city", times: 10 } },
    ])
      expect((await send(bench, "deals", "a\n1\n", { mapping: { columns: wrong } })).status).toBe(422);
    expect(
      (await send(bench, "deals", "a,b\n1,2\n", { mapping: { columns: { a: "site.city", b: "site.city" } } })).status,
    ).toBe(422);
  });

  test("has lists of ids, which are checked one by one", async () => {
    const firms = body(await bench.admin.post("/api/firms", [{ name: "l1" }, { name: "l2" }]), 200).data as {
      id: string;
    }[];
    const [a, b] = firms.map(({ id }) => id).toSorted();
    const gone = "0198a3f0-1111-7000-8000-000000000001";
    const file = `title,partners\nlists 1,${b}; ${a};${b}\nlists 2,${a};${gone}\nlists 3,${a};x\nlists 4,\n`;
    const { job, errors } = await load(bench, "deals", file);
    expect(counts(job)).toEqual([4, 4, 2, 0, 0, 2]);
    expect(errors.slice(1).map((line) => line.replace(/^.*?,\d,/, ""))).toEqual([
      "partners: no firm with this id",
      "partners/1: must be a valid uuid",
    ]);
    const found = await find(bench, "deals", "title.startsWith('lists')", "title,partners");
    expect(found.map(own)).toEqual([
      { title: "lists 1", partners: [a, b] },
      { title: "lists 4", partners: null },
    ]);
    const { text } = await bench.admin.get("/api/export/deals?select=title,partners&filter=title=='lists 1'");
    expect(text.split("\r\n")[1]?.endsWith(`,lists 1,${a};${b}`)).toBe(true);
    const again = await load(bench, "deals", text, { mode: "upsert", key: "id" });
    expect(counts(again.job)).toEqual([1, 1, 0, 0, 1, 0]);
    expect((await send(bench, "deals", "partners.nothing\nx\n")).status).toBe(422);
  });

  test("reports bad rows by themselves, all faults of each, and imports the others", async () => {
    const rows = Array.from({ length: 1_200 }, (_, i) => `bad rows ${i},${i}`);
    rows[3] = ",-5";
    rows[700] = "much too long ".repeat(9) + ",1e5";
    rows[1_100] = "lonely";
    rows[1_101] = "bad rows,1,2";
    const { job, errors } = await load(bench, "deals", `title,amount\n${rows.join("\n")}\n`);
    expect(counts(job)).toEqual([1_200, 1_200, 1_196, 0, 0, 4]);
    expect(job.status).toBe("finished");
    expect(errors[0]).toBe("title,amount,import_row,import_error");
    expect(errors[1]).toBe(",-5,4,amount: must be at least 0; title: is required");
    expect(errors[2]).toMatch(/,1e5,701,amount: must be number$/);
    expect(errors[3]).toBe("lonely,,1101,has 1 values where the header has 2");
    expect(errors[4]).toBe("bad rows,1,2,1102,has 3 values where the header has 2");
    expect(await find(bench, "deals", "title == 'bad rows 1199'")).toHaveLength(1);
  });

  test("keeps what the database or a rule refuses apart, and the reasons in the caller's language", async () => {
    const file =
      "title,email,stage,amount,firm\n" +
      "a1,same@x.example,new,1,\na2,same@x.example,new,1,\na3,,lost,5,\n" +
      "a4,,new,1,0198a3f0-1111-7000-8000-000000000001\na5,five@x.example,won,1,\n";
    const { job, errors } = await load(bench, "deals", file, { language: "zh-CN" });
    expect(counts(job)).toEqual([5, 5, 2, 0, 0, 3]);
    expect(errors.slice(1)).toEqual([
      "a2,same@x.example,new,1,,2,email: 已被占用",
      "a3,,lost,5,,3,amount: A lost deal has no amount",
      "a4,,new,1,0198a3f0-1111-7000-8000-000000000001,4,firm: 没有此 ID 的 firm",
    ]);
  });

  test("a mended file of rejected rows can be sent again as it is", async () => {
    const { errors } = await load(bench, "deals", "title,amount\nmend me,abc\n");
    const mended = errors.join("\n").replace("abc", "77");
    const { job } = await load(bench, "deals", mended);
    expect(counts(job)).toEqual([1, 1, 1, 0, 0, 0]);
    expect(await find(bench, "deals", "title == 'mend me'", "amount")).toMatchObject([{ amount: 77 }]);
  });

  test("a before-script that refuses some rows costs only these", async () => {
    const script =
      "export default async ({ record, crm }) => { if (record.title.startsWith('refuse')) throw crm.refuse('not this one'); };";
    const workflow = { name: "picky", object: "deal", on: "before_create", when: "title.contains('picky')", script };
    body(await bench.admin.put("/api/meta/workflows/picky", workflow), 201);
    const rows = Array.from({ length: 40 }, (_, i) => `${i % 13 === 5 ? "refuse" : "take"} picky ${i}`);
    const { job, errors } = await load(bench, "deals", `title\n${rows.join("\n")}\n`);
    expect(counts(job)).toEqual([40, 40, 37, 0, 0, 3]);
    expect(errors.slice(1).map((line) => line.split(",")[1])).toEqual(["6", "19", "32"]);
    expect(errors[1]).toContain("not this one");
    body(await bench.admin.delete("/api/meta/workflows/picky"), 204);
  });

  test("of rows that claim one key the first is kept, and what earlier chunks made is there for later ones", async () => {
    const claims = Array.from(
      { length: 1_700 },
      (_, i) => `Claim ${i},${[20, 450, 700, 1_650].includes(i) ? "one" : `c${i}`}`,
    );
    const first = await load(bench, "firms", `name,code\n${claims.join("\n")}\n`);
    expect(counts(first.job)).toEqual([1_700, 1_700, 1_697, 0, 0, 3]);
    expect(first.errors.slice(1).map((line) => line.split(",")[2])).toEqual(["451", "701", "1651"]);
    expect(await find(bench, "firms", "code == 'one'", "name")).toMatchObject([{ name: "Claim 20" }]);
    // 600 rows later is never the same chunk.
    const tree = Array.from({ length: 1_700 }, (_, i) => `Tree ${i},t${i},${i < 600 ? "" : `t${i - 600}`}`);
    const mapping = { columns: { name: "name", code: "code", parent: { field: "parent", lookup: "code" } } };
    const second = await load(bench, "firms", `name,code,parent\n${tree.join("\n")}\n`, { mapping });
    expect(counts(second.job)).toEqual([1_700, 1_700, 1_700, 0, 0, 0]);
    expect(await find(bench, "firms", "code == 't1699'", "name,parent.code")).toMatchObject([
      { parent: { code: "t1099" } },
    ]);
  });
});

describe("files that are refused as a whole, before anything is kept", () => {
  const refusals: readonly [what: string, file: string, status: number, code: string, detail: RegExp][] = [
    ["unknown and read-only columns", "title,nonsense,version\na,b,1\n", 422, "GX-VALIDATION", /nonsense.*version/s],
    ["an empty file", "", 400, "GX-MALFORMED", /empty/],
    ["two columns of a name", "title,title\na,b\n", 400, "GX-MALFORMED", /title/],
    ["an open quote", 'title\n"a\nb\n', 400, "GX-MALFORMED", /quote is not closed/],
    ["a row without end", `title\n"${"x".repeat(1_100_000)}\n`, 400, "GX-MALFORMED", /characters/],
  ];
  test.each(refusals)("%s", async (_what, file, status, code, detail) => {
    const answer = await send(bench, "deals", file);
    expect([answer.status, answer.body.code], answer.text).toEqual([status, code]);
    expect(answer.text).toMatch(detail);
    const left = await bench.store.sql(
      `SELECT FROM t_demo._job WHERE status = 'receiving' UNION ALL SELECT FROM t_demo._job_chunk`,
    );
    expect(left).toHaveLength(0);
  });

  test("other media types, encodings, parameters and mappings", async () => {
    const status = async (file: string, sending: Parameters<typeof send>[3], path = "deals"): Promise<unknown[]> => {
      const { status: code, body: problem } = await send(bench, path, file, sending);
      return [code, problem.code, (problem.errors ?? []).map((e: { path: string }) => e.path)];
    };
    expect(await status("title\na\n", { type: "application/json" })).toEqual([415, "GX-MEDIA_TYPE", []]);
    expect(await status("title\na\n", { type: "text/csv; charset=koi8-r" })).toEqual([415, "GX-MEDIA_TYPE", []]);
    expect(await status("title\na\n", { mapping: "nowhere" })).toEqual([404, "GX-NOT_FOUND", []]);
    expect(await status("title\na\n", { mapping: "{broken" })).toEqual([400, "GX-MALFORMED", []]);
    expect(await status("title\na\n", { mode: "upsert" })).toEqual([422, "GX-DEFINITION", ["/key"]]);
    expect(await status("title\na\n", { key: "title" })).toEqual([422, "GX-DEFINITION", ["/key"]]);
    expect(await status("title\na\n", {}, "nothings")).toEqual([404, "GX-NOT_FOUND", []]);
    const answer = await bench.admin.post("/api/import/deals?colour=red", "title\n", { "content-type": "text/csv" });
    expect([answer.status, answer.body.code]).toEqual([400, "GX-QUERY"]);
  });
});

describe("a mapping", () => {
  const mapping = {
    object: "deal",
    encoding: "gb18030",
    delimiter: ";",
    decimal: ",",
    thousands: ".",
    dateFormat: ["M/D/YYYY", "YYYY年M月D日"],
    nulls: ["", "N/A"],
    columns: {
      名称: "title",
      金额: "amount",
      日期: "closed_on",
      会面: { field: "met_at", format: "D MMM YYYY h:mm A", timeZone: "America/New_York" },
      阶段: { field: "stage", values: { 赢单: "won", "": "lost" } },
      公司: "firm.code",
      负责人: { field: "owner", lookup: "email" },
      标签: { field: "tags", separator: "|" },
      备注: null,
    },
    constants: { vip: true },
  };

  test("makes several fields of one column, and units of millions", async () => {
    const several = {
      columns: {
        code: ["external_id", { field: "title", values: { "S-1": "one" } }],
        millions: [
          { field: "amount", times: 1_000_000 },
          { field: "exact", times: 10_000 },
        ],
      },
    };
    const file = "code,millions\nS-1,1.10004\nS-2,0.000001\nS-3,much\n";
    const { job, errors } = await load(bench, "deals", file, { mapping: several, key: "external_id" });
    expect(counts(job)).toEqual([3, 3, 2, 0, 0, 1]);
    expect(errors[1]).toBe("S-3,much,3,millions: must be number");
    const lines = '{"code":"S-4","millions":2.5}\n{"code":"S-5","millions":"0.3"}\n';
    expect(counts((await load(bench, "deals", lines, { mapping: several })).job)).toEqual([2, 2, 2, 0, 0, 0]);
    const found = await find(bench, "deals", "external_id.startsWith('S-')", "external_id,title,amount,exact");
    expect(
      found.map(({ external_id, title, amount, exact }) => [external_id, title, amount, exact]).toSorted(),
    ).toEqual([
      ["S-1", "one", 1_100_040, "11000.40"],
      ["S-2", "S-2", 1, "0.01"],
      ["S-4", "S-4", 2_500_000, "25000.00"],
      ["S-5", "S-5", 300_000, "3000.00"],
    ]);
    const faults = async (columns: object): Promise<string[]> =>
      (await send(bench, "deals", file, { mapping: { columns } })).body.errors.map((e: { path: string }) => e.path);
    expect(await faults({ code: ["title", "title"], millions: null })).toEqual(["/columns/code/1"]);
    expect(await faults({ code: [], millions: { field: "title", times: 10 } })).toEqual(["/columns/code"]);
    expect(await faults({ code: null, millions: { field: "title", times: 10 } })).toEqual(["/columns/millions"]);
    expect(await faults({ code: ["title", null], millions: { field: "amount", times: 7 } })).toEqual([
      "/columns/code/1",
      "/columns/millions/times",
    ]);
  });

  test("maps each entry of a list, unless the whole cell becomes one", async () => {
    const values = { 红: "red", 蓝: "blue", 无: null, 全部: ["red", "blue"] };
    const lists = { columns: { code: ["external_id", "title"], 标签: { field: "tags", separator: "、", values } } };
    const file = "code,标签\nT-1,红\nT-2,蓝、无、red\nT-3,全部\nT-4,无\nT-5,红、紫\n";
    const { job, errors } = await load(bench, "deals", file, { mapping: lists });
    expect(counts(job)).toEqual([5, 5, 4, 0, 0, 1]);
    expect(errors[1]).toMatch(/^T-5,红、紫,5,.*标签\/1: must be one of/);
    const lines = '{"code":"T-6","标签":["蓝","red"]}\n{"code":"T-7","标签":"红、蓝"}\n';
    expect(counts((await load(bench, "deals", lines, { mapping: lists })).job)).toEqual([2, 2, 2, 0, 0, 0]);
    const found = await find(bench, "deals", "external_id.startsWith('T-')", "external_id,tags");
    expect(Object.fromEntries(found.map(({ external_id, tags }) => [external_id, tags]))).toEqual({
      ...{ "T-1": ["red"], "T-2": ["red", "blue"], "T-3": ["red", "blue"], "T-4": null },
      ...{ "T-6": ["red", "blue"], "T-7": ["red", "blue"] },
    });
  });

  test("finds each entry of a list by its key, and names the entry that it does not find", async () => {
    const made = body(
      await bench.admin.post("/api/firms", [
        { name: "Key", code: "K-1" },
        { name: "Lock", code: "K-2" },
        { name: "Pair" },
        { name: "Pair" },
      ]),
      200,
    ).data as { id: string }[];
    const [one = "", two = ""] = made.map(({ id }) => id);
    const plain = await load(bench, "deals", "title,partners.code\nlk 1,K-2; K-1;K-2\nlk 2,\nlk 3,K-1;K-9;K-2\n");
    expect(counts(plain.job)).toEqual([3, 3, 2, 0, 0, 1]);
    expect(plain.errors[1]).toBe('lk 3,K-1;K-9;K-2,3,"partners/1: no firm with code ""K-9"""');
    const values = { 一: "K-1", 无: null, 都: ["K-1", "K-2"] };
    const columns = { T: "title", P: { field: "partners", lookup: "code", separator: "、", values } };
    const file = "T,P\nlk 4,一、无、K-2\nlk 5,都\nlk 6,无\n";
    expect(counts((await load(bench, "deals", file, { mapping: { columns } })).job)).toEqual([3, 3, 3, 0, 0, 0]);
    const lines =
      '{"T":"lk 7","P":["K-2","一"]}\n{"T":"lk 8","P":"K-1、K-2"}\n{"T":"lk 9","P":["K-1",7]}\n{"T":"lk 0","P":[]}\n';
    const ndjson = await load(bench, "deals", lines, { mapping: { columns } });
    expect(counts(ndjson.job)).toEqual([4, 4, 3, 0, 0, 1]);
    expect(ndjson.errors[1]).toContain('P/1: no firm with code ""7""');
    const both = [one, two].toSorted();
    const found = await find(bench, "deals", "title.startsWith('lk ')", "title,partners");
    expect(Object.fromEntries(found.map(({ title, partners }) => [title, partners]))).toEqual({
      ...{ "lk 1": both, "lk 2": null, "lk 4": both, "lk 5": both, "lk 6": null },
      ...{ "lk 7": both, "lk 8": both, "lk 0": [] },
    });
    const twins = await load(bench, "deals", "title,partners.name\nlk,Key;Pair\n");
    expect(twins.errors[1]).toContain('partners/1: more than one firm with name ""Pair""');
    const many = Array.from({ length: 1_001 }, (_, i) => `M-${i}`).join(";");
    const long = await load(bench, "deals", `title,partners.code\nlk,${many}\n`);
    expect(long.errors[1]).toMatch(/,1,partners: must have at most 1000 entries/);
  });

  test("has units of durations, of which no part is lost", async () => {
    const took = (unit: string) => ({ columns: { t: "title", d: { field: "took", unit } } });
    const hours = await load(bench, "deals", "t,d\nd 1,1.5\nd 2,0.3333333\nd 3,1e2\n", { mapping: took("hours") });
    expect(counts(hours.job)).toEqual([3, 3, 1, 0, 0, 2]);
    expect(hours.errors[2]).toMatch(/^d 3,1e2,3,d: must be number$/);
    await load(bench, "deals", '{"t":"d 4","d":2}\n{"t":"d 5","d":"0.5"}\n', { mapping: took("days") });
    await load(bench, "deals", "t,d\nd 6,90\n", { mapping: took("minutes") });
    await load(bench, "deals", "t,d\nd 7,90\n", { mapping: took("seconds") });
    const found = await find(bench, "deals", "title.startsWith('d ')", "title,took");
    expect(Object.fromEntries(found.map(({ title, took: seconds }) => [title, seconds]))).toEqual({
      ...{ "d 1": 5_400, "d 4": 172_800, "d 5": 43_200, "d 6": 5_400, "d 7": 90 },
    });
    const wrong = {
      columns: { t: "title", a: { field: "amount", unit: "hours" }, d: { field: "took", unit: "weeks" } },
    };
    expect((await send(bench, "deals", "t\nx\n", { mapping: wrong })).status).toBe(422);
    const amount = { columns: { t: "title", a: { field: "amount", unit: "hours" } } };
    const refused = body(await send(bench, "deals", "t,a\nx,1\n", { mapping: amount }), 422);
    expect(refused.errors).toMatchObject([{ path: "/columns/a", message: "only durations have a unit" }]);
  });

  test("constants fill parts of an address, and say which object a reference leads to", async () => {
    const about = { fieldType: "reference", target: ["firm", "deal"] };
    const note = {
      name: "memo",
      plural: "memos",
      properties: { text: { type: "string" }, about, site: { fieldType: "address" } },
    };
    body(await bench.admin.put("/api/meta/objects/memo", note), 201);
    const { id } = body(await bench.admin.post("/api/firms", { name: "About", code: "AB" }), 201);
    const columns = { t: "text", id: "about.id", city: "site.city" };
    const constants = { "about.object": "firm", "site.country": "CN" };
    const mapping = { mode: "upsert", key: "id", columns: { ...columns, rec: "id" }, constants };
    const file = `t,id,city,rec\nm 1,${id},上海,\nm 2,,,\n`;
    const { job, errors } = await load(bench, "memos", file, { mapping });
    expect([counts(job), errors.slice(1)]).toEqual([[2, 2, 2, 0, 0, 0], []]);
    const first = await find(bench, "memos", "text.startsWith('m ')", "id,text,about,site");
    expect(first.map(own)).toMatchObject([
      { text: "m 1", about: { object: "firm", id }, site: { city: "上海", country: "CN" } },
      { text: "m 2", about: null, site: { country: "CN" } },
    ]);
    const cleared = { ...mapping, empty: "clear" };
    await load(bench, "memos", `t,id,city,rec\nm 1,,北京,${String(first[0]?.["id"])}\n`, { mapping: cleared });
    expect((await find(bench, "memos", "text == 'm 1'", "about,site")).map(own)).toMatchObject([
      { about: null, site: { city: "北京", country: "CN" } },
    ]);
    const faults = async (more: object): Promise<unknown> => {
      const answer = await send(bench, "memos", "t\nx\n", { mapping: { columns: { t: "text" }, ...more } });
      return body(answer, 422).errors.map(({ path }: { path: string }) => path);
    };
    const wrong = { "site.planet": 1, "about.firm.code": "AB", "about.lead": id, "text.x": 1, "created_by.email": "x" };
    expect(await faults({ constants: wrong })).toEqual(Object.keys(wrong).map((name) => `/constants/${name}`));
    expect(await faults({ columns: { t: "site" }, constants: { "site.country": "CN" } })).toEqual([
      "/constants/site.country",
    ]);
    expect(await faults({ columns: { t: "site.city" }, constants: { "site.city": "x" } })).toEqual([
      "/constants/site.city",
    ]);
    const matched = { constants: { "site.country": "CN" }, unmapped: "match" };
    const whole = await send(bench, "memos", "text,site\nx,{}\n", { mapping: matched });
    expect(body(whole, 422).errors.map(({ path }: { path: string }) => path)).toEqual(["/site"]);
  });

  test("covers encodings, dates, numbers, values, lookups and constants, stored under a name", async () => {
    body(
      await bench.admin.post("/api/firms", [
        { name: "Alpha", code: "A-1" },
        { name: "Beta", code: "B/2" },
      ]),
      200,
    );
    const stored = body(await bench.admin.put("/api/meta/mappings/wechat", mapping), 201);
    expect(stored).toEqual({ ...mapping, name: "wechat" });
    const file = [
      "名称;金额;日期;会面;阶段;公司;负责人;标签;备注",
      "茶叶;1.234,50;1/31/2026;4 Jul 2026 9:30 PM;赢单;A-1;rep_a1@demo.example;red|blue;x",
      "丝绸;N/A;2026年2月3日;;;B/2;;;",
      "瓷器;1;2/30/2026;;new;C-3;nobody@demo.example;;",
    ].join("\r\n");
    const { status, body: accepted } = await sendBytes(bench, "deals", gb18030(file), { mapping: "wechat" });
    expect(status, JSON.stringify(accepted)).toBe(202);
    const { job, errors } = await settled(accepted.id);
    expect(counts(job)).toEqual([3, 3, 2, 0, 0, 1]);
    expect(errors[1]).toBe("瓷器;1;2/30/2026;;new;C-3;nobody@demo.example;;;3;日期: must be a valid date");
    const found = await find(
      bench,
      "deals",
      "title in ['茶叶', '丝绸']",
      "title,amount,closed_on,met_at,stage,firm.code,owner.email,tags,vip",
    );
    const flat = found.map(({ firm, owner, ...rest }) => ({
      ...own(rest),
      firm: (firm as { code: string }).code,
      owner: (owner as { email: string }).email,
    }));
    expect(flat).toEqual([
      {
        ...{
          title: "茶叶",
          amount: 1234.5,
          closed_on: "2026-01-31",
          met_at: "2026-07-05T01:30:00+00:00",
          stage: "won",
        },
        ...{ firm: "A-1", owner: "rep_a1@demo.example", tags: ["red", "blue"], vip: true },
      },
      {
        ...{ title: "丝绸", amount: null, closed_on: "2026-02-03", met_at: null, stage: "lost" },
        ...{ firm: "B/2", owner: "admin@demo.example", tags: null, vip: true },
      },
    ]);
  });

  test("a key that finds nothing, or several, is a reason with the key in it", async () => {
    body(await bench.admin.post("/api/firms", [{ name: "Twin" }, { name: "Twin" }, { name: "One", number: 41 }]), 200);
    const columns = { t: "title", f: { field: "firm", lookup: "name" } };
    const { errors } = await load(bench, "deals", "t,f\nb1,Twin\nb2,Nowhere\nb3,One\n", { mapping: { columns } });
    expect(errors.slice(1)).toEqual([
      'b1,Twin,1,"f: more than one firm with name ""Twin"""',
      'b2,Nowhere,2,"f: no firm with name ""Nowhere"""',
    ]);
    const byNumber = await load(bench, "deals", "title,firm.number\nb4,41\nb5,42\nb6,x\n");
    expect(counts(byNumber.job)).toEqual([3, 3, 1, 0, 0, 2]);
    expect(await find(bench, "deals", "firm.number == 41", "title")).toHaveLength(2);
  });

  test("what it leaves out, matches and misses", async () => {
    const columns = { T: "title", Skip: null };
    const file = "T,Skip,amount,Other\nm1,x,5,y\n";
    const paths = async (unmapped?: string): Promise<unknown> => {
      const answer = await send(bench, "deals", file, { mapping: { columns, ...(unmapped ? { unmapped } : {}) } });
      return (answer.body.errors ?? []).map((e: { path: string }) => e.path);
    };
    expect(await paths()).toEqual(["/amount", "/Other"]);
    expect(await paths("match")).toEqual(["/Other"]);
    const { job } = await load(bench, "deals", file, { mapping: { columns, unmapped: "ignore" } });
    expect(counts(job)).toEqual([1, 1, 1, 0, 0, 0]);
    expect(await find(bench, "deals", "title == 'm1'", "amount")).toMatchObject([{ amount: null }]);
    const missing = await send(bench, "deals", "T\nx\n", { mapping: { columns: { T: "title", Gone: "amount" } } });
    expect([missing.status, missing.body.errors[0].path]).toEqual([422, "/Gone"]);
  });

  test("every fault of a mapping is told at its place", async () => {
    const bad = {
      object: "deal",
      colour: 1,
      columns: { a: { field: "title", lokup: "x" } },
    };
    const shape = await bench.admin.put("/api/meta/mappings/bad", bad);
    expect([shape.status, shape.body.errors.map((e: { path: string }) => e.path).sort()]).toEqual([
      422,
      ["/colour", "/columns/a/lokup"],
    ]);
    const names = {
      object: "deal",
      mode: "upsert",
      key: "title",
      columns: {
        a: "nothing",
        b: "version",
        "c/d": "firm.nothing",
        e: "title.name",
        f: "title",
        g: "title",
        h: { field: "closed_on", format: "MM-DD" },
      },
      constants: { stage2: 1, created_at: "x", title: "t" },
      timeZone: "Mars/Base",
    };
    const answer = await bench.admin.put("/api/meta/mappings/bad", names);
    expect([...new Set(answer.body.errors.map((e: { path: string }) => e.path))].sort()).toEqual(
      [
        ...["/columns/a", "/columns/b", "/columns/c~1d", "/columns/e", "/columns/f", "/columns/g", "/columns/h"],
        ...["/constants/created_at", "/constants/stage2", "/constants/title", "/key", "/timeZone"],
      ].sort(),
    );
    expect((await bench.admin.get("/api/meta/mappings/bad")).status).toBe(404);
    expect((await bench.as("rep_a1").put("/api/meta/mappings/mine", { object: "lead", columns: {} })).status).toBe(403);
    body(await bench.admin.put("/api/meta/mappings/gone", { object: "deal" }), 201);
    expect(body(await bench.admin.get("/api/meta/mappings"), 200).data.map((m: { name: string }) => m.name)).toContain(
      "gone",
    );
    body(await bench.admin.delete("/api/meta/mappings/gone"), 204);
  });

  test("bytes that are not in the encoding are refused", async () => {
    const { status, body: problem } = await sendBytes(bench, "deals", gb18030("title\n茶叶\n"));
    expect([status, problem.code]).toEqual([400, "GX-MALFORMED"]);
  });
});

describe("upsert", () => {
  test("by a key: new rows are created, others change what differs, and a second time changes nothing", async () => {
    const file = "external_id,title,amount\nu1,first,1\nu2,second,2\nu1,first again,\n";
    const once = await load(bench, "deals", file, { mode: "upsert", key: "external_id" });
    expect(counts(once.job)).toEqual([3, 3, 2, 1, 0, 0]);
    expect(await find(bench, "deals", "external_id in ['u1', 'u2']", "title,amount")).toMatchObject([
      { title: "first again", amount: 1 },
      { title: "second", amount: 2 },
    ]);
    const last = file.replace("u1,first,1\n", "");
    const { result, changes } = await withChanges(bench, () =>
      load(bench, "deals", last, { mode: "upsert", key: "external_id" }),
    );
    expect(counts(result.job)).toEqual([2, 2, 0, 0, 2, 0]);
    expect(changes).toEqual([]);
  });

  test("empty cells clear only where the mapping says so", async () => {
    await load(bench, "deals", "external_id,title,amount\nc1,clear,9\n", { key: "external_id" });
    await load(bench, "deals", "external_id,title,amount\nc1,clear,\n", { key: "external_id" });
    expect(await find(bench, "deals", "external_id == 'c1'", "amount")).toMatchObject([{ amount: 9 }]);
    const { job } = await load(bench, "deals", "external_id,title,amount\nc1,clear,\n", {
      mapping: { empty: "clear", key: "external_id" },
    });
    expect(counts(job)).toEqual([1, 1, 0, 1, 0, 0]);
    expect(await find(bench, "deals", "external_id == 'c1'", "amount")).toMatchObject([{ amount: null }]);
  });

  test("by id: what an export gave comes back; rows without an id are new, with a wrong one refused", async () => {
    await load(bench, "deals", "title,amount\nround 1,1\nround 2,2\n");
    const filter = "title.startsWith('round')";
    const exported = (
      await bench.admin.get(
        `/api/export/deals?${new URLSearchParams({ select: "id,title,amount", filter, order: "title" })}`,
      )
    ).text;
    const changed = `${exported.replace("round 2,2", "round 2,22")},round 3,3\r\n0198a3f0-1111-7000-8000-000000000001,round 4,4\r\nx,round 5,5\r\n`;
    const { job, errors } = await load(bench, "deals", changed, { mode: "upsert", key: "id" });
    expect(counts(job)).toEqual([5, 5, 1, 1, 1, 2]);
    expect(errors.slice(1).map((line) => line.split(",")[1])).toEqual(["round 4", "round 5"]);
    expect((await find(bench, "deals", filter, "amount")).map((d) => d["amount"])).toEqual([1, 22, 3]);
  });

  test("a bad row among updates and creates takes nothing else with it", async () => {
    await load(bench, "deals", "external_id,email,title\ne1,e1@x.example,t\ne2,e2@x.example,t\n");
    // e2 takes an address that e9, a new row of the same file, has too: only together do they clash.
    const file = "external_id,email,title\ne9,e9@x.example,t\ne2,e9@x.example,t\ne1,e1@x.example,changed\ne3,,\n";
    const { job, errors } = await load(bench, "deals", file, { mode: "upsert", key: "external_id" });
    expect(counts(job)).toEqual([4, 4, 1, 1, 0, 2]);
    expect(errors.slice(1).map((line) => line.split(",")[0])).toEqual(["e2", "e3"]);
    expect(await find(bench, "deals", "external_id in ['e1','e2','e3','e9']", "external_id,email,title")).toMatchObject(
      [
        { external_id: "e1", title: "changed" },
        { external_id: "e2", email: "e2@x.example" },
        { external_id: "e9", email: "e9@x.example" },
      ],
    );
  });
});

describe("NDJSON", () => {
  test("rows are objects as a request would send them; a bad line is one rejected row", async () => {
    const file = [
      '{"title":"n1","amount":1.5,"tags":["red"],"extra":{"deep":[1,{}]},"exact":"12345678901234567890.10"}',
      "",
      '{"title":"n2","vip":"yes"}',
      "not json",
      "[1]",
      '{"title":" n3 ","amount":0.12345678901234567}',
      `{"title":"deep","extra":${"[".repeat(150)}${"]".repeat(150)}}`,
      '{"title":"n4","unknown":1}',
      '{"title":"n\\u0000"}',
      '{"title":"n5","amount":null}',
    ].join("\n");
    const { job, errors } = await load(bench, "deals", file);
    expect(counts(job)).toEqual([9, 9, 2, 0, 0, 7]);
    expect(errors[0]).toBe("record,import_row,import_error");
    expect(errors.slice(1).map((line) => line.replace(/^.*,(\d),"?/, "$1 "))).toEqual([
      "2 vip: must be boolean",
      "3 is not valid JSON",
      "4 must be object",
      expect.stringContaining("5 amount: has more digits"),
      "6 is nested deeper than 100 levels",
      expect.stringContaining("7 unknown: there is no field"),
      "8 title: must not contain NUL characters or lone surrogates",
    ]);
    expect(await find(bench, "deals", "title in ['n1', 'n5']", "title,exact,tags")).toMatchObject([
      { title: "n1", exact: "12345678901234567890.10", tags: ["red"] },
      { title: "n5" },
    ]);
  });

  test("a mapping reads its texts like cells", async () => {
    const mapping = {
      columns: {
        t: "title",
        d: { field: "closed_on", format: "M/D/YYYY" },
        s: { field: "stage", values: { "1": "won" } },
        o: "owner.email",
      },
    };
    const { job } = await load(bench, "deals", '{"t":"mapped line","d":"3/4/2026","s":1,"o":"rep_b1@demo.example"}\n', {
      mapping,
    });
    expect(counts(job)).toEqual([1, 1, 1, 0, 0, 0]);
    const [deal] = await find(bench, "deals", "title == 'mapped line'", "closed_on,stage,owner.email");
    expect(deal).toMatchObject({ closed_on: "2026-03-04", stage: "won", owner: { email: "rep_b1@demo.example" } });
  });
});

describe("access", () => {
  test("a rep imports records of their own, sees own jobs only, and needs the right to create", async () => {
    const rep = bench.as("rep_a1");
    const accepted = body(await send(bench, "leads", "last_name,company\nRep,Import\n", { api: rep }), 202);
    await settled(accepted.id);
    const [lead] = await find(bench, "leads", "company == 'Import'", "owner.email,created_by");
    expect(lead).toMatchObject({ owner: { email: "rep_a1@demo.example" } });
    expect((await rep.get(`/api/jobs/${accepted.id}`)).status).toBe(200);
    for (const path of ["", "/errors"])
      expect((await bench.as("rep_b1").get(`/api/jobs/${accepted.id}${path}`)).status).toBe(404);
    expect((await bench.as("rep_b1").post(`/api/jobs/${accepted.id}/cancel`)).status).toBe(404);
    expect(body(await bench.as("rep_b1").get("/api/jobs"), 200).data).toEqual([]);
    expect(body(await rep.get("/api/jobs"), 200).data).toHaveLength(1);
    // A rep reads products, and may not create them; of deals they know nothing.
    expect((await send(bench, "products", "name\nX\n", { api: rep })).status).toBe(403);
    expect((await send(bench, "deals", "title\nX\n", { api: rep })).status).toBe(404);
    expect((await bench.as(undefined).post("/api/import/leads", "x", { "content-type": "text/csv" })).status).toBe(401);
  });

  test("a rep's upsert cannot reach another's record", async () => {
    await load(bench, "leads", "last_name,company,external_id\nHidden,Upsert,hidden-1\n");
    const { job, errors } = await load(bench, "leads", "last_name,company,external_id\nTaken,Over,hidden-1\n", {
      ...{ api: bench.as("rep_b2"), mode: "upsert", key: "external_id" },
    });
    expect(counts(job)).toEqual([1, 1, 0, 0, 0, 1]);
    expect(errors[1]).toBe("Taken,Over,hidden-1,1,external_id: is already taken");
    expect(await find(bench, "leads", "external_id == 'hidden-1'", "last_name")).toMatchObject([
      { last_name: "Hidden" },
    ]);
  });

  test("another tenant's jobs and mappings are not there", async () => {
    const made = await bench.as("operator").post("/platform/tenants", {
      id: "other",
      name: "Other",
      admin: { email: "a@other.example" },
      plugins: ["sales"],
    });
    const other = bench.as(body(made, 201).admin.key);
    const { job } = await load(bench, "deals", "title\ntheirs\n");
    body(await bench.admin.put("/api/meta/mappings/theirs", { object: "lead", columns: { a: "company" } }), 201);
    for (const path of [
      `/api/jobs/${job.id}`,
      `/api/jobs/${job.id}/errors`,
      "/api/meta/mappings/theirs",
      "/api/jobs/nonsense",
    ])
      expect((await other.get(path)).status, path).toBe(404);
    expect((await other.post(`/api/jobs/${job.id}/cancel`)).status).toBe(404);
    expect((await send(bench, "leads", "a\nx\n", { api: other, mapping: "theirs" })).status).toBe(404);
    expect(body(await other.get("/api/jobs"), 200).data).toEqual([]);
  });

  test("jobs are listed newest first, page by page", async () => {
    const seen: string[] = [];
    let cursor = "";
    do {
      const page = body(await bench.admin.get(`/api/jobs?status=finished&limit=3${cursor}`), 200);
      seen.push(...page.data.map((j: { created_at: string }) => j.created_at));
      cursor = page.next === null ? "" : `&cursor=${page.next}`;
    } while (cursor !== "");
    expect(seen.length).toBeGreaterThan(6);
    expect(seen).toEqual(seen.toSorted().reverse());
    expect((await bench.admin.get("/api/jobs?cursor=zzz")).status).toBe(400);
  });
});

describe("a job without a worker", () => {
  test("waits, can be cancelled, and never begins then", async () => {
    const app = await createTestApp({ worker: false });
    const idle = { ...app, admin: app.as("admin") };
    const rows = Array.from({ length: 1_300 }, (_, i) => `L${i},Cancelled`).join("\n");
    const first = body(await send(idle, "leads", `last_name,company\n${rows}\n`), 202);
    expect(first).toMatchObject({ status: "queued", total: 1_300, processed: 0 });
    const cancelled = body(await idle.admin.post(`/api/jobs/${first.id}/cancel`), 200);
    expect(cancelled).toMatchObject({ status: "cancelled", created: 0 });
    expect((await idle.admin.post(`/api/jobs/${first.id}/cancel`)).status).toBe(409);
    expect(await app.store.sql("SELECT FROM t_demo._job_chunk")).toHaveLength(0);
    // A worker that starts later takes the job that waits, and not the cancelled one.
    const second = body(await send(idle, "leads", "last_name,company\nLate,Start\n"), 202);
    const worker = await createTestApp({ worker: true, on: app });
    const { job } = await settled(second.id, idle);
    expect(counts(job)).toEqual([1, 1, 1, 0, 0, 0]);
    expect(await find(idle, "leads", "company == 'Cancelled'")).toEqual([]);
    await worker.close();
    await app.close();
  });

  test("fails as a whole when its object is gone, or its owner may no longer do it", async () => {
    const app = await createTestApp({ worker: false });
    const idle = { ...app, admin: app.as("admin") };
    const note = { name: "note", plural: "notes", type: "object", properties: { name: { type: "string" } } };
    body(await idle.admin.put("/api/meta/objects/note", note), 201);
    const orphan = body(await send(idle, "notes", "name\na\n"), 202);
    const lost = body(await send(idle, "leads", "last_name,company\nNo,Right\n", { api: idle.as("rep_a1") }), 202);
    body(await idle.admin.delete("/api/meta/objects/note?allow=drop:note"), 204);
    const [held] = await find(idle, "user_roles", "assignee.email == 'rep_a1@demo.example'");
    body(await idle.admin.delete(`/api/user_roles/${String(held?.["id"])}`), 204);
    const worker = await createTestApp({ worker: true, on: app });
    expect((await settled(orphan.id, idle)).job).toMatchObject({
      status: "failed",
      error: { code: "GX-NOT_FOUND" },
      object: null,
    });
    expect((await settled(lost.id, idle)).job).toMatchObject({
      status: "failed",
      error: { code: "GX-FORBIDDEN" },
      created: 0,
    });
    expect(await app.store.sql("SELECT FROM t_demo._job_chunk")).toHaveLength(0);
    await worker.close();
    await app.close();
  });
});

async function settled(id: string, on: Bench = bench): Promise<Awaited<ReturnType<typeof load>>> {
  const job = await ended(on, id);
  const errors = await on.admin.get(`/api/jobs/${id}/errors`);
  return { job, errors: errors.text.split("\r\n").filter((line) => line !== "") };
}
