import { afterAll, describe, expect, test } from "vitest";
import { type Limits, hookLimits, runLimits } from "../src/index.ts";
import { echo, errorOf, job, open, resultOf, script, shortLimits } from "./support.ts";

const { sandbox } = open({ maxChildren: 2, childrenForRuns: 2, childrenPerTenant: 2 });
afterAll(() => sandbox.close());

const run = (body: string, limits: Partial<Limits>) =>
  sandbox.run(job(script(body), { limits: { ...shortLimits, ...limits } }));

describe("limits", () => {
  test.each([
    ["calls", "for (let i = 0; i < input.n; i++) await crm.call('a');", { calls: 3 }, 3],
    [
      "concurrentCalls",
      "await Promise.all(Array.from({ length: input.n }, () => crm.call('a')));",
      { concurrentCalls: 4 },
      4,
    ],
    ["logLines", "for (let i = 0; i < input.n; i++) crm.log(i);", { logLines: 5 }, 5],
    // The quotes of the JSON text count.
    ["argumentBytes", "await crm.call('a', 'x'.repeat(input.n - 2));", { argumentBytes: 1_000 }, 1_000],
    ["argumentBytes", "await crm.call('a', 'é'.repeat((input.n - 2) / 2));", { argumentBytes: 1_000 }, 1_000],
    ["resultBytes", "return 'x'.repeat(input.n - 2);", { resultBytes: 1_000 }, 1_000],
    ["resultBytes", "return '😀'.repeat((input.n - 2) / 4);", { resultBytes: 1_002 }, 1_002],
  ] as const)("%s: what it allows passes, what is more fails", async (name, body, limits, limit) => {
    const attempt = (n: number) =>
      sandbox.run(job(script(body), { input: JSON.stringify({ n }), limits: { ...shortLimits, ...limits } }));
    expect((await attempt(limit)).status).toBe("done");
    const error = errorOf(await attempt(limit + 4));
    expect(error).toMatchObject({ code: "LIMIT", limit: { name, limit } });
    expect(error.limit?.used).toBeGreaterThan(limit);
  });

  test("the bytes of arguments are counted together for calls that wait at once, and freed by their answers", async () => {
    const half = "'x'.repeat(400)";
    expect(
      (await run(`for (let i = 0; i < 9; i++) await crm.call('a', ${half});`, { argumentBytes: 1_000 })).status,
    ).toBe("done");
    const together = await run(`await Promise.all([1, 2, 3].map(() => crm.call('a', ${half})));`, {
      argumentBytes: 1_000,
    });
    expect(errorOf(together).limit?.name).toBe("argumentBytes");
  });

  test("a script cannot go on by catching the breach", async () => {
    const outcome = await run("for (let i = 0; i < 9; i++) try { await crm.call('a'); } catch {} return 'went on';", {
      calls: 3,
    });
    expect(errorOf(outcome).limit).toEqual({ name: "calls", limit: 3, used: 4 });
  });

  test("memory: a script may use what it is given", async () => {
    const body = "const a = []; for (let i = 0; i < 20; i++) a.push(new Array(131072).fill(i)); return a.length;";
    expect(resultOf(await run(body, { memoryMb: 32 }))).toBe(20);
    expect(errorOf(await run(body, { memoryMb: 8 })).limit?.name).toBe("memoryMb");
  });

  test("CPU time is counted over slices; waiting costs none", async () => {
    const slow = {
      onCall: async (call: { id: number; args: string }) => (
        await new Promise((r) => setTimeout(r, 60)),
        echo(call as never, undefined as never)
      ),
    };
    const waits = await sandbox.run(
      job(script("for (let i = 0; i < 4; i++) await crm.call('a');"), {
        ...slow,
        limits: { ...shortLimits, cpuMs: 100 },
      }),
    );
    expect(waits).toMatchObject({ status: "done" });
    expect(waits.status === "done" && waits.cost.cpuMs).toBeLessThan(100);
    expect(waits.status === "done" && waits.cost.wallMs).toBeGreaterThan(200);
    const works = await run("for (;;) { for (let i = 0; i < 1e5; i++); await crm.call('a'); }", {
      cpuMs: 150,
      // Longer than all of them together: each takes some ms, unless the machine itself stands still for a while.
      sliceMs: 1_000,
    });
    expect(errorOf(works).limit).toMatchObject({ name: "cpuMs", limit: 150 });
  });

  test("clock time: a run that waits too long ends, its call hears of it, and its process goes on", async () => {
    let aborted = false;
    const onCall = (_call: unknown, signal: AbortSignal) =>
      new Promise<never>((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          aborted = true;
          reject(new Error("given up"));
        });
      });
    const before = sandbox.stats().started;
    const outcome = await sandbox.run(
      job(script("crm.log('before'); await crm.call('http');"), { onCall, limits: { ...shortLimits, wallMs: 150 } }),
    );
    expect(outcome).toMatchObject({
      status: "failed",
      error: { code: "LIMIT", limit: { name: "wallMs", limit: 150 } },
      log: [{ text: "before" }],
    });
    expect(aborted).toBe(true);
    expect(resultOf(await run("return 1;", {}))).toBe(1);
    expect(sandbox.stats().started).toBe(before);
  });

  test("a long log line is cut and says so; characters no database keeps are replaced", async () => {
    const outcome = await run(
      "crm.log('x'.repeat(50)); crm.log('\\0', '\\ud800'); console.warn({ a: 1 }, [2], undefined); return 1;",
      { logLineLength: 23 },
    );
    expect(outcome).toMatchObject({
      log: [
        { level: "info", text: `${"x".repeat(23)}… (27 more)` },
        { level: "info", text: "\ufffd \ufffd" },
        { level: "warn", text: '{"a":1} [2] undefined' },
      ],
    });
  });

  test("a run that is ended from outside keeps the log it had sent", async () => {
    const outcome = await run(
      "crm.log('first'); await crm.call('a'); const b = 1n << 20000000n; for (let c = b; ; ) c *= b;",
      {},
    );
    expect(outcome).toMatchObject({ status: "failed", error: { code: "LIMIT" }, log: [{ text: "first" }] });
  });

  test("what a run cost is told", async () => {
    const outcome = await run("crm.log(1); await crm.call('a'); await crm.call('b'); return 'abc';", {});
    expect(outcome).toMatchObject({ status: "done", cost: { calls: 2, logLines: 1, resultBytes: 5 } });
    expect(outcome.status === "done" && outcome.cost.memoryMb).toBeGreaterThan(0);
    expect(outcome.status === "done" && outcome.cost.memoryMb).toBeLessThan(8);
  });

  test("hooks have less than runs", () => {
    expect(hookLimits).toMatchObject({ sliceMs: 100, calls: 20 });
    expect(runLimits).toMatchObject({
      memoryMb: 32,
      sliceMs: 500,
      cpuMs: 2_000,
      wallMs: 300_000,
      calls: 2_000,
      concurrentCalls: 32,
      logLines: 200,
      resultBytes: 262_144,
    });
  });
});
