import { execFile } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { createTestApp, type TestApp } from "@guanxi/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Line, openLine } from "./http.ts";

const execute = promisify(execFile);
const client = join(import.meta.dirname, "..");
const bin = join(client, "../../node_modules/.bin");

/** Node.js 20, the oldest that the client says it runs on, where the machine has it; else the one that runs this. */
const olderNode = "/usr/bin/node";
const node = existsSync(olderNode) ? olderNode : process.execPath;

let app: TestApp;
let line: Line;
let folder: string;
let installed: string;

/** As in a project of somebody else: no workspace, no network, nothing but the package. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "guanxi-client-"));
  installed = join(folder, "node_modules/@guanxi/client");
  await execute(process.execPath, [join(client, "scripts/build.ts"), join(folder, "built")]);
  const npm = (...args: string[]) =>
    execute("npm", [...args, "--offline", "--cache", join(folder, ".npm")], { cwd: folder });
  const { stdout } = await npm("pack", join(folder, "built"), "--json");
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  await writeFile(join(folder, "package.json"), '{ "name": "elsewhere", "private": true, "type": "module" }');
  await npm("install", join(folder, filename), "--no-audit", "--no-fund");
  app = await createTestApp();
  line = await openLine((request) => app.app.fetch(request));
  await writeFile(join(folder, "guanxi.d.ts"), (await app.as("admin").get("/api/types.d.ts")).text);
}, 60_000);
afterAll(async () => {
  await line?.close();
  await app?.close();
  await rm(folder, { recursive: true, force: true });
});

/** As the compiler wants it written for a program that runs as JavaScript. */
const declarations = "./guanxi.js";

const program = `import { cel, createClient, GuanxiProblem } from "@guanxi/client";
import type { Objects } from "${declarations}";
declare const process: { env: Record<string, string> };
const client = createClient<Objects>({ url: process.env["URL"] ?? "", key: process.env["KEY"] ?? "" });
const { lead } = client.objects;
const [one] = await lead.createMany([{ last_name: "Ada", company: "Elsewhere" }]);
if (!one) throw new Error("nothing was made");
const [two] = await lead.updateMany([{ id: one.id, city: "Paris" }]);
const { data } = await lead.list({ select: ["city"], filter: cel\`id == \${one.id}\` });
const company: string | undefined = two?.company;
console.log(company, data[0]?.city);
try {
  await lead.get("01890000-0000-7000-8000-000000000001");
} catch (error) {
  console.log(error instanceof GuanxiProblem && error.status);
}
`;

test("the tarball holds the program, its types, the README and the license, and depends on nothing", async () => {
  const files = globSync("**/*", { cwd: installed }).toSorted();
  const modules = globSync("*.ts", { cwd: join(client, "src") }).flatMap((file) => [
    file.replace(/\.ts$/, ".js"),
    file.replace(/\.ts$/, ".d.ts"),
  ]);
  expect(files).toEqual([...modules, "LICENSE", "README.md", "package.json"].toSorted());
  const manifest = JSON.parse(await readFile(join(installed, "package.json"), "utf8"));
  expect(manifest).toMatchObject({ name: "@guanxi/client", type: "module", engines: { node: ">=20" } });
  expect(Object.keys(manifest).filter((key) => /dependencies|scripts/i.test(key))).toEqual([]);
  for (const file of files.filter((name) => /\.(js|ts)$/.test(name))) {
    const text = readFileSync(join(installed, file), "utf8");
    const imported = [...text.matchAll(/(?:from|import)\s*\(?\s*["']([^"']+)["']/g)].map(([, name = ""]) => name);
    for (const name of imported)
      expect(existsSync(join(dirname(join(installed, file)), name.replace(/\.js$/, ".d.ts"))), name).toBe(true);
    expect(text, file).not.toMatch(/["']node:|\b(?:process|Buffer|require|setImmediate|__dirname)\b/);
  }
});

test("a program compiles against the package and a tenant's types, and runs on Node.js 20", async () => {
  await writeFile(join(folder, "main.ts"), program);
  const strict = ["--strict", "--module", "nodenext", "--target", "es2022", "--lib", "es2022,dom", "--types", ""];
  const compile = (file: string) => execute(join(bin, "tsc"), ["--ignoreConfig", ...strict, file], { cwd: folder });
  await compile("main.ts");
  await writeFile(join(folder, "wrong.ts"), program.replace('"Paris"', "5"));
  await expect(compile("wrong.ts")).rejects.toMatchObject({
    stdout: expect.stringMatching(/^wrong\.ts\(8,\d+\): error TS2322: Type 'number' is not assignable/),
  });
  const env = { URL: line.url, KEY: app.keys["admin"] ?? "" };
  const { stdout } = await execute(node, ["main.js"], { cwd: folder, env });
  expect(stdout).toBe("Elsewhere Paris\n404\n");
});

/** Runs the package's modules in a realm that has the language, and of its host only what every browser and edge runtime has. */
const realm = `
import { readFileSync } from "node:fs";
import { createContext, SourceTextModule } from "node:vm";
const names = ["fetch", "Request", "Response", "Headers", "URLSearchParams", "AbortController", "AbortSignal", "Blob", "ReadableStream", "crypto", "setTimeout", "clearTimeout"];
const context = createContext({ URL_OF: process.env.URL, KEY: process.env.KEY, answer: undefined, ...Object.fromEntries(names.map((name) => [name, globalThis[name]])) });
const known = new Map();
const load = (url) => {
  if (!known.has(url.href)) known.set(url.href, new SourceTextModule(readFileSync(url, "utf8"), { context, identifier: url.href }));
  return known.get(url.href);
};
const main = new SourceTextModule(\`
  import { createClient } from "@guanxi/client";
  const client = createClient({ url: URL_OF, key: KEY });
  const made = await client.objects.lead.create({ last_name: "Edge", company: "Edge" });
  answer = (await client.objects.lead.get(made.id)).company + typeof process;
\`, { context, identifier: import.meta.url });
const packageUrl = new URL(import.meta.resolve("@guanxi/client"));
await main.link((name, from) => load(name.startsWith(".") ? new URL(name, from.identifier) : packageUrl));
await main.evaluate();
console.log(context.answer);
`;

test("it runs where there is nothing of Node.js", async () => {
  await writeFile(join(folder, "realm.mjs"), realm);
  const env = { URL: line.url, KEY: app.keys["admin"] ?? "" };
  const args = ["--experimental-vm-modules", "--no-warnings", "realm.mjs"];
  const { stdout } = await execute(node, args, { cwd: folder, env });
  expect(stdout).toBe("Edgeundefined\n");
});

test("packing the sources by mistake fails with words", async () => {
  const packing = execute("npm", ["pack", "--dry-run", "--offline"], { cwd: client });
  await expect(packing).rejects.toMatchObject({ stderr: expect.stringContaining("npm pack ./packages/client/dist") });
});
