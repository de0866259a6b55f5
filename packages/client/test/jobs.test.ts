import { createTestApp, type TestApp } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Client, createClient, GuanxiProblem } from "../src/index.ts";
import { type Line, openLine } from "./http.ts";
import type { DemoObjects } from "./demo.ts";

let app: TestApp;
let line: Line;
let client: Client<DemoObjects>;

beforeAll(async () => {
  app = await createTestApp({ worker: true });
  line = await openLine((request) => app.app.fetch(request));
  client = createClient<DemoObjects>({ url: line.url, key: app.keys["admin"] ?? "" });
});
afterAll(async () => {
  await line?.close();
  await app?.close();
});

const textOf = (stream: ReadableStream<Uint8Array>): Promise<string> => new Response(stream).text();

describe("updateMany", () => {
  test("changes all, and each by its own patch", async () => {
    const { lead } = client.objects;
    const made = await lead.createMany([1, 2].map((i) => ({ last_name: `Many ${i}`, company: "Many" })));
    const changed = await lead.updateMany(made.map(({ id }, i) => ({ id, company: `Changed ${i}` })));
    expect(changed.map(({ company, last_name }) => [company, last_name])).toEqual([
      ["Changed 0", "Many 1"],
      ["Changed 1", "Many 2"],
    ]);
  });

  test("changes none when one cannot be changed, and tells which; alone, the others are", async () => {
    const { lead } = client.objects;
    const [one, two] = await lead.createMany([1, 2].map((i) => ({ last_name: `None ${i}`, company: "None" })));
    if (!one || !two) throw new Error("nothing was made");
    const patches = [
      { id: one.id, company: "Some" },
      { id: two.id, company: "x".repeat(10_000) },
    ];
    const error = await lead.updateMany(patches).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(GuanxiProblem);
    expect(error).toMatchObject({ status: 422, errors: [{ path: "/1/company" }] });
    expect((await lead.get(one.id)).company).toBe("None");
    const rows = await lead.updateMany(patches, { atomic: false });
    expect(rows).toMatchObject([{ id: one.id }, { error: { status: 422 } }]);
    expect((await lead.get(one.id)).company).toBe("Some");
    expect((await lead.get(two.id)).company).toBe("None");
  });

  test("is done once, although its answer is lost", async () => {
    const { lead } = client.objects;
    const made = await lead.create({ last_name: "Once", company: "Once" });
    line.faults("answer lost");
    const [changed] = await lead.updateMany([{ id: made.id, company: "Twice" }]);
    expect(changed).toMatchObject({ company: "Twice", version: made.version + 1 });
  });
});

describe("import", () => {
  test("a text: the job tells its progress, its end and the rejected rows", async () => {
    const job = await client.objects.lead.import("last_name,company\nAda,Imported\n,Nobody\n");
    const states = [];
    for await (const state of job.progress()) states.push(state);
    const end = states.at(-1);
    expect(end).toMatchObject({ id: job.id, object: "lead", status: "finished", total: 2, created: 1, rejected: 1 });
    expect(states.slice(0, -1).filter((state) => state.ended_at !== null)).toEqual([]);
    expect(await client.job(job.id).read()).toEqual(end);
    expect(await textOf(await job.errors())).toMatch(/^last_name,company,import_row,import_error\r\n,Nobody,2,/);
  });

  test("a stream, a Blob and bytes, with a mapping, a key, a format and a character set", async () => {
    const { lead } = client.objects;
    const rows = ["a", "b"].map((id) => JSON.stringify({ external_id: id, last_name: "Row", company: "Rows" }));
    const pieces = new ReadableStream<Uint8Array>({
      async start(controller) {
        for (const row of rows) {
          await new Promise((resolve) => setTimeout(resolve, 20));
          controller.enqueue(new TextEncoder().encode(`${row}\n`));
        }
        controller.close();
      },
    });
    const first = await (await lead.import(pieces, { format: "ndjson" })).ended();
    expect(first).toMatchObject({ status: "finished", created: 2 });
    const mapping = { columns: { Nr: "external_id", Name: "last_name", Company: "company" } };
    const again = new Blob(["Nr,Name,Company\na,Other,Rows\n"]);
    const second = await (await lead.import(again, { mapping, key: "external_id" })).ended();
    expect(second).toMatchObject({ created: 0, updated: 1, rejected: 0 });
    expect((await lead.getBy("external_id", "a")).last_name).toBe("Other");
    // 中 in GB18030.
    const bytes = new Uint8Array([
      ...new TextEncoder().encode("last_name,company\n"),
      0xd6,
      0xd0,
      ...new TextEncoder().encode(",GB\n"),
    ]);
    expect(await (await lead.import(bytes, { charset: "gb18030" })).ended()).toMatchObject({ created: 1 });
    expect((await lead.list({ filter: "company == 'GB'" })).data.map((l) => l.last_name)).toEqual(["中"]);
  });

  test("is refused with every fault, and never sent twice", async () => {
    const before = line.seen.length;
    const error = await client.objects.lead.import("nothing\n1\n").catch((e: unknown) => e);
    expect(error).toBeInstanceOf(GuanxiProblem);
    expect(error).toMatchObject({ status: 422 });
    line.faults("answer lost");
    await expect(client.objects.lead.import("last_name,company\nLost,Lost\n")).rejects.toMatchObject({
      code: "NETWORK",
    });
    const sent = line.seen.slice(before).filter(({ path }) => path.startsWith("/api/import/"));
    expect(sent.map(({ method }) => method)).toEqual(["POST", "POST"]);
  });

  test("ends early when told to", async () => {
    const job = await client.objects.lead.import(`last_name,company\n${"Many,Cancelled\n".repeat(3_000)}`);
    const state = await job.cancel().catch((e: unknown) => e);
    // It may have been quicker.
    if (state instanceof GuanxiProblem) expect(state.status).toBe(409);
    expect(["cancelled", "finished"]).toContain((await job.ended()).status);
    const stop = new AbortController();
    stop.abort(new Error("enough"));
    await expect(job.ended({ signal: stop.signal })).rejects.toThrow("enough");
  });
});

describe("export", () => {
  test("gives what matches, in order, as CSV or NDJSON", async () => {
    const { lead } = client.objects;
    await lead.createMany(["=b", "a"].map((last_name) => ({ last_name, company: "Exported" })));
    const parameters = {
      select: ["last_name", "owner.email"],
      filter: "company == 'Exported'",
      order: ["last_name"],
    } as const;
    const bytes = new Uint8Array(await new Response(await lead.export({ ...parameters, bom: true })).arrayBuffer());
    expect([...bytes.subarray(0, 3)]).toEqual([0xef, 0xbb, 0xbf]);
    expect(await textOf(await lead.export(parameters))).toMatch(
      /^id,last_name,owner\.email\r\n\S+,'=b,\S+@\S+\r\n\S+,a,\S+@\S+\r\n$/,
    );
    const lines = (await textOf(await lead.export({ ...parameters, format: "ndjson" }))).trimEnd().split("\n");
    expect(lines.map((text) => JSON.parse(text).last_name)).toEqual(["=b", "a"]);
  });

  test("a refusal is a problem, and whoever has enough stops it", async () => {
    const { lead } = client.objects;
    await expect(lead.export({ filter: "nothing > 3" })).rejects.toMatchObject({ status: 400, code: "GX-QUERY" });
    const stream = await lead.export();
    const reader = stream.getReader();
    expect((await reader.read()).value?.length).toBeGreaterThan(0);
    await reader.cancel();
    expect((await lead.list({ limit: 1 })).data).toHaveLength(1);
  });
});
