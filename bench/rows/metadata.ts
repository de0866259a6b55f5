import type { Api } from "@guanxi/testing";
import { createApi } from "@guanxi/testing";
import { percentile, rounded } from "../measure.ts";
import { sleep } from "../../test/support/processes.ts";
import { withServer } from "../processes.ts";
import type { Bench, Figure, Row } from "../row.ts";
import { createTenant, deleteTenant, kept } from "../world.ts";

interface BigTable {
  readonly tenant: string;
  readonly key: string;
  /** Records that the writers change. */
  readonly ids: readonly string[];
}

const writers = 4;
/** ms that the writers are watched before and after each change of metadata. */
const watchMs = 3_000;
const perSeed = 500_000;

/** A tenant with one object of many records, kept for later runs. */
const openBigTable = ({ database, dataDir, settings, say }: Bench): Promise<BigTable> =>
  kept(dataDir, `big-${settings.bigRows}`, () =>
    withServer({ DATABASE_URL: database.url, GUANXI_ROLE: "api" }, async ({ base }) => {
      const tenant = `big${settings.bigRows}`;
      await deleteTenant(base, tenant);
      const admin = await createTenant(base, tenant, []);
      await define(admin, "item", { name: { type: "string", maxLength: 40 }, n: { type: "integer" } });
      for (let from = 1; from <= settings.bigRows; from += perSeed) {
        const to = Math.min(settings.bigRows, from + perSeed - 1);
        await database.sql.unsafe(
          `INSERT INTO "t_${tenant}".item (id, owner, created_at, created_by, updated_at, updated_by, version, name, n)
           SELECT uuidv7(), $1, now(), $1, now(), $1, 1, 'Item ' || n, n FROM generate_series($2::bigint, $3::bigint) n`,
          [admin.user, from, to],
        );
        say(`${tenant}: ${to} of ${settings.bigRows} items`);
      }
      await database.sql.unsafe(`VACUUM (ANALYZE) "t_${tenant}".item`);
      const rows = await database.sql.unsafe<{ id: string }[]>(`SELECT id FROM "t_${tenant}".item LIMIT 1000`);
      return { tenant, key: admin.key, ids: rows.map((r) => r.id) };
    }),
  );

async function define(admin: Api, name: string, properties: object): Promise<void> {
  const { status, text } = await admin.put(`/api/meta/objects/${name}`, { name, type: "object", properties });
  if (status >= 300) throw new Error(`PUT /api/meta/objects/${name}: ${status} ${text}`);
}

/** Writes one record after the other until told to end; → how long each write took, with when it began, ms. */
async function write(api: Api, ids: readonly string[], going: () => boolean): Promise<{ at: number; ms: number }[]> {
  const seen: { at: number; ms: number }[] = [];
  for (let n = 1; going(); n++) {
    const at = performance.now();
    const { status, text } = await api.patch(`/api/items/${ids[n % ids.length]}`, { n: Math.round(at * 1_000) });
    if (status !== 200) throw new Error(`PATCH /api/items: ${status} ${text}`);
    seen.push({ at, ms: performance.now() - at });
  }
  return seen;
}

const addReference: Row = {
  name: "add-reference",
  measures: "the longest wait of a writer while an object is added that refers to a large table",
  big: true,
  async run(bench): Promise<Figure[]> {
    const { tenant, key, ids } = await openBigTable(bench);
    return withServer({ DATABASE_URL: bench.database.url, GUANXI_ROLE: "api" }, async ({ base }) => {
      const admin = createApi((r) => fetch(r), key, base);
      const seen: { usualMs: number; usualP50: number; longestMs: number; changeMs: number }[] = [];
      for (let round = 0; round < bench.settings.rounds; round++) {
        let going = true;
        const share = Math.ceil(ids.length / writers);
        const lanes = Array.from({ length: writers }, (_, i) =>
          write(admin, ids.slice(i * share, (i + 1) * share), () => going),
        );
        const name = `note_${Date.now().toString(36)}`;
        let changed = { from: 0, to: 0 };
        try {
          await sleep(watchMs);
          const from = performance.now();
          await define(admin, name, { text: { type: "string" }, item: { fieldType: "reference", target: "item" } });
          changed = { from, to: performance.now() };
          await sleep(watchMs);
        } finally {
          going = false;
        }
        const writes = (await Promise.all(lanes)).flat();
        await admin.delete(`/api/meta/objects/${name}?allow=drop:${name}`);
        const during = writes.filter((w) => w.at + w.ms >= changed.from && w.at <= changed.to);
        const usual = writes.filter((w) => w.at + w.ms < changed.from).map((w) => w.ms);
        seen.push({
          usualMs: rounded(Math.max(...usual)),
          usualP50: rounded(percentile(usual, 0.5)),
          longestMs: rounded(Math.max(...during.map((w) => w.ms))),
          changeMs: rounded(changed.to - changed.from),
        });
      }
      const detail = { tenant, items: bench.settings.bigRows, writers, rounds: seen };
      const longest = Math.max(...seen.map((s) => s.longestMs));
      return [{ row: "add-reference", unit: "ms", ours: longest, goal: { kind: "most", value: 50 }, detail }];
    });
  },
};

export const metadataRows: readonly Row[] = [addReference];
