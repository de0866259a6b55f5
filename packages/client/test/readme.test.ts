import { readFile } from "node:fs/promises";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createTestApp } from "@guanxi/testing";
import { expect, test } from "vitest";
import { openLine } from "./http.ts";
import { createProgramFolder } from "./programs.ts";

test("the examples of the README compile, run and print what they should", async () => {
  const readme = await readFile(join(import.meta.dirname, "../README.md"), "utf8");
  const examples = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, text = ""]) => text);
  expect(examples).toHaveLength(3);
  const program = `${examples.join("\n")}\nconsole.log(await new Response(leads).text());\n`;
  const app = await createTestApp({ worker: true });
  const line = await openLine((request) => app.app.fetch(request));
  const folder = await createProgramFolder();
  try {
    await folder.write("guanxi.d.ts", (await app.as("admin").get("/api/types.d.ts")).text);
    await folder.write("example.ts", program);
    expect(await folder.faults("example.ts")).toMatchObject({ places: [], output: "" });
    const environment = { GUANXI_URL: line.url, GUANXI_KEY: app.keys["admin"] ?? "" };
    const printed = (await folder.run("example.ts", environment)).split("\n");
    expect(printed).toContain("somebody was faster; it is now engaging");
    expect(printed).toContain("Licences");
    expect(printed).toContain("2 of 2");
    expect(printed).toContain("finished last_name,company,import_row,import_error\r");
    expect(printed).toContain("12 %PDF-1.7 …");
    expect(printed).toContain("id,company,owner.email\r");
    expect(printed.some((l) => /^prospecting \d+ [\d.]+$/.test(l))).toBe(true);
  } finally {
    await folder.remove();
    await line.close();
    await app.close();
  }
});

test("nothing but its own files is imported, so that it runs in browsers and at the edge", () => {
  const source = join(import.meta.dirname, "../src");
  for (const file of globSync("**/*.ts", { cwd: source })) {
    const code = readFileSync(join(source, file), "utf8");
    const imported = [...code.matchAll(/(?:from|import)\s*\(?\s*["']([^"']+)["']/g)].map(([, name]) => name ?? "");
    expect(imported.filter((name) => !name.startsWith("./"))).toEqual([]);
    expect(code).not.toMatch(/\b(?:process|Buffer|require|setImmediate|__dirname)\b/);
  }
});
