import { setTimeout as pause } from "node:timers/promises";
import type { Observation } from "@guanxi/base";
import { afterEach, describe, expect, test, vi } from "vitest";
import { createSweep } from "../src/index.ts";

/** ms that no test waits for: what is due by then comes with `all` alone. */
const never = 600_000;
const tenants = ["a", "b", "c", "d", "e"];

let stopping: (() => Promise<void>) | undefined;
afterEach(async () => {
  await stopping?.();
  stopping = undefined;
});

const until = (condition: () => boolean): Promise<void> =>
  vi.waitFor(() => expect(condition()).toBe(true), { interval: 1, timeout: 5_000 });

/** A sweep with what it visited, in order, and what it observed. */
function sweeping(
  visit: (tenant: string) => Promise<void> = async () => undefined,
  { intervalMs = never, list = async () => tenants }: { intervalMs?: number; list?: () => Promise<string[]> } = {},
) {
  const visited: string[] = [];
  const faults: Observation[] = [];
  const sweep = createSweep({
    task: "rounds",
    list,
    async visit(tenant) {
      visited.push(tenant);
      await visit(tenant);
    },
    intervalMs,
    observe: (o) => void faults.push(o),
  });
  stopping = sweep.stop;
  return { sweep, visited, faults };
}

describe("a sweep", () => {
  test("visits all when told to, then one at a time", async () => {
    const { sweep, visited, faults } = sweeping(undefined, { intervalMs: 40 });
    sweep.all();
    await until(() => visited.length >= tenants.length);
    expect(visited.slice(0, tenants.length).toSorted()).toEqual(tenants);
    await until(() => visited.length >= 2 * tenants.length);
    expect(visited.slice(tenants.length, 2 * tenants.length)).toEqual(tenants);
    await sweep.stop();
    const count = visited.length;
    await pause(80);
    expect(visited).toHaveLength(count);
    expect(faults).toEqual([]);
  });

  test("a tenant that fails keeps nobody else from their visit, and nobody is visited twice for it", async () => {
    const broken = new Error("no such table");
    const { sweep, visited, faults } = sweeping(async (tenant) => {
      if (tenant === "b") throw broken;
    });
    for (const round of [1, 2, 3]) {
      sweep.all();
      await until(() => visited.length >= round * tenants.length);
      await pause(5);
      expect(visited.slice((round - 1) * tenants.length).toSorted()).toEqual(tenants);
      expect(faults).toHaveLength(round);
    }
    expect(faults[0]).toEqual({ kind: "background_failed", task: "rounds", tenant: "b", error: broken });
  });

  test("what failed is tried again at the next tick, once, and the slow round goes on", async () => {
    const { sweep, visited, faults } = sweeping(
      async (tenant) => {
        if (tenant === "b") throw new Error("still broken");
      },
      { intervalMs: 40 },
    );
    sweep.all();
    await until(() => visited.length >= tenants.length + 8);
    const after = visited.slice(tenants.length, tenants.length + 8);
    expect(after).toEqual(["b", "a", "b", "b", "c", "d", "e", "a"]);
    expect(faults.every((o) => o.kind === "background_failed" && o.tenant === "b")).toBe(true);
  });

  test("a fault that is over is not tried again", async () => {
    let faulty = true;
    const { sweep, visited } = sweeping(
      async (tenant) => {
        if (tenant !== "c" || !faulty) return;
        faulty = false;
        throw new Error("once");
      },
      { intervalMs: 40 },
    );
    sweep.all();
    await until(() => visited.length >= tenants.length + 4);
    expect(visited.slice(tenants.length, tenants.length + 4)).toEqual(["c", "a", "b", "c"]);
  });

  test("only where nobody could be listed is the whole round made again", async () => {
    const list = vi.fn(async () => {
      if (list.mock.calls.length === 1) throw new Error("no database yet");
      return tenants;
    });
    const { sweep, visited, faults } = sweeping(undefined, { intervalMs: 40, list });
    sweep.all();
    await until(() => visited.length >= tenants.length);
    expect(visited.slice(0, tenants.length).toSorted()).toEqual(tenants);
    await until(() => visited.length > tenants.length);
    // The next to list is the slow round, which begins with one.
    expect(list).toHaveBeenCalledTimes(3);
    expect(visited).toHaveLength(tenants.length + 1);
    expect(faults).toMatchObject([{ kind: "background_failed", task: "rounds" }]);
    expect(faults[0]).not.toHaveProperty("tenant");
  });

  test.each(["during the visits", "while tenants are listed"])(
    "told %s, it visits all once more at once",
    async (when) => {
      let tell: () => void = () => undefined;
      const list = async (): Promise<string[]> => {
        await pause(1);
        if (when === "while tenants are listed") tell();
        return tenants;
      };
      const { sweep, visited } = sweeping(
        async (tenant) => {
          if (tenant === "c" && when === "during the visits") tell();
        },
        { list },
      );
      tell = () => {
        tell = () => undefined;
        sweep.all();
        sweep.all();
      };
      sweep.all();
      await until(() => visited.length >= 2 * tenants.length);
      await pause(5);
      expect(visited).toHaveLength(2 * tenants.length);
      expect(visited.slice(tenants.length).toSorted()).toEqual(tenants);
    },
  );

  test("it stops when every visit under way has ended, also beside one that failed, and begins no other", async () => {
    const gate = Promise.withResolvers<void>();
    const ended: string[] = [];
    const { sweep, visited } = sweeping(async (tenant) => {
      if (tenant === "a") throw new Error("broken");
      await gate.promise;
      ended.push(tenant);
    });
    sweep.all();
    await until(() => visited.length === 3);
    let stopped = false;
    const stop = sweep.stop().then(() => (stopped = true));
    await pause(20);
    expect(stopped).toBe(false);
    gate.resolve();
    await stop;
    expect(ended).toEqual(["b", "c"]);
    sweep.all();
    await pause(5);
    expect(visited).toEqual(["a", "b", "c"]);
  });
});
