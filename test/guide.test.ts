import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { makeDataFolder } from "./support/data-folder.ts";
import { checkGuide, expectPrinted, localPrograms, quickNpx, readGuide } from "./support/guide.ts";
import { blocksOf } from "./support/pages.ts";
import { linkRepository } from "./support/readme.ts";
import { boot, endAll, plainEnvironment, repository } from "./support/server.ts";

let folder: string | undefined;
afterAll(async () => {
  await endAll();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

test("every line of the guide works as printed, and prints what the guide shows", async () => {
  folder = await makeDataFolder();
  await linkRepository(folder);
  const server = await boot({ repository: folder, dataDir: join(folder, ".guanxi"), env: { GUANXI_DATA_DIR: "" } });
  await checkGuide(server, folder, { ...plainEnvironment(), ...localPrograms() }, quickNpx);
  expect(await server.stop("SIGINT")).toEqual({ code: 0, signal: null });
}, 180_000);

test("the guide in Chinese has the same commands, files and outputs", async () => {
  const [english, chinese] = [await readGuide(repository), await readGuide(repository, ".zh-CN")];
  const compared = (page: string) => blocksOf(page).map(({ section: _, ...block }) => block);
  expect(compared(chinese)).toEqual(compared(english));
  expect(compared(english).filter(({ file }) => file !== undefined).length).toBeGreaterThan(5);
});

test("an output that is not the one shown is noticed", () => {
  const block = (language: string, text: string) => blocksOf(`\`\`\`${language}\n${text}\`\`\`\n`)[0]!;
  const typed = block("sh", "x\n");
  const shown = block("text", "3 rows at 2026-11-22T09:27:12.770Z\n…\nC-1,…,9\n");
  expectPrinted("4 rows at 2027-01-01T00:00:00.000Z\nany\nC-1,x,9\n", shown, typed);
  for (const printed of ["", "4 rows at 2027-01-01T00:00:00.000Z\nC-1,x,8\n", "C-1,x,9\n", "3 rows\nC-1,x,9\n"])
    expect(() => expectPrinted(printed, shown, typed), printed).toThrow();
  expect(() => expectPrinted("something\n", undefined, typed)).toThrow();
  expect(() => expectPrinted('{"a":2}', block("json", '{"a":1}\n'), typed)).toThrow();
});
