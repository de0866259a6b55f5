import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createApi } from "@guanxi/testing";
import { makeDataFolder, removeDataFolder } from "../../test/support/data-folder.ts";
import { sleep } from "../../test/support/processes.ts";
import { median, rounded } from "../measure.ts";
import { residentMb, type Server, startServer } from "../processes.ts";
import type { Figure, Row } from "../row.ts";
import { tapStatements } from "../statements.ts";

/** ms after the start until nothing of it goes on, and over which the idle server is watched. */
const settleMs = 10_000;
const watchMs = 20_000;

async function firstRequestMs({ base }: Server, dataDir: string): Promise<number> {
  const keys = JSON.parse(await readFile(join(dataDir, "demo-keys.json"), "utf8")) as { users: Record<string, string> };
  const started = performance.now();
  const { status, text } = await createApi((r) => fetch(r), keys.users["admin"], base).get("/api/leads");
  if (status !== 200) throw new Error(`GET /api/leads: ${status} ${text}`);
  return performance.now() - started;
}

/** On an embedded database in a folder of its own, with the demo tenant, as after `npm start`. */
const starts: Row = {
  name: "start",
  measures: "first and next start of a fresh data folder, the first request after, memory when idle",
  async run({ settings }): Promise<Figure[]> {
    const seen: { first: number; next: number; request: number; idleMb: number }[] = [];
    for (let round = 0; round < settings.rounds; round++) {
      const dataDir = await makeDataFolder();
      try {
        const fresh = await startServer({ GUANXI_DATA_DIR: dataDir });
        await fresh.stop();
        const again = await startServer({ GUANXI_DATA_DIR: dataDir });
        const request = await firstRequestMs(again, dataDir);
        await sleep(settleMs);
        const idleMb = await residentMb(again.pid);
        await again.stop();
        seen.push({ first: fresh.readyMs / 1_000, next: again.readyMs / 1_000, request, idleMb });
      } finally {
        removeDataFolder(dataDir);
      }
    }
    const of = (what: keyof (typeof seen)[number]): number => median(seen.map((s) => s[what]));
    const rounds = (what: keyof (typeof seen)[number]) => ({ rounds: seen.map((s) => rounded(s[what])) });
    return [
      { row: "start first", unit: "s", ours: of("first"), goal: { kind: "most", value: 10 }, detail: rounds("first") },
      { row: "start next", unit: "s", ours: of("next"), goal: { kind: "most", value: 2 }, detail: rounds("next") },
      { row: "first request", unit: "ms", ours: of("request"), detail: rounds("request") },
      {
        row: "idle memory",
        unit: "MB",
        ours: of("idleMb"),
        goal: { kind: "most", value: 200 },
        detail: rounds("idleMb"),
      },
    ];
  },
};

const idle: Row = {
  name: "idle",
  measures: "SQL statements per second of a server that nobody asks anything",
  async run({ database }): Promise<Figure[]> {
    const tap = await tapStatements(database.url);
    try {
      const server = await startServer({ DATABASE_URL: tap.url });
      await sleep(settleMs);
      const statements = await tap.during(() => sleep(watchMs));
      await server.stop();
      const kinds = Map.groupBy(statements, ({ text }) => text.replace(/\s+/g, " ").trim().slice(0, 80));
      const detail = { statements: Object.fromEntries([...kinds].map(([text, all]) => [text, all.length])) };
      const perSecond = statements.length / (watchMs / 1_000);
      return [{ row: "idle statements", unit: "/s", ours: perSecond, goal: { kind: "most", value: 2 }, detail }];
    } finally {
      await tap.close();
    }
  },
};

export const startRows: readonly Row[] = [starts, idle];
