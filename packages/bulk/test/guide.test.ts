import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Bench, body, counts, ended, find, gb18030, load, sendBytes, startBench } from "./support.ts";

/** The files that the guide has its reader write. */
const guide = readFileSync(new URL("../../../docs/guide/import-export.md", import.meta.url), "utf8");
const printed = /printf '([^']+)' > leads\.csv/.exec(guide)?.[1]?.replaceAll("\\n", "\n") ?? "";
const mapping = /cat > deals\.json <<'JSON'\n([^]+?)\nJSON\n/.exec(guide)?.[1] ?? "";

let bench: Bench;
beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench.close());

test("the guide's first file gives the job that the guide shows", async () => {
  const { job, errors } = await load(bench, "leads", printed);
  expect(counts(job)).toEqual([2, 2, 1, 0, 0, 1]);
  expect(errors[1]).toBe(",Nobody,,2,last_name: is required");
  const shown = JSON.parse(/```json\n([^]+?)```/.exec(guide)?.[1] ?? "") as Record<string, unknown>;
  expect(Object.keys(job)).toEqual(Object.keys(shown));
  expect(job).toMatchObject({
    ...shown,
    id: job.id,
    created_by: expect.any(String),
    created_at: expect.any(String),
    started_at: expect.any(String),
    ended_at: job.ended_at,
  });
});

test("the guide's mapping is stored and reads the file it is for", async () => {
  body(await bench.admin.put("/api/meta/mappings/deals", mapping), 201);
  body(await bench.admin.post("/api/accounts", { name: "Lanyan", external_id: "A-7" }), 201);
  const file =
    'Deal ID,商机,金额,Close Date,阶段,客户,负责人,备注\nD-1,茶叶,"1.200,50",1/31/2026,赢单,A-7,rep_b2@demo.example,x\nD-2,瓷器,N/A,2026年12月1日,,A-7,,\n';
  const { status, body: job } = await sendBytes(bench, "opportunities", gb18030(file), { mapping: "deals" });
  expect(status, JSON.stringify(job)).toBe(202);
  expect(counts(await ended(bench, job.id))).toEqual([2, 2, 2, 0, 0, 0]);
  const deals = await find(
    bench,
    "opportunities",
    "external_id in ['D-1', 'D-2']",
    "name,amount,close_date,stage,account.name,owner.email",
  );
  expect(deals).toMatchObject([
    {
      name: "茶叶",
      amount: 1200.5,
      close_date: "2026-01-31",
      stage: "won",
      account: { name: "Lanyan" },
      owner: { email: "rep_b2@demo.example" },
    },
    {
      name: "瓷器",
      amount: null,
      close_date: "2026-12-01",
      stage: "prospecting",
      account: { name: "Lanyan" },
      owner: { email: "admin@demo.example" },
    },
  ]);
});
