import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { writePrivate } from "../src/private-file.ts";
import { keptSecret } from "../src/secrets.ts";

let dataDir = "";
let path = "";
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "guanxi-test-secrets-"));
  path = join(dataDir, "operator-key");
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

const kept = () => keptSecret(dataDir, "operator-key");

describe("a secret of the data folder", () => {
  test("is made once, for us alone", async () => {
    const made = await kept();
    expect(made).toMatch(/^[\w-]{32}$/);
    expect(await readFile(path, "utf8")).toBe(`${made}\n`);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await kept()).toBe(made);
    expect(await readdir(dataDir)).toEqual(["operator-key"]);
  });

  test.each(["", "\n", "  ", "Zk3-half-of-a-key"])("is made anew where a write has left %j", async (left) => {
    await writeFile(path, left, { mode: 0o644 });
    const made = await kept();
    expect(made).toMatch(/^[\w-]{32}$/);
    expect(await readFile(path, "utf8")).toBe(`${made}\n`);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await kept()).toBe(made);
  });

  test.each(["short-but-mine\n", "a-key-of-ours-without-its-line-break-at-the-end"])(
    "stays where it is %j",
    async (own) => {
      await writeFile(path, own);
      expect(await kept()).toBe(own.trim());
      expect(await readFile(path, "utf8")).toBe(own);
    },
  );

  test("is not made over what cannot be read, and a write that fails leaves nothing behind", async () => {
    await mkdir(path);
    await expect(kept()).rejects.toMatchObject({ code: "EISDIR" });
    await expect(writePrivate(path, "x")).rejects.toMatchObject({ code: "EISDIR" });
    expect(await readdir(dataDir)).toEqual(["operator-key"]);
  });
});
