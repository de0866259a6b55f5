import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import type { CallAnswer } from "../src/index.ts";
import { childrenOf, echo, errorOf, isRunning, job, open, resultOf, script, startedAt, until } from "./support.ts";

const { sandbox, pids } = open({ maxChildren: 1, childrenForRuns: 1 });
afterAll(() => sandbox.close());

const quick = script("return 1;");
const lastPid = (): number => pids().at(-1) ?? 0;
const linux = process.platform === "linux";

describe("a child process", () => {
  test.runIf(linux)("has no environment, no rights and no more flags than it needs", async () => {
    await sandbox.run(job(quick));
    const proc = (file: string): string => readFileSync(`/proc/${lastPid()}/${file}`, "utf8");
    const environment = proc("environ").split("\0").filter(Boolean);
    // How Node finds the channel to its parent.
    expect(environment.filter((entry) => !entry.startsWith("NODE_CHANNEL_"))).toEqual(["TZ=UTC"]);
    const flags = proc("cmdline").split("\0");
    for (const flag of ["--jitless", "--no-node-snapshot", "--permission"]) expect(flags).toContain(flag);
    for (const flag of flags) expect(flag).not.toMatch(/--allow-(?:fs-write|child-process|worker|wasi|inspector)/);
    if (process.getuid?.() !== 0) return;
    expect(/^Uid:\s+(.*)$/m.exec(proc("status"))?.[1]?.split(/\s+/)).toEqual(["65534", "65534", "65534", "65534"]);
    expect(/^Gid:\s+(.*)$/m.exec(proc("status"))?.[1]?.split(/\s+/)).toEqual(["65534", "65534", "65534", "65534"]);
    expect(/^Groups:[ \t]*(.*)$/m.exec(proc("status"))?.[1]?.trim()).toBe("");
    expect(/^CapEff:\s*(.*)$/m.exec(proc("status"))?.[1]).toMatch(/^0+$/);
  });

  test("that is killed from outside puts its run back, and the call hears of it", async () => {
    let aborted: AbortSignal | undefined;
    const onCall = (_call: unknown, signal: AbortSignal): Promise<CallAnswer> => {
      aborted = signal;
      process.kill(lastPid(), "SIGKILL");
      return new Promise(() => {});
    };
    const outcome = await sandbox.run(job(script("return crm.call('a');"), { onCall }));
    expect(outcome).toEqual({ status: "put_back", reason: "child_died" });
    expect(aborted?.aborted).toBe(true);
    expect(resultOf(await sandbox.run(job(quick)))).toBe(1);
  });

  test("that is killed while it is idle is not missed", async () => {
    const pid = lastPid();
    process.kill(pid, "SIGKILL");
    await until("it is gone", () => sandbox.stats().children === 0);
    expect(resultOf(await sandbox.run(job(quick)))).toBe(1);
    expect(lastPid()).not.toBe(pid);
  });

  test("lets the signals of a stopping server pass", async () => {
    const onCall = async (call: Parameters<typeof echo>[0], signal: AbortSignal): Promise<CallAnswer> => {
      for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.kill(lastPid(), name);
      await new Promise((resolve) => setTimeout(resolve, 50));
      return echo(call, signal);
    };
    const before = lastPid();
    expect(resultOf(await sandbox.run(job(script("return crm.call('a', 7);"), { onCall })))).toBe(7);
    expect(resultOf(await sandbox.run(job(quick)))).toBe(1);
    expect(lastPid()).toBe(before);
  });

  test("does not outlive its server, even in a script that nothing stops", async () => {
    const server = spawn(process.execPath, [fileURLToPath(new URL("server-child.ts", import.meta.url))], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    server.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
    await until("the script runs", () => said.includes("running"), 15_000);
    const told = [...said.matchAll(/child (\d+)/g)].map((match) => Number(match[1]));
    // Spares included, where the system tells.
    const children = childrenOf(server.pid ?? 0) ?? told;
    expect(children.length).toBeGreaterThan(0);
    expect(children.every(isRunning)).toBe(true);
    server.kill("SIGKILL");
    await until("all its children are gone", () => !children.some(isRunning));
  });
});

describe("a run that is given up", () => {
  test("because its caller cancels it is put back, and its process goes on", async () => {
    const before = sandbox.stats().started;
    const controller = new AbortController();
    const onCall = (): Promise<CallAnswer> => {
      controller.abort();
      return new Promise(() => {});
    };
    const outcome = await sandbox.run(job(script("return crm.call('a');"), { onCall, signal: controller.signal }));
    expect(outcome).toEqual({ status: "put_back", reason: "cancelled" });
    expect(resultOf(await sandbox.run(job(quick)))).toBe(1);
    expect(sandbox.stats().started).toBe(before);
  });

  test("before it began never begins", async () => {
    let made = 0;
    const onCall = async (): Promise<CallAnswer> => {
      made++;
      return { ok: true, value: "1", at: startedAt };
    };
    const cancelled = await sandbox.run(job(script("return crm.call('a');"), { onCall, signal: AbortSignal.abort() }));
    expect(cancelled).toEqual({ status: "put_back", reason: "cancelled" });
    expect(made).toBe(0);
  });

  test("because a call could not be done is put back with the cause, unseen by the script", async () => {
    const lost = new Error("connection lost");
    const onCall = async (): Promise<CallAnswer> => Promise.reject(lost);
    const code = script("try { await crm.call('a'); } catch { crm.log('seen'); } return 1;");
    const outcome = await sandbox.run(job(code, { onCall }));
    expect(outcome).toEqual({ status: "put_back", reason: "call_failed", cause: lost });
    expect(resultOf(await sandbox.run(job(quick)))).toBe(1);
  });

  test("because the sandbox closes is put back, and no process is left", async () => {
    const { sandbox: closing, pids: children } = open({ maxChildren: 2, childrenForRuns: 1 });
    const runs = [1, 2, 3].map(() =>
      closing.run(job(script("return crm.call('a');"), { onCall: () => new Promise(() => {}) })),
    );
    await until("one runs", () => closing.stats().busy === 1);
    await closing.close();
    for (const outcome of await Promise.all(runs)) expect(outcome).toEqual({ status: "put_back", reason: "stopped" });
    expect(children().filter(isRunning)).toEqual([]);
    expect(await closing.run(job(quick))).toEqual({ status: "put_back", reason: "stopped" });
    await expect(closing.lease("acme")).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await expect(closing.compile(quick)).rejects.toThrow("closed");
  });
});

test("many small runs leave the process as large as it was", async () => {
  const rssMb = (): number => Number(readFileSync(`/proc/${lastPid()}/statm`, "utf8").split(" ")[1]) / 256;
  if (!linux) return;
  for (let i = 0; i < 50; i++) await sandbox.run(job(quick));
  const before = rssMb();
  for (let i = 0; i < 300; i++) expect((await sandbox.run(job(quick))).status).toBe("done");
  expect(rssMb() - before).toBeLessThan(20);
});

test("input or an answer that is no JSON is our caller's fault and says so", async () => {
  expect(errorOf(await sandbox.run(job(quick, { input: "{" })))).toMatchObject({ code: "SCRIPT", name: "SyntaxError" });
  const onCall = async (): Promise<CallAnswer> => ({ ok: true, value: "{", at: startedAt });
  const error = errorOf(await sandbox.run(job(script("return crm.call('a');"), { onCall })));
  expect(error.message).toBe("the answer to call 1 (a) cannot be read");
});
