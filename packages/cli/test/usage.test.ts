import { execFile } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { exitCodes } from "@guanxi/cli";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expiry } from "../src/commands/keys.ts";
import { commandsOf } from "../src/completion/tree.ts";
import { createProgram } from "../src/program.ts";
import { count, size, table } from "../src/table.ts";
import { answering, call, deadUrl, makeFolder, plainEnvironment, start } from "./support.ts";

let folder: string;
beforeAll(async () => void (folder = await makeFolder()));
afterAll(() => rm(folder, { recursive: true, force: true }));

const silent = { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, env: {} };
const tree = commandsOf(createProgram({ ...silent, interrupted: new AbortController().signal }, () => undefined));
const paths = tree.map(({ path }) => path);

describe("help and wrong usage", () => {
  test.each(paths)("guanxi %s --help says what it takes and ends with 0", async (path) => {
    const { code, out, err } = await call([...path.split(" ").filter(Boolean), "--help"]);
    expect({ code, err }).toEqual({ code: exitCodes.ok, err: "" });
    expect(out).toContain(`Usage: guanxi${path === "" ? "" : ` ${path}`}`);
  });

  test.each([
    [["tennant"], "Did you mean tenant?"],
    [["tenant", "create", "acme"], "--name"],
    [["import", "leads"], "file"],
    [["import", "leads", "f.csv", "--mode", "merge"], "create, upsert"],
    [["import", "leads", "f.csv", "--key", "email"], "--key-field"],
    [["import", "leads", "/nonexistent/f.csv", "--key", "gx_a_b"], "/nonexistent"],
    [["export", "leads", "--json"], "--out"],
    [["export", "leads", "--out", "/nonexistent/f.csv"], "/nonexistent"],
    [["backup", "--out", "/"], "no place for a file"],
    [["keys", "create", "--name", "x", "--expires", "soon"], "90d"],
    [["runs", "tail", "--lines", "-1"], "whole number"],
    [["completion", "tcsh"], "bash, zsh, fish"],
    [["objects", "list", "--url", "127.0.0.1:3000"], "write it like http://"],
    [["objects", "list", "--colour"], "--colour"],
  ])("guanxi %j ends with 2 and says why", async (words, says) => {
    const { code, out, err } = await call(words);
    expect(code, err).toBe(exitCodes.usage);
    expect(out).toBe("");
    expect(err).toMatch(/^guanxi: /);
    expect(err).toContain(says);
    expect(err).not.toMatch(/\bat \w+ \(|\.ts:\d/);
  });

  test("a group alone shows its commands", async () => {
    const { code, err } = await call(["tenant"]);
    expect(code).toBe(exitCodes.usage);
    expect(err).toContain("create [options] <id>");
  });
});

test("the guide names every command, and no option that there is not", async () => {
  const guide = await readFile(join(import.meta.dirname, "../../../docs/guide/command-line.md"), "utf8");
  const leaves = tree.filter(({ commands }) => commands.length === 0).map(({ path }) => path);
  expect(leaves.filter((path) => !guide.includes(`\`guanxi ${path}`))).toEqual([]);
  const options = new Set(tree.flatMap((command) => command.options.flatMap(({ flags }) => flags)));
  const named = [...guide.matchAll(/(?<![\w-])--[a-z][a-z-]+/g)].map(([flag]) => flag);
  expect(named.filter((flag) => !options.has(flag))).toEqual([]);
  const codes = [...guide.matchAll(/^\| (\d+) +\|/gm)].map(([, code]) => Number(code));
  expect(codes).toEqual(Object.values(exitCodes));
});

describe("where to reach a server, and with what", () => {
  test("without a key it says where one comes from", async () => {
    const user = await call(["objects", "list"]);
    expect(user.code).toBe(exitCodes.usage);
    expect(user.err).toContain("GUANXI_KEY");
    const operator = await call(["tenant", "list"]);
    expect(operator.code).toBe(exitCodes.usage);
    expect(operator.err).toContain("GUANXI_OPERATOR_KEY");
    expect(operator.err).not.toContain("GUANXI_KEY");
  });

  test("an operator's key in the data folder is pointed to, not printed", async () => {
    const dataDir = join(folder, "plain");
    await mkdir(dataDir);
    await writeFile(join(dataDir, "operator-key"), "very-secret-operator-key\n");
    const { err } = await call(["tenant", "list", "--data-dir", dataDir]);
    expect(err).toContain(join(dataDir, "operator-key"));
    expect(err).not.toContain("very-secret");
  });

  test("a server that is not there ends with 3", async () => {
    const url = await deadUrl();
    const { code, out, err } = await call(["objects", "list"], { env: { GUANXI_URL: url, GUANXI_KEY: "gx_a_b" } });
    expect({ code, out }).toEqual({ code: exitCodes.unreachable, out: "" });
    expect(err).toContain(`${url} cannot be reached: nothing listens there`);
    expect(err).not.toContain("gx_a_b");
  });

  test("the demo's keys go to the demo's server and to no other", async () => {
    const seen: (string | undefined)[] = [];
    const fake = await answering((request, response) => {
      seen.push(request.headers.authorization);
      response.setHeader("content-type", "application/json").end(`{"data":[]}`);
    });
    const other = await answering((_request, response) => response.end("{}"));
    const dataDir = join(folder, "demo");
    await mkdir(dataDir);
    const demo = { baseUrl: fake.url, operator: "op-key", users: { admin: "gx_demo_admin" } };
    await writeFile(join(dataDir, "demo-keys.json"), JSON.stringify(demo));
    const env = { GUANXI_DATA_DIR: dataDir };
    try {
      expect((await call(["objects", "list", "--json"], { env })).out).toBe("[]\n");
      expect((await call(["tenant", "list", "--json"], { env })).out).toBe("[]\n");
      const localhost = fake.url.replace("127.0.0.1", "localhost");
      expect((await call(["keys", "list", "--json", "--url", localhost], { env })).code).toBe(exitCodes.ok);
      expect((await call(["objects", "list", "--json", "--key", "gx_other"], { env })).code).toBe(exitCodes.ok);
      expect(seen).toEqual(["gx_demo_admin", "op-key", "gx_demo_admin", "gx_other"].map((key) => `Bearer ${key}`));
      const { code, err } = await call(["objects", "list", "--url", other.url], { env });
      expect(code, err).toBe(exitCodes.usage);
    } finally {
      await fake.close();
      await other.close();
    }
  });

  test.each([
    ["a page", 200, "text/html", "<h1>hello</h1>"],
    ["a page of a proxy", 502, "text/html", "<h1>Bad gateway</h1>"],
    ["half a problem", 409, "application/problem+json", '{"code":"GX-'],
    ["somebody else's problem", 404, "application/problem+json", '{"status":404}'],
  ])("what answers and is no Guanxi is told apart: %s", async (_, status, type, text) => {
    const page = await answering((_request, response) =>
      response.writeHead(status, { "content-type": type }).end(text),
    );
    const env = { GUANXI_URL: page.url, GUANXI_KEY: "gx_a_b" };
    const { code, err } = await call(["objects", "list"], { env });
    await page.close();
    expect(code).toBe(exitCodes.failed);
    expect(err).toContain("is not a Guanxi server");
  });
});

describe("completion", () => {
  const file = (): string => join(folder, "completion.bash");
  beforeAll(async () => {
    const { code, out } = await call(["completion", "bash"]);
    expect(code).toBe(exitCodes.ok);
    await writeFile(file(), out);
  });

  /** What bash offers after these words, the last of which is being typed. */
  async function offered(...words: string[]): Promise<string[]> {
    const script = `source "$FILE"
      guanxi() { [[ "$*" == "objects list --plurals" ]] && printf 'leads\\naccounts\\n'; }
      COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}
      _guanxi; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const env = { ...plainEnvironment(), FILE: file() };
    const { stdout, stderr } = await promisify(execFile)("bash", ["-c", script], { env, cwd: folder });
    expect(stderr).toBe("");
    return stdout.split("\n").filter((line) => line !== "");
  }

  test.each([
    [["guanxi", ""], paths.filter((path) => path !== "" && !path.includes(" "))],
    [
      ["guanxi", "t"],
      ["tenant", "types"],
    ],
    [
      ["guanxi", "tenant", "c"],
      ["create", "copy"],
    ],
    [["guanxi", "tenant", "create", "acme", "--na"], ["--name"]],
    [["guanxi", "tenant", "--"], ["--help"]],
    [["guanxi", "import", "le"], ["leads"]],
    [
      ["guanxi", "export", ""],
      ["leads", "accounts"],
    ],
    [["guanxi", "import", "--key", "tenant", "a"], ["accounts"]],
    [
      ["guanxi", "import", "leads", "x.csv", "--mode", ""],
      ["create", "upsert"],
    ],
    [["guanxi", "runs", "tail", "--status", "s"], ["succeeded"]],
    [
      ["guanxi", "completion", ""],
      ["bash", "zsh", "fish"],
    ],
    [["guanxi", "tenant", "create", "x", "--name", ""], []],
  ])("bash offers after %j", async (words, expected) => {
    expect((await offered(...words)).toSorted()).toEqual([...expected].toSorted());
  });

  test("files where files belong", async () => {
    await writeFile(join(folder, "data one.csv"), "");
    expect(await offered("guanxi", "import", "leads", "data")).toEqual(["data one.csv"]);
    expect(await offered("guanxi", "backup", "--out", "data")).toEqual(["data one.csv"]);
    // Where several may stand, and not behind the only one.
    expect(await offered("guanxi", "objects", "put", "a.json", "b.json", "data")).toEqual(["data one.csv"]);
    expect(await offered("guanxi", "restore", "a.backup", "data")).toEqual([]);
  });

  test.each(["zsh", "fish"])("the script for %s names every command and option", async (shell) => {
    const { code, out } = await call(["completion", shell]);
    expect(code).toBe(exitCodes.ok);
    for (const { path, options } of tree) {
      expect(out).toContain(path);
      for (const { flags } of options) expect(out).toContain(shell === "fish" ? `-l ${flags[0]?.slice(2)}` : flags[0]);
    }
    expect(JSON.parse((await call(["completion", shell, "--json"])).out)).toEqual({ shell, script: out });
  });
});

describe("words and numbers", () => {
  test("times from now, and dates", () => {
    const now = new Date("2026-11-22T10:00:00.000Z");
    expect(expiry("12h", now)).toBe("2026-11-22T22:00:00.000Z");
    expect(expiry("90d", now)).toBe("2027-02-20T10:00:00.000Z");
    expect(expiry("2w", now)).toBe("2026-12-06T10:00:00.000Z");
    expect(expiry("2027-01-31", now)).toBe("2027-01-31T00:00:00.000Z");
    for (const wrong of ["90", "d", "-1d", "1.5d", "2027-13-01", "", "tomorrow"])
      expect(() => expiry(wrong, now), wrong).toThrow("is no time");
  });

  test("columns stand below each other, Chinese too, and nothing commands the terminal", () => {
    const lines = table(
      ["name", "title"],
      [
        ["线索", "潜在"],
        ["lead", "\u001B[31mred\r\nline"],
      ],
    ).split("\n");
    expect(lines).toEqual(["name  title", "线索  潜在", "lead  �[31mred��line"]);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.string({ unit: "binary" }), fc.string({ unit: "binary" })), { maxLength: 5 }),
        (rows) => {
          const text = table(["a", "b"], rows);
          expect(text.split("\n")).toHaveLength(rows.length + 1);
          expect(text).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F]/);
        },
      ),
    );
  });

  test("sizes and counts", () => {
    expect([0, 999, 1_000, 1_234_567, 5e12].map(size)).toEqual(["0 bytes", "999 bytes", "1.0 kB", "1.2 MB", "5.0 TB"]);
    expect(count(1_234_567)).toBe("1,234,567");
  });
});

test("the command itself ends as it should", async () => {
  const help = start(["--help"]);
  expect(await help.ended).toEqual({ code: exitCodes.ok, signal: null });
  expect(help.out()).toContain("Exit codes");
  const wrong = start(["nothing"]);
  expect(await wrong.ended).toEqual({ code: exitCodes.usage, signal: null });
  expect(wrong.out()).toBe("");
  const unreachable = start(["objects", "list"], { GUANXI_URL: await deadUrl(), GUANXI_KEY: "gx_a_b" });
  expect(await unreachable.ended).toEqual({ code: exitCodes.unreachable, signal: null });
});

test("a server with settings that are not valid ends with 1 and lists them", async () => {
  const child = start(["serve", "--port", "99999999", "--role", "worker"], { PORT: "3000", GUANXI_SANDBOXES: "0" });
  expect(await child.ended).toEqual({ code: exitCodes.failed, signal: null });
  for (const says of ["PORT must be", "GUANXI_SANDBOXES must be", "worker needs DATABASE_URL"])
    expect(child.err()).toContain(says);
});
