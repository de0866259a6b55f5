import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { GuanxiError } from "@guanxi/base";
import { DatabaseError } from "@guanxi/store";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { faultText } from "../src/fault-text.ts";
import { createLog, type Log, type LogOptions } from "../src/log.ts";

function logged(options: Partial<LogOptions> = {}): Log & { lines(): Record<string, unknown>[] } {
  const written: string[] = [];
  const log = createLog({ level: "info", stream: { write: (line) => written.push(line) }, ...options });
  return { ...log, lines: () => written.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

const causeOf = <T>(work: () => T): unknown => {
  try {
    return work();
  } catch (e) {
    return e;
  }
};

describe("a line", () => {
  test("has time, level and kind beside what it tells", () => {
    const log = logged();
    log.observe({ kind: "slow_statement", plan: "lead.update", ms: 1_200 });
    const [line] = log.lines();
    expect(line).toEqual({
      level: "warn",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      kind: "slow_statement",
      plan: "lead.update",
      ms: 1_200,
    });
  });

  test("is written from the level on that is set", () => {
    const request = { kind: "request", id: "1", method: "GET", route: "/api/me", status: 200, ms: 1 } as const;
    const kinds = (level: LogOptions["level"]): unknown[] => {
      const log = logged({ level });
      log.observe({ kind: "statement", plan: "lead.list", ms: 1, ok: true });
      log.observe(request);
      log.observe({ kind: "stopping", reason: "SIGTERM" });
      log.observe({ kind: "slow_statement", plan: "lead.list", ms: 2_000 });
      log.observe({ kind: "request_failed", id: "1", error: new Error("no") });
      return log.lines().map((line) => line["kind"]);
    };
    const all = ["statement", "request", "stopping", "slow_statement", "request_failed"];
    expect(kinds("trace")).toEqual(all);
    expect(kinds("debug")).toEqual(all.slice(1));
    expect(kinds("info")).toEqual(all.slice(2));
    expect(kinds("warn")).toEqual(all.slice(3));
    expect(kinds("error")).toEqual(all.slice(4));
    expect(kinds("silent")).toEqual([]);
  });

  test.each([
    ["exit", 3],
    ["crash", 1],
    ["reject", 1],
    ["end", 0],
  ])("is not lost at %s", async (way, code) => {
    const child = spawn(process.execPath, [fileURLToPath(new URL("./log-child.ts", import.meta.url)), way]);
    let text = "";
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    expect(await new Promise((resolve) => child.once("close", resolve))).toBe(code);
    const lines = text.split("\n").filter((line) => line.startsWith("{"));
    expect(lines.map((line) => String(JSON.parse(line).message).split(" ")[1])).toEqual(
      Array.from({ length: 1_000 }, (_, i) => String(i)),
    );
  });
});

describe("a fault", () => {
  test("of ours has the place it came from, and its causes", () => {
    const text = faultText(
      new Error("The store is gone.", { cause: new GuanxiError("UNAVAILABLE", { detail: "down" }) }),
    );
    expect(text.message).toBe("The store is gone.");
    expect(text.stack).toMatch(/^at .*log\.test\.ts/);
    expect(text.cause).toEqual({ message: "down", code: "GX-UNAVAILABLE" });
  });

  test("that is internal has its place too", () => {
    const text = faultText(new GuanxiError("INTERNAL", { cause: new Error("why") }));
    expect(text).toMatchObject({ code: "GX-INTERNAL", stack: expect.stringContaining("log.test.ts") });
    expect(text.cause?.stack).toContain("log.test.ts");
    expect(faultText(new GuanxiError("UNAVAILABLE")).stack).toBeUndefined();
  });

  test("that an engine or PostgreSQL words with a value keeps that value to itself", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^secret[a-z ]{4,20}end$/), (secret) => {
        const postgres = (code: string): Error =>
          Object.assign(new Error(`invalid input syntax for type uuid: "${secret}"`), {
            code,
            severity: "ERROR",
            detail: secret,
          });
        const errors = [
          causeOf(() => JSON.parse(secret) as unknown),
          causeOf(() => BigInt(secret)),
          causeOf(() => new Intl.DateTimeFormat("en", { timeZone: secret })),
          causeOf(() => "x" in (secret as unknown as object)),
          new DatabaseError("22P02", undefined, "lead.update", postgres("22P02")),
          postgres("23505"),
          new GuanxiError("VALIDATION", { detail: secret, cause: causeOf(() => JSON.parse(secret) as unknown) }),
          new GuanxiError("INTERNAL", { cause: postgres("22001") }),
          new AggregateError([postgres("22P02")]),
          secret,
        ];
        for (const error of errors) {
          const text = JSON.stringify(faultText(error));
          expect(text).not.toContain(secret.slice(0, 9));
        }
      }),
    );
  });

  test("keeps the words that help and hold no value", () => {
    const undefinedRead = causeOf(() => (undefined as unknown as { a: string }).a);
    expect(faultText(undefinedRead).message).toBe("TypeError: Cannot read properties of undefined");
    const refused = Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:1"), { code: "ECONNREFUSED" });
    expect(faultText(refused)).toEqual({ message: "connect ECONNREFUSED 127.0.0.1:1", code: "ECONNREFUSED" });
  });

  test("that goes on is written once and then counted", () => {
    vi.useFakeTimers();
    try {
      const log = logged({ repeatMs: 30_000 });
      const fail = (tenant: string): void =>
        log.observe({ kind: "background_failed", task: "relay", tenant, error: new Error("no connection") });
      for (let i = 0; i < 300; i++) {
        fail(`t${i % 7}`);
        vi.advanceTimersByTime(100);
      }
      log.observe({ kind: "background_failed", task: "sweep", error: new Error("no connection") });
      vi.advanceTimersByTime(30_000);
      fail("demo");
      const shown = log.lines().map(({ task, repeated }) => [task, repeated]);
      expect(shown).toEqual([
        ["relay", undefined],
        ["relay", 299],
        ["sweep", undefined],
        // Half a minute without it: it begins anew.
        ["relay", undefined],
      ]);
    } finally {
      vi.useRealTimers();
    }
  });

  test("that was counted last is told at the end", () => {
    const log = logged();
    for (let i = 0; i < 3; i++) log.observe({ kind: "connection_lost", to: "queue", error: new Error("gone") });
    log.close();
    expect(log.lines().map((line) => line["repeated"])).toEqual([undefined, 2]);
  });

  test("of a request stands alone, because its caller has its id", () => {
    const log = logged();
    for (const id of ["a", "b"]) log.observe({ kind: "request_failed", id, error: new Error("gone") });
    expect(log.lines().map((line) => line["id"])).toEqual(["a", "b"]);
  });
});
