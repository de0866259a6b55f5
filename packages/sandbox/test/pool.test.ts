import { GuanxiError } from "@guanxi/base";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import type { Observation } from "@guanxi/base";
import type { CallAnswer, Sandbox, SandboxOptions } from "../src/index.ts";
import { FairQueue } from "../src/fair-queue.ts";
import { childrenOf, errorOf, isRunning, job, open, resultOf, script, startedAt, until } from "./support.ts";

let current: Sandbox | undefined;
afterEach(() => current?.close());

function start(options: Partial<SandboxOptions>) {
  const opened = open(options);
  current = opened.sandbox;
  return opened;
}

const quick = script("return 1;");
/** A call that is answered when the test says so. */
function gate() {
  const { promise, resolve } = Promise.withResolvers<CallAnswer>();
  return { onCall: () => promise, open: () => resolve({ ok: true, value: "1", at: startedAt }) };
}
const waiting = script("return crm.call('gate');");

describe("turns", () => {
  test("no tenant is served twice while another that waits is not served", () => {
    const steps = fc.array(
      fc.oneof(fc.record({ push: fc.constantFrom("a", "b", "c", "d") }), fc.constant("take" as const)),
    );
    fc.assert(
      fc.property(steps, (all) => {
        const queue = new FairQueue<number>();
        /** Turns others have had since the tenant began to wait or was served. */
        const passed = new Map<string, Map<string, number>>();
        const order = new Map<string, number[]>();
        for (const [i, step] of all.entries()) {
          if (step !== "take") {
            if (queue.waiting(step.push) === 0) passed.set(step.push, new Map());
            queue.push(step.push, i);
            continue;
          }
          const [tenant] = queue.turns();
          if (tenant === undefined) continue;
          order.set(tenant, [...(order.get(tenant) ?? []), queue.take(tenant) ?? -1]);
          for (const [other, counts] of passed) {
            if (other === tenant || queue.waiting(other) === 0) continue;
            counts.set(tenant, (counts.get(tenant) ?? 0) + 1);
            expect(counts.get(tenant)).toBeLessThanOrEqual(1);
          }
          passed.set(tenant, new Map());
        }
        for (const taken of order.values()) expect(taken).toEqual(taken.toSorted((a, b) => a - b));
      }),
    );
  });

  test("one tenant's long queue delays another's single run by less than a second", async () => {
    const { sandbox } = start({ maxChildren: 1, childrenForRuns: 1, childrenPerTenant: 1 });
    const body = script("for (let i = 0; i < 2e5; i++); return 1;");
    await sandbox.run(job(body, { tenant: "many" }));
    let done = 0;
    const many = Array.from({ length: 600 }, () => sandbox.run(job(body, { tenant: "many" })).then(() => done++));
    await until("some are done", () => done > 20);
    const before = performance.now();
    expect(resultOf(await sandbox.run(job(quick, { tenant: "single" })))).toBe(1);
    // Well under a second on a machine of its own.
    expect(performance.now() - before).toBeLessThan(10_000);
    expect(done).toBeLessThan(600);
    await sandbox.close();
    await Promise.all(many);
  });

  test("a tenant keeps its process for a while, so that turns do not cost more than the work", async () => {
    const { sandbox } = start({ maxChildren: 1, childrenForRuns: 1, childrenPerTenant: 1 });
    const runs = ["a", "b"].flatMap((tenant) => Array.from({ length: 60 }, () => sandbox.run(job(quick, { tenant }))));
    for (const outcome of await Promise.all(runs)) expect(resultOf(outcome)).toBe(1);
    expect(sandbox.stats()).toMatchObject({ runs: 120, queuedRuns: 0 });
    expect(sandbox.stats().started).toBeLessThan(20);
  });

  test("a pause between two runs costs a tenant no process, although others wait", async () => {
    const { sandbox } = start({ maxChildren: 1, childrenForRuns: 1, childrenPerTenant: 1 });
    await sandbox.run(job(quick, { tenant: "a" }));
    const other = sandbox.run(job(quick, { tenant: "b" }));
    expect(resultOf(await sandbox.run(job(quick, { tenant: "a" })))).toBe(1);
    expect(sandbox.stats()).toMatchObject({ started: 1, queuedRuns: 1 });
    expect(resultOf(await other)).toBe(1);
    expect(sandbox.stats()).toMatchObject({ started: 2, queuedRuns: 0 });
  });

  test("tenants start no more processes than their even share", async () => {
    const { sandbox } = start({ maxChildren: 5, childrenForRuns: 4, childrenPerTenant: 3 });
    const { onCall, open: release } = gate();
    const begin = (tenant: string) => sandbox.run(job(waiting, { tenant, onCall }));
    const runs = [begin("a"), begin("b")];
    await until("both run", () => sandbox.stats().busy === 2);
    runs.push(begin("a"), begin("a"), begin("b"));
    await until("each has two", () => sandbox.stats().busy === 4);
    expect(sandbox.stats()).toMatchObject({ children: 4, queuedRuns: 1 });
    release();
    for (const outcome of await Promise.all(runs)) expect(resultOf(outcome)).toBe(1);
    expect(sandbox.stats().started).toBe(4);
  });

  test("slow runs of one tenant leave a process to others, and one to hooks", async () => {
    const { sandbox } = start({ maxChildren: 3 });
    const { onCall, open: release } = gate();
    const slow = Array.from({ length: 4 }, () => sandbox.run(job(waiting, { tenant: "slow", onCall })));
    await until("one of them runs", () => sandbox.stats().busy === 1);
    expect(resultOf(await sandbox.run(job(quick, { tenant: "other" })))).toBe(1);
    expect(sandbox.stats()).toMatchObject({ busy: 1, queuedRuns: 3 });
    const alsoSlow = sandbox.run(job(waiting, { tenant: "other", onCall }));
    await until("both run", () => sandbox.stats().busy === 2);
    const third = sandbox.run(job(quick, { tenant: "third" }));
    const lease = await sandbox.lease("hooks");
    expect(resultOf(await lease.run(job(quick, { tenant: "hooks" })))).toBe(1);
    lease.release();
    expect(sandbox.stats()).toMatchObject({ busy: 2, queuedRuns: 4 });
    release();
    for (const outcome of await Promise.all([...slow, alsoSlow, third])) expect(resultOf(outcome)).toBe(1);
  });
});

describe("processes", () => {
  const startedFor = (seen: Observation[]) =>
    seen.flatMap((o) => (o.kind === "sandbox_started" ? [{ tenant: o.tenant, pid: o.pid }] : []));

  test("serve one tenant for life, and the one unused for longest makes room", async () => {
    const { sandbox, seen } = start({ maxChildren: 2, childrenForRuns: 2 });
    for (const tenant of ["a", "b", "a", "c", "a"]) expect(resultOf(await sandbox.run(job(quick, { tenant })))).toBe(1);
    const started = startedFor(seen);
    expect(started.map((s) => s.tenant)).toEqual(["a", "b", "c"]);
    expect(new Set(started.map((s) => s.pid)).size).toBe(3);
    expect(seen.filter((o) => o.kind === "sandbox_ended")).toMatchObject([{ tenant: "b", pid: started[1]?.pid }]);
    expect(sandbox.stats()).toMatchObject({ children: 2, busy: 0 });
  });

  test("are replaced after their runs", async () => {
    const { sandbox, pids } = start({ maxChildren: 1, runsPerChild: 3 });
    for (let i = 0; i < 7; i++) expect(resultOf(await sandbox.run(job(quick)))).toBe(1);
    expect(new Set(pids()).size).toBe(3);
    await until("the old ones are gone", () => pids().filter(isRunning).length === 1);
  });

  test("are kept in reserve when wanted, and only once the sandbox is used", async () => {
    const { sandbox, pids } = start({ maxChildren: 2, spareChildren: 1, childrenForRuns: 2 });
    expect(sandbox.stats()).toMatchObject({ started: 0, spares: 0 });
    await sandbox.run(job(quick, { tenant: "a" }));
    expect(sandbox.stats()).toMatchObject({ started: 2, spares: 1 });
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const before = childrenOf(process.pid);
    await sandbox.run(job(quick, { tenant: "b" }));
    // The spare became b's, and another took its place.
    if (before) expect(before).toContain(pids().at(-1));
    expect(sandbox.stats()).toMatchObject({ children: 2, spares: 1, started: 3 });
  });

  test("that cannot start are reported and tried again later, not in a storm", async () => {
    const { sandbox, seen } = start({ maxChildren: 2, prelude: "(host) => { throw new Error('a broken prelude') }" });
    const stopped = sandbox.run(job(quick));
    await expect(sandbox.lease("a", { timeoutMs: 50 })).rejects.toMatchObject({ code: "UNAVAILABLE" });
    const failures = () => seen.flatMap((o) => (o.kind === "background_failed" ? [String(o.error)] : []));
    await until("the failure is reported", () => failures().length > 0, 10_000);
    expect(failures()[0]).toContain("a broken prelude");
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(sandbox.stats().started).toBeLessThan(5);
    await sandbox.close();
    expect(await stopped).toEqual({ status: "put_back", reason: "stopped" });
  });
});

describe("a lease", () => {
  test("runs several hooks in one process that nobody else gets meanwhile", async () => {
    const { sandbox, pids } = start({ maxChildren: 1 });
    const lease = await sandbox.lease("acme");
    for (let i = 0; i < 3; i++) expect(resultOf(await lease.run(job(quick)))).toBe(1);
    const run = sandbox.run(job(quick, { tenant: "other" }));
    await expect(sandbox.lease("acme", { timeoutMs: 50 })).rejects.toBeInstanceOf(GuanxiError);
    expect(sandbox.stats()).toMatchObject({ busy: 1, queuedRuns: 1, queuedLeases: 0 });
    expect(pids().length).toBe(1);
    lease.release();
    lease.release();
    expect(resultOf(await run)).toBe(1);
    await expect(lease.run(job(quick))).rejects.toThrow("until it is released");
  });

  test("goes before queued runs", async () => {
    const { sandbox } = start({ maxChildren: 1, childrenForRuns: 1 });
    const order: string[] = [];
    const { onCall, open: release } = gate();
    const first = sandbox.run(job(waiting, { onCall }));
    await until("it runs", () => sandbox.stats().busy === 1);
    const runs = [1, 2].map(() => sandbox.run(job(quick)).then(() => order.push("run")));
    const leased = sandbox.lease("acme").then((lease) => {
      order.push("lease");
      lease.release();
    });
    release();
    await Promise.all([first, leased, ...runs]);
    expect(order).toEqual(["lease", "run", "run"]);
  });

  test("continues in another process after a script brought its own down", async () => {
    const { sandbox, pids } = start({ maxChildren: 1 });
    const lease = await sandbox.lease("acme");
    const bomb = script("const b = 1n << 20000000n; for (let c = b; ; ) c *= b;");
    expect(errorOf(await lease.run(job(bomb))).code).toBe("LIMIT");
    expect(resultOf(await lease.run(job(quick)))).toBe(1);
    expect(pids().length).toBe(2);
    lease.release();
    expect(sandbox.stats().busy).toBe(0);
  });

  test("is for its own tenant", async () => {
    const { sandbox } = start({ maxChildren: 1 });
    const lease = await sandbox.lease("acme");
    await expect(lease.run(job(quick, { tenant: "other" }))).rejects.toThrow("only its own tenant's jobs");
    lease.release();
  });
});
