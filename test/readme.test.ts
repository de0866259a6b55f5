import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { makeDataFolder } from "./support/data-folder.ts";
import { checkReadme } from "./support/readme-claims.ts";
import { linkRepository, linksOf, readReadme } from "./support/readme.ts";
import { boot, endAll, repository } from "./support/server.ts";

let folder: string | undefined;
afterAll(async () => {
  await endAll();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

test("every line of the README works as printed", async () => {
  folder = await makeDataFolder();
  await linkRepository(folder);
  // The data folder is where it is without any setting.
  const server = await boot({ repository: folder, dataDir: join(folder, ".guanxi"), env: { GUANXI_DATA_DIR: "" } });
  await checkReadme(server, folder);
  expect(await server.stop()).toEqual({ code: 0, signal: null });
}, 120_000);

test("every file that the README names is there", async () => {
  const links = linksOf(await readReadme(repository));
  expect(links.length).toBeGreaterThan(0);
  expect(links.filter((path) => !existsSync(join(repository, path)))).toEqual([]);
});
