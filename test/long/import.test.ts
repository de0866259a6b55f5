import { readFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { q, until } from "@guanxi/testing";
import { afterAll, expect, test } from "vitest";
import { sleep } from "../support/processes.ts";
import { boot, endAll, type Server } from "../support/server.ts";
import { body } from "../support.ts";

afterAll(endAll);

const rows = 1_000_000;
/** One row in so many has no last name and is refused. */
const badEvery = 10_000;
const limitMb = 300;

/** About 70 bytes a row; text, a number and a place that repeats. */
function* file(): Generator<string> {
  yield "last_name,first_name,company,email,phone\n";
  let page = "";
  for (let i = 0; i < rows; i++) {
    const name = i % badEvery === 0 ? "" : `Name${i}`;
    page += `${name},First${i % 977},Company ${i % 5_000},p${i}@mass.example,+86138${String(10_000_000 + i)}\n`;
    if (page.length < 65_536) continue;
    yield page;
    page = "";
  }
  yield page;
}

const residentMb = async (pid: number): Promise<number> =>
  Number(/VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;

/** Looks at a server's memory until it is stopped; → the most that it had, MB. */
function watch(server: Server): { stop(): Promise<number> } {
  let most = 0;
  let over = false;
  const look = (async () => {
    while (!over) {
      most = Math.max(most, await residentMb(server.pid).catch(() => 0));
      await sleep(200);
    }
  })();
  return {
    async stop() {
      over = true;
      await look;
      return Math.round(most);
    },
  };
}

test.skipIf(process.platform !== "linux")(
  "a million rows come in with little memory, and kill -9 in the middle costs nothing",
  async () => {
    const first = await boot({ readyLimitMs: 600_000 });
    const memory = watch(first);
    const started = performance.now();
    const answer = await fetch(`${first.base}/api/import/leads`, {
      method: "POST",
      headers: { authorization: `Bearer ${first.keys?.users["admin"]}`, "content-type": "text/csv" },
      body: Readable.toWeb(Readable.from(file())),
      duplex: "half",
    } as unknown as RequestInit);
    expect(answer.status).toBe(202);
    const { id } = (await answer.json()) as { id: string };
    const uploaded = performance.now();

    const job = async (server: Server): Promise<Record<string, unknown>> =>
      body(await server.as("admin").get(`/api/jobs/${id}`), 200);
    await until("a third", async () => Number((await job(first))["processed"]) > rows / 3, 900_000, 500);
    const mostBefore = await memory.stop();
    await first.stop("SIGKILL");

    const second = await first.restart();
    const memoryAfter = watch(second);
    const taken = Number((await job(second))["processed"]);
    expect(taken).toBeGreaterThan(rows / 3);
    await until("the end", async () => (await job(second))["status"] === "finished", 900_000, 1_000);
    const mostAfter = await memoryAfter.stop();
    const ended = performance.now();
    const bad = rows / badEvery;
    expect(await job(second)).toMatchObject({ total: rows, processed: rows, created: rows - bad, rejected: bad });
    const admin = second.as("admin");
    const count = async (filter: string): Promise<number> =>
      body(await admin.get(`/api/leads/aggregate${q({ metrics: "count()", filter })}`), 200).data[0].count;
    // Each row once: as many as there are, in each of the places that repeat, and none twice around the kill.
    expect(await count("email.endsWith('@mass.example')")).toBe(rows - bad);
    expect(await count("company == 'Company 4321'")).toBe(rows / 5_000);
    const twice = await admin.get(
      `/api/leads/aggregate${q({ group: "email", metrics: "count()", filter: "email.endsWith('@mass.example')", having: "count > 1" })}`,
    );
    expect(body(twice, 200).data).toEqual([]);
    const errors = (await admin.get(`/api/jobs/${id}/errors`)).text.trim().split("\n");
    expect(errors).toHaveLength(bad + 1);
    const seconds = (ms: number): number => Math.round(ms / 1000);
    console.log(
      `${rows} rows: stored in ${seconds(uploaded - started)} s, all imported after ${seconds(ended - started)} s; ` +
        `at most ${mostBefore} MB before the kill, ${mostAfter} MB after it`,
    );
    expect(Math.max(mostBefore, mostAfter)).toBeLessThanOrEqual(limitMb);
    expect(await second.stop()).toEqual({ code: 0, signal: null });
  },
  1_800_000,
);
