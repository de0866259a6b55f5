import { spawn } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { processes } from "../support/processes.ts";
import { checkGuide } from "../support/guide.ts";
import { checkReadme } from "../support/readme-claims.ts";
import { belongingsOf, boot, endAll, leftOf, plainEnvironment, repository } from "../support/server.ts";

const folders: string[] = [];
afterAll(async () => {
  await endAll();
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

/** The machine's own program, not one that npm put first in the path. */
function programOf(name: string): string {
  const places = (process.env["PATH"] ?? "").split(delimiter).filter((place) => !place.includes("node_modules"));
  const found = places.map((place) => join(place, name)).find((path) => existsSync(path));
  if (found === undefined) throw new Error(`this machine has no ${name}`);
  return found;
}

/** What a newcomer's shell has: node and npm, and the system's programs. */
async function newcomersEnvironment(bin: string, temporary: string): Promise<NodeJS.ProcessEnv> {
  await mkdir(bin);
  for (const name of ["node", "npm", "npx"]) await symlink(programOf(name), join(bin, name));
  return {
    ...plainEnvironment(),
    TMPDIR: temporary,
    PATH: [bin, "/usr/local/bin", "/usr/bin", "/bin"].join(delimiter),
  };
}

function run(
  command: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<{ code: number | null; output: string }> {
  const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  return new Promise((done, fail) => child.once("error", fail).once("close", (code) => done({ code, output })));
}

const places: readonly [where: string, parent: string, usable: boolean][] = [
  ["anywhere", tmpdir(), true],
  ["where only root may enter", "/root", process.getuid?.() === 0 && existsSync("/root")],
];

describe.each(places)("a fresh clone %s", (_where, parent, usable) => {
  test.skipIf(!usable)(
    "starts, does what the README and the guide say, passes tests, and leaves nothing behind",
    async () => {
      const folder = await mkdtemp(join(parent, "guanxi-fresh-"));
      folders.push(folder);
      // mkdtemp makes it 0700; elsewhere it is to be entered by everybody.
      if (parent === tmpdir()) await chmod(folder, 0o755);
      else expect(statSync(folder).mode & 0o777).toBe(0o700);
      const clone = join(folder, "guanxi");
      // Of its own, to see what is left there.
      const temporary = await mkdtemp(join(tmpdir(), "guanxi-fresh-tmp-"));
      folders.push(temporary);
      await chmod(temporary, 0o1777);
      const env = await newcomersEnvironment(join(folder, "bin"), temporary);
      const cloned = await run("git", ["clone", "--quiet", `file://${repository}`, clone], folder, env);
      expect(cloned.code, cloned.output).toBe(0);
      expect(existsSync(join(clone, "node_modules"))).toBe(false);

      const options = {
        repository: clone,
        dataDir: join(clone, ".guanxi"),
        env: { GUANXI_DATA_DIR: "", PATH: env["PATH"] ?? "", TMPDIR: temporary },
        readyLimitMs: 600_000,
      };
      const server = await boot(options);
      expect(server.log()).toContain("installing dependencies");
      const driver = await readFile(join(clone, "node_modules/postgres/src/connection.js"), "utf8");
      expect(driver).toContain("repaired by scripts/patch-postgres.mjs");
      expect(existsSync(join(clone, "node_modules/vitest")), "tools that a server has no use for").toBe(false);
      const inside = await processes();
      expect(inside.find(({ pid }) => pid === server.pid)?.command).toContain(clone);
      // Its outputs are those of a demo that nobody has touched. What is deleted with its second server's folder lies in that folder only
      // where everybody may enter it.
      if (parent === tmpdir()) await checkGuide(server, clone, env);
      await checkReadme(server, clone, env);
      const running = await belongingsOf(server);
      expect(await server.stop("SIGINT")).toEqual({ code: 0, signal: null });
      expect(await leftOf(server, running)).toEqual([]);

      const again = await boot(options);
      console.log(`${dirname(clone)}: first start ${server.bootMs} ms with its installation, next ${again.bootMs} ms`);
      expect(again.keys?.users).toEqual(server.keys?.users);
      expect(await again.stop()).toEqual({ code: 0, signal: null });

      const tests = await run("npm", ["test", "--silent", "--", "packages/base", "packages/meta"], clone, env);
      expect(tests.code, tests.output).toBe(0);
      expect(tests.output).toMatch(/Tests .*\d+ passed/);
      expect(tests.output).not.toMatch(/\d+ failed/);

      expect((await processes()).filter(({ command }) => command.includes(folder))).toEqual([]);
      expect((await readdir(temporary)).filter((name) => name.startsWith("guanxi-"))).toEqual([]);
    },
    900_000,
  );
});
