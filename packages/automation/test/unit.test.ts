import { GuanxiError } from "@guanxi/base";
import { describe, expect, test } from "vitest";
import { LimitPassed, createBudget, refusalText } from "../src/calls/answer.ts";
import { readArguments } from "../src/calls/call.ts";
import { hostCalls } from "../src/calls/index.ts";
import { createBrake } from "../src/relay/brake.ts";
import type { Change } from "../src/relay/match.ts";
import { createRelay } from "../src/relay/relay.ts";
import { defaultSettings } from "../src/settings.ts";
import type { Workflow } from "../src/workflows/workflow.ts";
import { pause, until } from "./support.ts";

const workflow = { name: "w", fault: undefined } as Workflow;
const change = (depth: number): Change => ({ record: "r", cause: { depth, workflow: "before" } }) as Change;

describe("the brake", () => {
  test("lets people change a record as often as they like", () => {
    const stop = createBrake(defaultSettings, new Map());
    for (let i = 0; i < 500; i++) expect(stop(workflow, change(0))).toBeNull();
  });

  test("stops a chain that is too long or too fast, and says why", () => {
    const stop = createBrake(defaultSettings, new Map([["w r", 98]]));
    expect(stop(workflow, change(15))).toBeNull();
    expect(stop(workflow, change(16))).toMatchObject({
      code: "GX-LIMIT",
      message: expect.stringContaining('"before"'),
    });
    expect(stop(workflow, change(1))).toBeNull();
    expect(stop(workflow, change(1))).toMatchObject({
      code: "GX-LIMIT",
      message: expect.stringContaining("101 times"),
    });
  });
});

describe("calls", () => {
  test.each([...hostCalls.values()].map((call) => [call.op, call] as const))(
    "%s refuses missing arguments instead of doing anything",
    async (_, call) => {
      const touched = new Proxy({}, { get: () => () => expect.fail("the kernel was asked") });
      const context = {
        kernel: { records: touched } as never,
        session: {} as never,
        budget: createBudget({ rowsRead: 9, rowsWritten: 9 }),
      };
      await expect(call.run(context, readArguments("{}"))).rejects.toMatchObject({ code: "VALIDATION" });
      expect(call.op).toMatch(/^[a-z]+\.[a-z]+$/);
      expect(call.inBefore).toBe(call.kind === "read");
    },
  );

  test("a refusal keeps its code and every fault", () => {
    const error = new GuanxiError("VALIDATION", {
      issues: [
        { path: "/a", code: "required" },
        { path: "/b", code: "minimum", params: { limit: 3 } },
      ],
    });
    expect(JSON.parse(refusalText(error))).toEqual({
      name: "Refusal",
      code: "GX-VALIDATION",
      message: "Some values are not valid: /a is required; /b must be at least 3",
      data: [
        { path: "/a", code: "required", message: "is required" },
        { path: "/b", code: "minimum", message: "must be at least 3" },
      ],
    });
  });

  test("rows count over activations", () => {
    const budget = createBudget({ rowsRead: 10, rowsWritten: 2 }, { rowsRead: 8, rowsWritten: 0 });
    budget.read(2);
    expect(() => budget.read(1)).toThrow(LimitPassed);
    budget.write(2);
    expect(() => budget.write(1)).toThrow("limit rowsWritten passed: 3 of 2");
  });
});

describe("the relay", () => {
  const settings = { ...defaultSettings, relayMs: 1, relayTenants: 2 };
  const awake = { onRuns: async () => undefined, calm: () => false };

  test("one dispatch serves a burst, and a signal during a dispatch is not lost", async () => {
    const gate = Promise.withResolvers<void>();
    const seen: string[] = [];
    const relay = createRelay(
      {
        ...awake,
        async dispatch(tenant) {
          seen.push(tenant);
          if (seen.length === 1) await gate.promise;
          return { events: 1, runs: 0, more: false };
        },
      },
      settings,
      () => undefined,
    );
    for (let i = 0; i < 50; i++) relay.signal("a");
    await until(() => seen.length === 1);
    for (let i = 0; i < 50; i++) relay.signal("a");
    gate.resolve();
    await until(() => seen.length === 2);
    await pause(30);
    expect(seen).toEqual(["a", "a"]);
    await relay.stop();
  });

  test("tenants take turns by batches, a few at once, and a fault of one is tried again", async () => {
    let active = 0;
    let most = 0;
    const left = new Map([
      ["a", 5],
      ["b", 1],
      ["c", 1],
    ]);
    const order: string[] = [];
    const faults: string[] = [];
    const relay = createRelay(
      {
        ...awake,
        async dispatch(tenant) {
          most = Math.max(most, ++active);
          await pause(2);
          active--;
          if (tenant === "c" && faults.length === 0) throw new Error("lost");
          order.push(tenant);
          left.set(tenant, left.get(tenant)! - 1);
          return { events: 1, runs: 0, more: left.get(tenant)! > 0 };
        },
      },
      settings,
      (o) => void (o.kind === "background_failed" && faults.push(o.task)),
    );
    for (const tenant of ["a", "b", "c"]) relay.signal(tenant);
    await until(() => [...left.values()].every((n) => n === 0));
    expect(most).toBe(2);
    expect(order.indexOf("b")).toBeLessThan(3);
    expect(faults).toEqual(["relay"]);
    await relay.stop();
  });

  test("a tenant for whose changes nobody waits rests before its batch, which is followed by what it left behind at once", async () => {
    const seen: { tenant: string; at: number }[] = [];
    const relay = createRelay(
      {
        ...awake,
        calm: (tenant) => tenant === "calm",
        async dispatch(tenant) {
          seen.push({ tenant, at: performance.now() });
          return { events: 1, runs: 0, more: seen.filter((s) => s.tenant === "calm").length === 1 };
        },
      },
      { ...settings, calmRelayMs: 150 },
      () => undefined,
    );
    const started = performance.now();
    for (let i = 0; i < 20; i++) relay.signal("calm");
    relay.signal("awake");
    await until(() => seen.length === 3);
    await pause(200);
    expect(seen.map((s) => s.tenant)).toEqual(["awake", "calm", "calm"]);
    expect(seen[1]!.at - started).toBeGreaterThanOrEqual(145);
    expect(seen[2]!.at - seen[1]!.at).toBeLessThan(145);
    relay.signal("calm");
    await relay.stop();
    await pause(200);
    expect(seen.length).toBe(3);
  });

  test("stop waits for the batch under way and hears nothing more", async () => {
    let ended = 0;
    const relay = createRelay(
      {
        ...awake,
        async dispatch() {
          await pause(50);
          ended++;
          return { events: 1, runs: 0, more: true };
        },
      },
      settings,
      () => undefined,
    );
    relay.signal("a");
    await pause(20);
    await relay.stop();
    relay.signal("a");
    await pause(80);
    expect(ended).toBe(1);
  });
});
