import { afterAll, describe, expect, test } from "vitest";
import type { LimitName } from "../src/index.ts";
import { errorOf, job, open, resultOf, script, shortLimits } from "./support.ts";

const { sandbox, seen } = open({ maxChildren: 3, childrenForRuns: 3, childrenPerTenant: 2 });
afterAll(() => sandbox.close());

const sumOfSlices: readonly LimitName[] = ["cpuMs"];
/** What each must end with: a limit that was passed (one of them, where it depends on the machine which comes first), or an error of the script. */
const hostile: readonly [name: string, code: string, limits: readonly LimitName[] | RegExp][] = [
  ["an endless loop", script("for (;;);"), ["sliceMs"]],
  ["an endless loop after an await", script("await crm.call('a'); for (;;);"), ["sliceMs"]],
  ["endless microtasks", script("for (;;) await null;"), ["sliceMs"]],
  ["an endless loop at the top level", `for (;;);\n${script("")}`, ["sliceMs"]],
  ["a thrown object with a looping getter", script("throw { get message() { for (;;); } };"), ["sliceMs"]],
  ["a thrown proxy that loops", script("throw new Proxy({}, { get() { for (;;); } });"), ["sliceMs"]],
  [
    "an unhandled rejection with a looping getter",
    script("Promise.reject({ get stack() { for (;;); } });"),
    ["sliceMs"],
  ],
  ["a looping toJSON in the result", script("return { toJSON() { for (;;); } };"), ["sliceMs"]],
  ["a looping thenable as the result", script("return { then() { for (;;); } };"), ["sliceMs"]],
  ["a looping toJSON in arguments", script("await crm.call('a', { toJSON() { for (;;); } });"), ["sliceMs"]],
  ["a looping finally", script("try { for (;;); } finally { for (;;); }"), ["sliceMs"]],
  ["many slices", script("for (;;) { await crm.call('a'); for (let i = 0; i < 1e5; i++); }"), sumOfSlices],
  ["a regular expression that backtracks", script("return /^(a+)+\\1$/.test('a'.repeat(64) + 'b');"), ["sliceMs"]],
  ["big products", script("let b = 1n << 20000000n; for (;;) b *= b;"), ["sliceMs", "memoryMb"]],
  [
    "an array that grows",
    script("const a = []; for (;;) a.push(new Array(1000).fill(a.length));"),
    ["memoryMb", "sliceMs"],
  ],
  [
    "buffers",
    script("const a = []; for (;;) a.push(new Uint8Array(1e6).fill(1));"),
    /Array buffer allocation failed|memoryMb|sliceMs/,
  ],
  ["a set that grows", script("const s = new Set(); for (let i = 0; ; i++) s.add(i);"), ["memoryMb", "sliceMs"]],
  ["a huge split", script("return 'x'.padEnd(2 ** 28).split('');"), ["memoryMb", "sliceMs"]],
  ["a result of 200 MB", script("return 'x'.repeat(2e8);"), ["resultBytes", "memoryMb", "sliceMs", "cpuMs"]],
  [
    "arguments of 200 MB",
    script("await crm.call('a', 'x'.repeat(2e8));"),
    ["argumentBytes", "memoryMb", "sliceMs", "cpuMs"],
  ],
  ["a flood of calls", script("for (;;) crm.call('a');"), ["concurrentCalls"]],
  ["a flood of calls that catches", script("for (;;) try { crm.call('a'); } catch {}"), ["sliceMs"]],
  ["too many calls", script("for (;;) await crm.call('a');"), ["calls", "cpuMs"]],
  ["a flood of lines", script("for (;;) crm.log('x');"), ["logLines"]],
  ["a flood of lines through the console", script("for (;;) console.log('x');"), ["logLines"]],
  ["an endless recursion", script("const f = () => f() + 1; return f();"), /Maximum call stack/],
  ["a promise that never comes", script("await new Promise(() => {});"), /waits for something that never comes/],
  ["top-level code that throws", `throw new Error("at once");\n${script("")}`, /at once/],
  ["a cycle as the result", script("const a = {}; a.a = a; return a;"), /circular/],
  ["no default export", "export const a = 1;", /default export/],
  ["an import", `import fs from "node:fs";\n${script("")}`, /cannot import "node:fs"/],
  ["a dynamic import", script("await import('node:fs');"), /Not supported/],
  ["code that is none", "export default async () => { let x = ; }", /Unexpected token/],
];

describe("hostile scripts", () => {
  test.each(hostile)("%s", async (_name, code, expected) => {
    const neighbour = sandbox.run(job(script("return (await crm.call('a', 42)) + 1;"), { tenant: "neighbour" }));
    // Only their sum ends many slices, also where the machine stands still for a while in one of them.
    const limits = expected === sumOfSlices ? { ...shortLimits, sliceMs: 1_000 } : shortLimits;
    const error = errorOf(await sandbox.run(job(code, { limits })));
    if (expected instanceof RegExp) expect(`${error.limit?.name} ${error.message}`).toMatch(expected);
    else {
      expect(expected).toContain(error.limit?.name);
      expect(error.code).toBe("LIMIT");
      expect(error.limit?.used).toBeGreaterThanOrEqual(error.limit?.limit ?? Infinity);
      expect(error.message).toContain(`limit ${error.limit?.name} was passed`);
    }
    expect(resultOf(await neighbour)).toBe(43);
    expect(resultOf(await sandbox.run(job(script("return 'still here';"))))).toBe("still here");
  });

  test("none of them cost the neighbour its process", () => {
    const killed = seen.filter((o) => o.kind === "sandbox_killed" && o.tenant === "neighbour");
    expect(killed).toEqual([]);
  });
});
