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

const item = { name: { type: "string", maxLength: 40 }, n: { type: "integer" } };

/** A tenant with one object of many records, kept for later runs. */
const openBigTable = ({ database, dataDir, say }: Bench, items: number): Promise<BigTable> =>
  kept(dataDir, `big-${items}`, () =>
    withServer({ DATABASE_URL: database.url, GUANXI_ROLE: "api" }, async ({ base }) => {
      const tenant = `big${items}`;
      await deleteTenant(base, tenant);
      const admin = await createTenant(base, tenant, []);
      await define(admin, "item", item);
      for (let from = 1; from <= items; from += perSeed) {
        const to = Math.min(items, from + perSeed - 1);
        await database.sql.unsafe(
          `INSERT INTO "t_${tenant}".item (id, owner, created_at, created_by, updated_at, updated_by, version, name, n)
           SELECT uuidv7(), $1, now(), $1, now(), $1, 1, 'Item ' || n, n FROM generate_series($2::bigint, $3::bigint) n`,
          [admin.user, from, to],
        );
        say(`${tenant}: ${to} of ${items} items`);
      }
      await database.sql.unsafe(`VACUUM (ANALYZE) "t_${tenant}".item`);
      const rows = await database.sql.unsafe<{ id: string }[]>(`SELECT id FROM "t_${tenant}".item LIMIT 1000`);
      return { tenant, key: admin.key, ids: rows.map((r) => r.id) };
    }),
  );

/** ms between two looks at a change set that is being built. */
const lookMs = 20;

/** Until it is applied, also where the answer comes before. */
async function define(admin: Api, name: string, properties: object, more: object = {}, allow = ""): Promise<void> {
  const path = `/api/meta/objects/${name}${allow === "" ? "" : `?allow=${allow}`}`;
  const { status, text, body } = await admin.put(path, { name, type: "object", properties, ...more });
  if (status >= 300) throw new Error(`PUT ${path}: ${status} ${text}`);
  for (let state = body.state; state === "building";) {
    await sleep(lookMs);
    const entry = await admin.get(`/api/meta/changes/${body.id}`);
    state = entry.body.state;
    if (state === "failed") throw new Error(`PUT ${path}: ${entry.text}`);
  }
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

interface Change {
  /** Changes the metadata of a tenant with items; the name is new in each round. */
  make(admin: Api, name: string): Promise<void>;
  /** So that the next round finds what this one did. */
  undo(admin: Api, name: string): Promise<void>;
}

/** Rounds of a change while writers are at the table; → what each of them saw. */
async function watch(bench: Bench, items: number, { make, undo }: Change) {
  const { tenant, key, ids } = await openBigTable(bench, items);
  return withServer({ DATABASE_URL: bench.database.url, GUANXI_ROLE: "api" }, async ({ base }) => {
    const admin = createApi((r) => fetch(r), key, base);
    const seen: { usualMs: number; usualP50: number; longestMs: number; changeMs: number }[] = [];
    const warm = performance.now() + bench.settings.warmup * 1_000;
    await write(admin, ids, () => performance.now() < warm);
    for (let round = 0; round < bench.settings.rounds; round++) {
      let going = true;
      const share = Math.ceil(ids.length / writers);
      const lanes = Array.from({ length: writers }, (_, i) =>
        write(admin, ids.slice(i * share, (i + 1) * share), () => going),
      );
      const name = `new_${Date.now().toString(36)}`;
      let changed = { from: 0, to: 0 };
      try {
        await sleep(watchMs);
        const from = performance.now();
        await make(admin, name);
        changed = { from, to: performance.now() };
        await sleep(watchMs);
      } finally {
        going = false;
      }
      const writes = (await Promise.all(lanes)).flat();
      await undo(admin, name);
      const during = writes.filter((w) => w.at + w.ms >= changed.from && w.at <= changed.to);
      const usual = writes.filter((w) => w.at + w.ms < changed.from).map((w) => w.ms);
      seen.push({
        usualMs: rounded(Math.max(...usual)),
        usualP50: rounded(percentile(usual, 0.5)),
        longestMs: rounded(Math.max(...during.map((w) => w.ms))),
        changeMs: rounded(changed.to - changed.from),
      });
    }
    return { longest: Math.max(...seen.map((s) => s.longestMs)), detail: { tenant, items, writers, rounds: seen } };
  });
}

/** ms that a writer may wait for a change of metadata. */
const goal = { kind: "most", value: 50 } as const;

const addReference: Row = {
  name: "add-reference",
  measures: "the longest wait of a writer while an object is added that refers to a large table",
  big: true,
  async run(bench): Promise<Figure[]> {
    const { longest, detail } = await watch(bench, bench.settings.bigRows, {
      make: (admin, name) =>
        define(admin, name, { text: { type: "string" }, item: { fieldType: "reference", target: "item" } }),
      undo: async (admin, name) => void (await admin.delete(`/api/meta/objects/${name}?allow=drop:${name}`)),
    });
    return [{ row: "add-reference", unit: "ms", ours: longest, goal, detail }];
  },
};

/** The longest wait of a writer while the table of its records changes, and how long the change took. */
const changeRow = (name: string, measures: string, change: Change, held = false): Row => ({
  name,
  measures: `the longest wait of a writer while ${measures}; how long that takes`,
  async run(bench): Promise<Figure[]> {
    const { longest, detail } = await watch(bench, bench.settings.rows, change);
    const took = percentile(
      detail.rounds.map((round) => round.changeMs),
      0.5,
    );
    return [
      // A change of type writes the table anew under its lock, as it must.
      { row: name, unit: "ms", ours: longest, ...(held ? {} : { goal }), detail },
      { row: `${name} takes`, unit: "ms", ours: took },
    ];
  },
});

const back =
  (allow: (name: string) => string = () => ""): Change["undo"] =>
  (admin, name) =>
    define(admin, "item", item, {}, allow(name));
const dropNew = back((name) => `drop:item.${name}`);

const changeRows: readonly Row[] = [
  changeRow("add-field", "a field with a default is added", {
    make: (admin, name) => define(admin, "item", { ...item, [name]: { type: "string", default: "x" } }),
    undo: dropNew,
  }),
  changeRow("add-field-reference", "a field is added that refers to the same table", {
    make: (admin, name) => define(admin, "item", { ...item, [name]: { fieldType: "reference", target: "item" } }),
    undo: dropNew,
  }),
  changeRow("add-index", "an index is added", {
    make: (admin) => define(admin, "item", { ...item, name: { ...item.name, index: true } }),
    undo: back(),
  }),
  changeRow("add-unique", "a field is made unique", {
    make: (admin) => define(admin, "item", { ...item, name: { ...item.name, unique: true } }),
    undo: back(),
  }),
  changeRow("require", "a field is required", {
    make: (admin) => define(admin, "item", item, { required: ["name"] }),
    undo: back(),
  }),
  changeRow("rename", "a field gets another name", {
    make: (admin, name) => define(admin, "item", { n: item.n, [name]: { ...item.name, was: "name" } }),
    undo: (admin, name) => define(admin, "item", { n: item.n, name: { ...item.name, was: name } }),
  }),
  changeRow(
    "change-type",
    "a field gets another type",
    {
      make: (admin) => define(admin, "item", { ...item, n: { type: "number" } }),
      undo: back(),
    },
    true,
  ),
];

export const metadataRows: readonly Row[] = [addReference, ...changeRows];
