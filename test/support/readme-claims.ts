import { q } from "@guanxi/testing";
import { expect } from "vitest";
import { type Block, blocksOf } from "./pages.ts";
import { answersIn, printedAddress, readReadme, runBlocks, strictCurl } from "./readme.ts";
import type { Server } from "./server.ts";

/** The blocks after the one that starts the server. Fails for a block that nobody here knows how to run. */
async function readerBlocks(folder: string): Promise<Block[]> {
  const [start, ...others] = blocksOf(await readReadme(folder));
  expect(start?.text.trim()).toBe("npm start");
  expect(others.map((block) => block.language)).toEqual(others.map(() => "sh"));
  return others;
}

/** Runs the README's lines against the server started in `folder`, and holds what they print against what the text says. */
export async function checkReadme(server: Server, folder: string, env?: NodeJS.ProcessEnv): Promise<void> {
  const blocks = await readerBlocks(folder);
  const outputs = await runBlocks(blocks, {
    folder,
    here: { [printedAddress]: server.base },
    prelude: [strictCurl],
    ...(env ? { env } : {}),
  });
  const printed = (section: string): string => outputs[blocks.findIndex((block) => block.section === section)] ?? "";

  const [stages] = answersIn(printed("Start")) as { data: { stage: string; count: number; sum_amount: number }[] }[];
  expect(stages?.data.length).toBeGreaterThan(2);
  expect(stages?.data.some((row) => row.count > 0 && Number(row.sum_amount) > 0)).toBe(true);

  expect(answersIn(printed("A first object"))).toMatchObject([
    { name: "property" },
    { address: "1 Long Road", price: 350_000, status: "draft" },
  ]);
  const openapi = (await server.as("admin").get("/api/openapi.json")).body as { paths: object };
  expect(Object.keys(openapi.paths)).toContain("/api/properties");

  const [published, record, runs] = answersIn(printed("A first workflow")) as [
    object,
    { id: string },
    { data: object[] },
  ];
  expect(published).toMatchObject({ name: "welcome" });
  expect(record).toMatchObject({ address: "2 Long Road" });
  expect(runs.data).toMatchObject([{ status: "succeeded", record: record.id }]);
  const tasks = await server.as("admin").get(`/api/tasks${q({ filter: "title == 'Call the owner of 2 Long Road'" })}`);
  expect(tasks.body.data).toHaveLength(1);

  expect(printed("A larger example")).toContain("The same as in the files.");
}
