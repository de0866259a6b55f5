import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { exitCodes } from "@guanxi/cli";
import { type DatabaseFacts, examineEmbedded, examineRedis, startEmbeddedPostgres } from "@guanxi/server";
import { createTestApp, operatorKey, type TestApp } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { judgeDatabase } from "../src/doctor/database.ts";
import { type Finding, masked } from "../src/doctor/finding.ts";
import { judgeRedis } from "../src/doctor/redis.ts";
import { answering, call, deadUrl, makeFolder } from "./support.ts";

let folder: string;
beforeAll(async () => void (folder = await makeFolder()));
afterAll(() => rm(folder, { recursive: true, force: true }));

async function doctor(
  env: Readonly<Record<string, string>>,
  ...words: string[]
): Promise<{ code: number; findings: Finding[] }> {
  const { code, out, err } = await call(["doctor", "--json", ...words], { env: { PORT: "0", ...env } });
  expect(err).toBe("");
  return { code, findings: JSON.parse(out) as Finding[] };
}

const of = (findings: readonly Finding[], check: string): string[] =>
  findings.filter((f) => f.check === check).map(({ level, says }) => `${level}: ${says}`);
const faults = (findings: readonly Finding[]): Finding[] => findings.filter(({ level }) => level === "fault");

describe("settings and data folder", () => {
  test("before the first start all is well, and nothing is made", async () => {
    const dataDir = join(folder, "new/data");
    const { code, findings } = await doctor({ GUANXI_DATA_DIR: dataDir });
    expect(faults(findings)).toEqual([]);
    expect(code).toBe(exitCodes.ok);
    expect(of(findings, "data folder")).toEqual([`ok: ${dataDir} is not there yet; the first start makes it`]);
    expect(of(findings, "database")).toEqual(["ok: embedded; the first start makes it"]);
    await expect(chmod(dataDir, 0o700)).rejects.toThrow("ENOENT");
  });

  test("wrong settings are faults with what to write, each", async () => {
    const { code, findings } = await doctor({ PORT: "high", GUANXI_SANDBOXES: "1", GUANXI_SANDBOX: "4" });
    expect(code).toBe(exitCodes.failed);
    expect(of(findings, "settings").toSorted()).toEqual([
      "fault: GUANXI_SANDBOX is no setting; see docs/guide/settings.md",
      "fault: GUANXI_SANDBOXES must be a whole number from 2 to 256",
      "fault: PORT must be a whole number from 0 to 65535",
    ]);
  });

  test("every fault and warning says how to mend it, on a line of its own for people", async () => {
    const dataDir = join(folder, "open");
    await mkdir(dataDir);
    await chmod(dataDir, 0o777);
    await writeFile(join(dataDir, "operator-key"), "secret-of-the-operator\n", { mode: 0o644 });
    const { code, findings } = await doctor({ GUANXI_DATA_DIR: dataDir });
    expect(code).toBe(exitCodes.ok);
    const warnings = findings.filter(({ level }) => level === "warning");
    expect(warnings.map(({ mend }) => mend)).toEqual([
      `chmod go-w ${dataDir}`,
      `chmod 600 ${join(dataDir, "operator-key")}`,
    ]);
    const { out } = await call(["doctor", "--data-dir", dataDir], { env: { PORT: "0" } });
    expect(out).toContain(`→ chmod go-w ${dataDir}`);
    expect(out).not.toContain("secret-of-the-operator");
    const file = join(folder, "file");
    await writeFile(file, "");
    expect(of((await doctor({ GUANXI_DATA_DIR: file })).findings, "data folder")).toEqual([
      `fault: ${file} is a file.`,
    ]);
  });

  test("an embedded database is seen running, and stopped", async () => {
    const dataDir = join(folder, "embedded");
    await chmod(folder, 0o711);
    const postgres = await startEmbeddedPostgres({ dataDir, observe: () => undefined, fast: true });
    try {
      const { code, findings } = await doctor({ GUANXI_DATA_DIR: dataDir });
      expect(faults(findings)).toEqual([]);
      expect(code).toBe(exitCodes.ok);
      expect(of(findings, "database")).toEqual([
        `ok: embedded, running for the server with process id ${process.pid}`,
        expect.stringMatching(/^ok: PostgreSQL 18\.\d+, database guanxi, user guanxi$/),
        "ok: its encoding is UTF-8",
        "ok: letters sort and fold by C.UTF-8 (builtin)",
        "ok: may create schemas",
        "ok: its clock agrees with ours; its time zone is UTC",
        expect.stringMatching(/^ok: \d+ of 97 connections are open; one process takes up to 22$/),
      ]);
    } finally {
      await postgres.stop();
    }
    expect(await examineEmbedded(dataDir)).toMatchObject({ state: "stopped", madeBy: "18", server: undefined });
  });
});

describe("a database of one's own", () => {
  let app: TestApp;
  beforeAll(async () => void (app = await createTestApp()));
  afterAll(() => app.close());
  const env = (url: string): Record<string, string> => ({ DATABASE_URL: url, GUANXI_OPERATOR_KEY: operatorKey });

  test("is well, and its queue is seen", async () => {
    const { code, findings } = await doctor(env(app.databaseUrl));
    expect(faults(findings)).toEqual([]);
    expect(code).toBe(exitCodes.ok);
    expect(of(findings, "database").join("\n")).toContain("may create schemas");
    expect(of(findings, "data folder")).toEqual([]);
  });

  test.each([
    ["a wrong password", (url: URL) => void (url.password = "wrong-password"), "Check user and password"],
    ["no such database", (url: URL) => void (url.pathname = "/not_there"), "Create the database"],
    ["nothing there", (url: URL) => void (url.port = "1"), "Check host and port"],
  ])("%s is a fault with its cure, and no password is shown", async (_what, spoil, cure) => {
    const url = new URL(app.databaseUrl);
    const secret = url.password;
    spoil(url);
    const { code, findings } = await doctor(env(url.href));
    expect(code).toBe(exitCodes.failed);
    expect(findings.find(({ check }) => check === "database")?.mend).toContain(cure);
    expect(JSON.stringify(findings)).not.toContain(secret);
    expect(JSON.stringify(findings)).not.toContain("wrong-password");
  });

  const well: DatabaseFacts = {
    ...{ version: 160_003, database: "crm", user: "crm", encoding: "UTF8", provider: "libc", locale: "C.UTF-8" },
    ...{ mayCreate: true, standby: false, timeZone: "UTC", clockAheadMs: 5, jobs: undefined },
    connections: { open: 5, most: 100, reserved: 3 },
  };

  test.each<[Partial<DatabaseFacts>, Finding["level"], RegExp]>([
    [{}, "ok", /PostgreSQL 16\.3/],
    [{ version: 140_011 }, "fault", /PostgreSQL 14/],
    [{ version: 190_000 }, "fault", /PostgreSQL 19/],
    [{ encoding: "SQL_ASCII" }, "fault", /SQL_ASCII/],
    [{ locale: "C" }, "warning", /no upper and lower case/],
    [{ locale: "en_US.UTF-8" }, "warning", /C library/],
    [{ provider: "icu", locale: "zh-Hans" }, "ok", /zh-Hans \(icu\)/],
    [{ mayCreate: false }, "fault", /may not create schemas/],
    [{ standby: true }, "fault", /standby/],
    [{ clockAheadMs: -5_000 }, "warning", /5\.0 s behind/],
    [{ clockAheadMs: 3_600_000 }, "fault", /3600\.0 s ahead/],
    [{ connections: { open: 90, most: 100, reserved: 3 } }, "warning", /no room for another/],
    [{ connections: { open: 1, most: 20, reserved: 3 } }, "fault", /1 of 17/],
    [{ jobs: { waiting: 5_000 } }, "warning", /5000 jobs wait, 0 are for later\./],
    [{ jobs: { delayed: 1 } }, "ok", /0 jobs wait, 1 are for later/],
  ])("%j is judged %s", (facts, level, says) => {
    const findings = judgeDatabase({ ...well, ...facts }, { connections: 16, redisUrl: undefined });
    const found = findings.filter((finding) => says.test(finding.says));
    expect(found.map((finding) => finding.level)).toEqual([level]);
    const others = findings.filter((finding) => !found.includes(finding));
    expect(others.filter((finding) => finding.level !== "ok")).toEqual([]);
  });
});

test("addresses are shown without their password", () => {
  expect(masked("postgres://crm:p@ss:w@db.example:5432,db2/crm")).toBe("postgres://crm:***@db.example:5432,db2/crm");
  expect(masked("redis://:secret@127.0.0.1")).toBe("redis://:***@127.0.0.1");
  expect(masked("postgres://crm@db/crm")).toBe("postgres://crm@db/crm");
});

describe("Redis", () => {
  const facts = {
    ...{ version: "7.2.4", evictionPolicy: "noeviction", memoryLimit: 0, appendOnly: true, snapshots: false },
    ...{ role: "master", jobs: { waiting: 0, delayed: 0 } },
  };

  test.each([
    [{}, []],
    [{ evictionPolicy: "allkeys-lru" }, ["fault"]],
    [{ role: "slave" }, ["fault"]],
    [{ appendOnly: false }, ["warning"]],
    [{ version: "5.0.7" }, ["warning"]],
  ])("%j", (change, levels) => {
    const levelsFound = judgeRedis({ ...facts, ...change }).map(({ level }) => level);
    expect(levelsFound.filter((level) => level !== "ok")).toEqual(levels);
  });

  test("its answers are read however they are cut, its refusals too", async () => {
    const info =
      "# Server\r\nredis_version:7.2.4\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\nrole:master\r\n";
    const answer = `+OK\r\n+OK\r\n$${info.length}\r\n${info}\r\n:3\r\n:2\r\n*2\r\n$4\r\nsave\r\n$0\r\n\r\n`;
    let asked = "";
    const server = createServer((socket) => {
      socket.setNoDelay().once("data", (chunk) => {
        asked = chunk.toString();
        const parts = asked.includes("wrong") ? ["-WRONGPASS invalid\r\n".repeat(8)] : [...answer];
        const next = (): void => {
          const part = parts.shift();
          if (part !== undefined) socket.write(part, () => setImmediate(next));
        };
        next();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    try {
      const found = await examineRedis(`redis://:p%20w@127.0.0.1:${port}/2`);
      expect(found).toEqual({ ...facts, jobs: { waiting: 3, delayed: 2 } });
      expect(asked).toContain("AUTH\r\n$3\r\np w\r\n");
      expect(asked).toContain("guanxi_queue:automation:wait\r\n");
      expect(asked).toContain("SELECT\r\n$1\r\n2\r\n");
      await expect(examineRedis(`redis://:wrong@127.0.0.1:${port}/2`)).rejects.toThrow("WRONGPASS");
    } finally {
      server.close();
    }
  });

  const real = process.env["GUANXI_TEST_REDIS_URL"];
  test.runIf(real !== undefined)("a real one", async () => {
    expect((await examineRedis(real ?? "")).role).toBe("master");
  });

  test("one that is not there is a fault", async () => {
    const { code, findings } = await doctor({ REDIS_URL: "redis://:secret-pass@127.0.0.1:1" });
    expect(code).toBe(exitCodes.failed);
    expect(faults(findings).map(({ check, mend }) => [check, mend])).toEqual([
      ["redis", "Check host and port in REDIS_URL, and whether that Redis runs."],
    ]);
    expect(JSON.stringify(findings)).not.toContain("secret-pass");
  });
});

describe("the server", () => {
  test.each([
    [200, { ok: true, checks: { database: "ok" } }, /^ok: .* runs and is well$/],
    [
      503,
      { ok: false, checks: { database: "does not answer", start: "ok" } },
      /^fault: .* is not well: database does not answer\.$/,
    ],
    [200, { hello: "world" }, /^fault: What answers at .* is not Guanxi\.$/],
  ])("that answers %s %j", async (status, body, says) => {
    const fake = await answering((_request, response) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body)),
    );
    const { findings } = await doctor({}, "--url", fake.url);
    await fake.close();
    expect(of(findings, "server")).toEqual([expect.stringMatching(says)]);
  });

  test("that is named and not there is a fault; a port that something else holds too", async () => {
    const url = await deadUrl();
    const named = await doctor({ GUANXI_URL: url });
    expect(named.code).toBe(exitCodes.failed);
    expect(of(named.findings, "server")).toEqual([`fault: ${url} cannot be reached: nothing listens there.`]);
    const silent = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as { port: number };
    expect(await new Promise((resolve) => connect(port, "127.0.0.1", () => resolve("up")))).toBe("up");
    const held = await doctor({ PORT: String(port) });
    silent.close();
    expect(of(held.findings, "server")).toEqual([`fault: Something else listens on 127.0.0.1:${port}.`]);
  });
});
