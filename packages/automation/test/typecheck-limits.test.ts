import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Session } from "@guanxi/kernel";
import { createSandbox } from "@guanxi/sandbox";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { scriptPrelude } from "../src/index.ts";
import { defaultSettings } from "../src/settings.ts";
import { type TypedScript, createTypeCheck } from "../src/typecheck/check.ts";
import { toolchain } from "../src/typecheck/library.ts";
import { annotate } from "../src/typecheck/source.ts";
import { createTurns } from "../src/typecheck/turns.ts";
import { pause, until } from "./support.ts";

const sandbox = createSandbox({
  ...{ maxChildren: 1, spareChildren: 0, runsPerChild: 1, rssLimitMb: 300 },
  ...{ prelude: scriptPrelude, observe: () => undefined },
});
afterAll(() => sandbox.close());

const objects = `export interface Objects {
  deal: { plural: "deals"; read: Deal; create: { title: string }; patch: { title?: string }; references: {}; keys: never };
}
export interface Deal { id: string; title: string; version: number }`;

const session = (tenant: string) => ({ tenant: { id: tenant } }) as Session;

async function typed(script: string): Promise<TypedScript> {
  const compiled = await sandbox.compile(script, "x.ts");
  if (!compiled.ok) throw new Error(compiled.message);
  return { script, compiled, object: "deal", on: "created", locale: "en" };
}

/** Types whose comparison takes minutes, and a hundred MB a second. */
const greedy = `type D = 0|1|2|3|4|5|6|7|8|9;
type M<A extends string> = \`\${A}\${D}\${D}\${D}\${D}\`;
type A = { [K in M<'a'>]: { [L in M<K>]: L } };
type B = { [K in M<'b'>]: { [L in M<K>]: L } };
declare const a: A;
export default () => { const b: B = a; };`;

const check = (settings = {}) => createTypeCheck({ ...defaultSettings, ...settings }, async () => objects);

describe("a script whose types take too much", () => {
  test("is refused when its time is over, and others are checked meanwhile", async () => {
    const types = check({ typeCheckMs: 2_500 });
    const script = await typed(greedy);
    const started = performance.now();
    const hog = types(session("hog"), script);
    const second = types(session("hog"), script);
    const others: number[] = [];
    for (let i = 0; i < 3; i++) {
      const at = performance.now();
      expect(await types(session(`other${i}`), await typed("export default ({ record }) => record.title;"))).toEqual(
        [],
      );
      others.push(performance.now() - at);
    }
    expect(performance.now() - started, "the others had to wait").toBeLessThan(2_500);
    const told = { path: "/script", code: "script", params: { ms: 2_500 }, text: { "zh-CN": expect.any(String) } };
    expect(await hog).toMatchObject([told]);
    expect(await second).toMatchObject([told]);
    expect(performance.now() - started).toBeGreaterThan(5_000);
  });

  test("is refused when it takes too much memory", async () => {
    const issues = await check({ typeCheckMemoryMb: 80 })(session("hog"), await typed(greedy));
    expect(issues).toMatchObject([
      { path: "/script", text: { en: expect.stringContaining("{memoryMb} MB to check") } },
    ]);
  });

  test("leaves no folder behind, nor does a quick one", async () => {
    const usual = process.env["TMPDIR"];
    const folder = mkdtempSync(join(tmpdir(), "typecheck-test-"));
    process.env["TMPDIR"] = folder;
    try {
      const types = check({ typeCheckMs: 700 });
      const under = [types(session("hog"), await typed(greedy)), types(session("t"), await typed("export default 1;"))];
      await until(() => readdirSync(folder).length > 0);
      await Promise.all(under);
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      if (usual === undefined) delete process.env["TMPDIR"];
      else process.env["TMPDIR"] = usual;
      rmSync(folder, { recursive: true });
    }
  });
});

describe("where the compiler cannot run", () => {
  const scripts = mkdtempSync(join(tmpdir(), "typecheck-test-"));
  beforeAll(() => {
    writeFileSync(join(scripts, "killed"), "#!/bin/sh\nkill -9 $$\n", { mode: 0o755 });
    writeFileSync(join(scripts, "complains"), "#!/bin/sh\necho 'it is broken' >&2; echo more >&2; exit 1\n", {
      mode: 0o755,
    });
  });
  afterAll(() => rmSync(scripts, { recursive: true }));
  const tools = toolchain();
  const compilers: [string, string | undefined, RegExp][] = [
    ["is not installed", undefined, /no TypeScript compiler for/],
    ["is gone", "/nowhere/tsc", /ended with 127\.$/],
    ["fails", "/bin/false", /ended with 1/],
    ["complains", join(scripts, "complains"), /ended with 1\.$/],
    ["is killed", join(scripts, "killed"), /ended with SIGKILL/],
  ];
  test.each(compilers)("because it %s, nothing is published unchecked", async (_, compiler, detail) => {
    if (!tools) throw new Error("these tests need the compiler");
    const types = createTypeCheck(
      defaultSettings,
      async () => objects,
      () => (compiler === undefined ? undefined : { ...tools, compiler }),
    );
    const error = await types(session("t"), await typed("export default () => 1;")).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: "UNAVAILABLE", status: 503, detail: expect.stringMatching(detail) });
    expect((error as { detail: string }).detail).not.toMatch(/\/|broken/);
  });
});

describe("turns", () => {
  test("each tenant has one, all together no more than there are places, and everybody's comes", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 25 }),
        fc.integer({ min: 1, max: 3 }),
        async (tenants, places) => {
          const turn = createTurns(places, tenants.length);
          const active: number[] = [];
          let done = 0;
          const works = tenants.map((tenant, i) =>
            turn(String(tenant), async () => {
              expect(active).not.toContain(tenant);
              active.push(tenant);
              expect(active.length).toBeLessThanOrEqual(places);
              await pause(i % 3);
              active.splice(active.indexOf(tenant), 1);
              done++;
              if (i % 4 === 0) throw new Error("a fault of one");
            }).catch((e: Error) => expect(e.message).toBe("a fault of one")),
          );
          await Promise.all(works);
          expect(done).toBe(tenants.length);
        },
      ),
      { numRuns: 30 },
    );
  });

  test("whoever comes when too many wait is asked to come later", async () => {
    const turn = createTurns(1, 1);
    const gate = Promise.withResolvers<void>();
    const first = turn("a", () => gate.promise);
    const second = turn("b", async () => "second");
    await expect(turn("c", async () => "third")).rejects.toMatchObject({ code: "UNAVAILABLE", retryAfter: 5 });
    gate.resolve();
    await first;
    expect(await second).toBe("second");
  });
});

test("every place of an annotated script is that of the script", async () => {
  const part = fc.constantFrom("x", "\n", "\r\n", "  ", "/* c */", "😀", ";");
  const text = fc.array(part, { maxLength: 6 }).map((parts) => parts.join(""));
  const space = fc.constantFrom(" ", "\n", " /* a */ ", "\n// b\n");
  await fc.assert(
    fc.property(text, space, text, fc.boolean(), (before, between, after, javascript) => {
      const start = before.length;
      const script = `${before}export${between}default () => {${after} mark }`;
      const word = start + "export".length + between.length;
      const source = annotate(script, javascript ? script : "", { start, word });
      const at = (whole: string): { line: number; column: number } => {
        const lines = whole.slice(0, whole.indexOf("mark")).split(/\r\n|\n/);
        return { line: lines.length, column: (lines.at(-1) ?? "").length + 1 };
      };
      const { line, column } = at(source.text);
      expect(source.place(line, column)).toEqual(at(script));
    }),
  );
});
