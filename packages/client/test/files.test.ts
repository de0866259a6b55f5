import { createTestApp, type TestApp } from "@guanxi/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Client, createClient, GuanxiProblem } from "../src/index.ts";
import type { DemoObjects } from "./demo.ts";
import { type Line, openLine } from "./http.ts";

let app: TestApp;
let line: Line;
let client: Client<DemoObjects>;

beforeAll(async () => {
  app = await createTestApp();
  line = await openLine((request) => app.app.fetch(request));
  client = createClient<DemoObjects>({ url: line.url, key: app.keys["rep_a1"] ?? "" });
});
afterAll(async () => {
  await line?.close();
  await app?.close();
});

const textOf = (stream: ReadableStream<Uint8Array>): Promise<string> => new Response(stream).text();

test("a file goes up and comes down, whole or in part", async () => {
  const file = await client.upload(new Blob(["a,b\n关,系\n"], { type: "text/csv" }), { name: "客户 1.csv" });
  expect(file).toMatchObject({ name: "客户 1.csv", content_type: "text/csv", size: 12, version: 1 });
  expect(await textOf(await client.download(file.id))).toBe("a,b\n关,系\n");
  expect(await textOf(await client.download(file.id, { range: { first: 4 } }))).toBe("关,系\n");
  expect(await textOf(await client.download(file.id, { range: { first: 0, last: 2 } }))).toBe("a,b");
  const stream = new Blob(["text"]).stream();
  expect((await client.upload(stream, { name: "a.md", type: "text/markdown" })).content_type).toBe("text/markdown");
});

test("what is refused is a problem, and nothing is sent again", async () => {
  const file = await client.upload("text", { name: "a.txt" });
  const before = line.seen.length;
  const refused = [
    () => client.upload("text", { name: "a/b" }),
    () => client.download("0198a3f0-1111-7000-8000-000000000001"),
    () => client.download(file.id, { range: { first: 4 } }),
  ];
  for (const call of refused) await expect(call()).rejects.toBeInstanceOf(GuanxiProblem);
  expect(line.seen.length).toBe(before + 3);
});
