// The guide of a first project, and the example that it leads to, as a partner uses them: from a shell, beside a server.
import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { seedFiles } from "../examples/property-agency/seed/generate.ts";
import { makeDataFolder, removeDataFolder } from "./support/data-folder.ts";
import { asInTerminal, calmTerminal, expectPrinted, localPrograms, quickNpx, stepsOf } from "./support/guide.ts";
import { type Block, blocksOf, readPage, section } from "./support/pages.ts";
import { freePort } from "./support/processes.ts";
import { linkRepository, printedAddress, runBlocks } from "./support/readme.ts";
import { boot, endAll, plainEnvironment, repository, type Server } from "./support/server.ts";

/** Half a minute of CPU, so it runs with the suites that `.ci/run` runs one at a time. */
const alone = process.env["GUANXI_TEST_ALL"] === "1";
const execute = promisify(execFile);
const guanxi = join(repository, "packages/cli/bin/guanxi.mjs");
const example = join(repository, "examples/property-agency");
const environment = (): NodeJS.ProcessEnv => ({ ...plainEnvironment(), ...localPrograms(), ...calmTerminal });

/** The port that the guide gives to a server of its own. */
const secondPort = "3001";
const folders: string[] = [];
afterAll(async () => {
  await endAll();
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

describe("examples/property-agency", () => {
  test("is a project without a fault", async () => {
    const { stderr } = await execute(process.execPath, [guanxi, "validate", example], { env: environment() });
    expect(stderr).toBe("No faults.\n");
  }, 30_000);

  test("says everything that people read in three languages", async () => {
    const folder = join(example, "objects");
    const missing: string[] = [];
    let looked = 0;
    /** Whatever has a title has it in Chinese too, and whatever people choose from or are told has one. */
    const look = (value: unknown, path: string): void => {
      if (typeof value !== "object" || value === null) return;
      const { title, titles, message, messages, ...rest } = value as Record<string, unknown>;
      for (const [text, others] of [
        [title, titles],
        [message, messages],
      ]) {
        if (text === undefined) continue;
        looked++;
        if (
          Object.keys(others ?? {})
            .toSorted()
            .join() !== "zh-CN,zh-TW"
        )
          missing.push(path);
      }
      const named = /\/(properties|recordTypes|values|rules)\/[^/]+$/.test(path) && !path.includes("/dependsOn/");
      if (named && title === undefined && message === undefined) missing.push(path);
      for (const [key, inner] of Object.entries(rest)) look(inner, `${path}/${key}`);
    };
    for (const name of await readdir(folder)) look(JSON.parse(await readFile(join(folder, name), "utf8")), name);
    expect(missing).toEqual([]);
    expect(looked).toBeGreaterThan(100);
  });

  test("has the data that its generator makes", async () => {
    const folder = join(example, "seed");
    const files = seedFiles();
    expect(seedFiles(), "the same each time").toEqual(files);
    const there = (await readdir(folder)).filter((name) => !name.endsWith(".ts"));
    expect(there.toSorted()).toEqual(Object.keys(files).toSorted());
    for (const [name, text] of Object.entries(files))
      expect(await readFile(join(folder, name), "utf8"), name).toBe(text);
    expect(files["properties.csv"]?.trim().split("\n").length).toBeGreaterThan(50);
  });
});

test("the guide in Chinese has the same commands, files and outputs", () => {
  const compared = (page: string) => blocksOf(readPage(page)).map(({ section: _, ...block }) => block);
  expect(compared("docs/guide/first-project.zh-CN.md")).toEqual(compared("docs/guide/first-project.md"));
});

describe.skipIf(!alone)("beside a server", () => {
  let folder: string;
  let server: Server;
  /** Runs blocks as a reader of the clone would. → what each printed. */
  const run = (blocks: readonly Block[], prelude: readonly string[] = []): Promise<string[]> =>
    runBlocks(blocks, {
      folder,
      here: { [printedAddress]: server.base, [secondPort]: String(free) },
      prelude: [asInTerminal, ...prelude, "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT"],
      env: environment(),
    });
  let free: number;
  beforeAll(async () => {
    folder = await makeDataFolder();
    folders.push(folder);
    await linkRepository(folder);
    free = await freePort();
    server = await boot({ repository: folder, dataDir: join(folder, ".guanxi"), env: { GUANXI_DATA_DIR: "" } });
  });

  test("every line of the guide works as printed, and prints what the guide shows", async () => {
    const steps = stepsOf(blocksOf(readPage("docs/guide/first-project.md")));
    try {
      const printed = await run(
        steps.map(({ block }) => block),
        quickNpx,
      );
      for (const [i, { block, shown }] of steps.entries()) expectPrinted(printed[i] ?? "", shown, block);
    } finally {
      removeDataFolder(join(folder, "agency/ci-data"));
    }
  }, 240_000);

  test("the example is loaded and tested as its README says", async () => {
    const readme = readPage("examples/property-agency/README.md");
    const [tests] = blocksOf(section(readme, "Test it"));
    const printed = await run([...blocksOf(section(readme, "Run it")), tests as Block], ['npx() { "$@"; }']);
    expect(printed[0]).toContain("properties.csv as properties: 60 created, 0 updated\n");
    expect(printed[1]?.split("\r\n")[0]).toBe("id,name,price,best_offer,best_of_asking,viewings");
    expect(printed[2]?.split("\n").length).toBeGreaterThan(5);
    expect(printed[3]).toMatch(/ℹ pass 8\n/);
    const tenants = (await server.as("operator").get("/platform/tenants")).body.data as { id: string }[];
    expect(
      tenants.map(({ id }) => id),
      "tests and guide leave nothing behind",
    ).toEqual(["agency", "demo"]);
  }, 120_000);

  test("the example's programs compile against its objects, and pushed again it is nothing new", async () => {
    const copy = await mkdtemp(join(repository, "examples/.program-agency-"));
    folders.push(copy);
    await cp(example, copy, { recursive: true });
    const tenant = { id: "typed", name: "Typed", admin: { email: "a@typed.example" } };
    const made = await server.as("operator").post("/platform/tenants", tenant);
    expect(made.status, made.text).toBe(201);
    const env = { ...environment(), GUANXI_URL: server.base, GUANXI_KEY: made.body.admin.key as string };
    const cli = (...words: readonly string[]) => execute(process.execPath, [guanxi, ...words], { cwd: copy, env });
    await cli("push");
    expect((await cli("push")).stderr).toContain("Nothing to change");
    await cli("types", "--out", "objects.d.ts");
    await cli("types", "--for", "script", "--out", "workflows/guanxi.d.ts");
    for (const programs of [".", "workflows"]) await execute("tsc", ["-p", programs], { cwd: copy, env });
  }, 60_000);

  test("the server ends well after all that", async () => {
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  }, 60_000);
});
