import { createApi } from "@guanxi/testing";
import type { CompileCost } from "../compile-cost.ts";
import { latencies } from "../measure.ts";
import { ask, withServer } from "../processes.ts";
import type { Bench, Figure, Row } from "../row.ts";
import { wideObject } from "../wide.ts";
import { withWorkshop } from "../workshop.ts";
import { tidy } from "../world.ts";
import { openTenants } from "./tenants.ts";
import { newLead } from "./writes.ts";

/** Requests of one figure, one after the other, and those before that are not counted. */
const requests = 300;
const practice = 50;

const p50 = (row: string, ms: number): Figure => ({ row, unit: "ms", ours: ms });

interface Asked {
  readonly base: string;
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly key: string;
  readonly body?: string;
  readonly picks?: readonly string[];
}

async function timed(asked: Asked): Promise<number> {
  await latencies({ ...asked, count: practice });
  return (await latencies({ ...asked, count: requests })).p50;
}

const byRows: Row = {
  name: "growth-rows",
  measures: "a read, a list and a create of a rep, one at a time, as the table grows; p50",
  async run(bench): Promise<Figure[]> {
    const sizes = [1_000, 100_000, bench.settings.rows].filter((size) => size <= bench.settings.rows);
    const figures: Figure[] = [];
    for (const size of new Set(sizes)) {
      const world = await bench.world(size);
      await withServer({ DATABASE_URL: bench.database.url, GUANXI_ROLE: "api" }, async ({ base }) => {
        const asked = { base, key: world.keys.rep } as const;
        const of = `of ${size.toLocaleString("en")}`;
        figures.push(
          p50(`read ${of}`, await timed({ ...asked, method: "GET", path: "/api/leads/{pick}", picks: world.repLeads })),
          p50(`list ${of}`, await timed({ ...asked, method: "GET", path: "/api/leads?order=-updated_at&limit=50" })),
          p50(`create ${of}`, await timed({ ...asked, method: "POST", path: "/api/leads", body: newLead })),
        );
      });
      await tidy(bench.database, world);
    }
    return figures;
  },
};

const byTenants: Row = {
  name: "growth-tenants",
  measures: "a list, one at a time, each of another tenant, as tenants become more; p50",
  async run(bench): Promise<Figure[]> {
    const figures: Figure[] = [];
    for (const count of new Set([10, Math.min(1_000, bench.settings.tenants)])) {
      const { keys } = await openTenants(bench, count);
      const env = { DATABASE_URL: bench.database.url, GUANXI_ROLE: "api", GUANXI_TENANTS_CACHED: String(count) };
      await withServer(env, async ({ base }) => {
        const round = async (): Promise<number[]> => {
          const times: number[] = [];
          for (const key of keys) {
            const started = performance.now();
            const { status, text } = await createApi((r) => fetch(r), key, base).get("/api/leads?limit=1");
            if (status !== 200) throw new Error(`GET /api/leads: ${status} ${text}`);
            times.push(performance.now() - started);
          }
          return times.toSorted((a, b) => a - b);
        };
        const cold = await round();
        await round();
        const warm = await round();
        const middle = (times: readonly number[]): number => times[Math.floor(times.length / 2)] ?? 0;
        figures.push(p50(`first touch, ${count} tenants`, middle(cold)), p50(`list, ${count} tenants`, middle(warm)));
      });
    }
    return figures;
  },
};

const fieldCounts = [1, 10, 100, 500];

const byFields: Row = {
  name: "growth-fields",
  measures: "a read, a list, a create and compiling, as an object's fields become more; p50",
  run: ({ database }: Bench) =>
    withServer({ DATABASE_URL: database.url, GUANXI_ROLE: "api" }, ({ base }) =>
      withWorkshop(base, async ({ admin }): Promise<Figure[]> => {
        const figures: Figure[] = [];
        for (const count of fieldCounts) {
          const name = `wide${count}`;
          const made = await admin.put(`/api/meta/objects/${name}`, wideObject(name, count));
          if (made.status >= 300) throw new Error(`PUT /api/meta/objects/${name}: ${made.status} ${made.text}`);
          const value = Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, `value ${i}`]));
          const asked = { base, key: admin.key } as const;
          const path = `/api/${name}s`;
          const create = await timed({ ...asked, method: "POST", path, body: JSON.stringify(value) });
          const { body } = await admin.get(`${path}?limit=50&select=id`);
          const picks = (body.data as { id: string }[]).map((r) => r.id);
          const cost = await ask<CompileCost>("compile-cost.ts", { objects: 1, fields: count, snapshots: 50 }, [
            "--expose-gc",
          ]);
          const of = `of ${count} fields`;
          figures.push(
            p50(`read ${of}`, await timed({ ...asked, method: "GET", path: `${path}/{pick}`, picks })),
            p50(`list ${of}`, await timed({ ...asked, method: "GET", path: `${path}?limit=50` })),
            p50(`create ${of}`, create),
            p50(`compile ${of}`, cost.ms),
          );
        }
        return figures;
      }),
    ),
};

export const growthRows: readonly Row[] = [byRows, byTenants, byFields];
