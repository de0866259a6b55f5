import postgres from "postgres";
import { importCsvFile } from "../import.ts";
import { compare, inTurn, type Side } from "../measure.ts";
import { withServer } from "../processes.ts";
import type { Bench, Row } from "../row.ts";
import { tidy, type World } from "../world.ts";
import { figureOf, withBoth } from "./reads.ts";

/** Eighteen fields, as the seeded leads have them. */
const lead = {
  last_name: "Name {n}",
  first_name: "Given",
  salutation: "ms",
  company: "Company {n}",
  job_title: "Buyer",
  status: "new",
  source: "web",
  rating: "warm",
  score: 40,
  amount: 1250.5,
  email: "lead{n}@bench.example",
  mobile: "+8613812345678",
  industry: "software",
  employees: 250,
  city: "Hangzhou",
  province: "Zhejiang",
  country: "CN",
  external_id: "load-{n}",
};

export const newLead = JSON.stringify(lead);

const create: Row = {
  name: "create",
  measures: "a new record: validation, access, history, event; against a bare insert",
  async run(bench) {
    const world = await bench.world();
    try {
      return await withBoth(bench, world, async (server, limit) => {
        const ours: Side = {
          base: server.base,
          pid: server.pid,
          method: "POST",
          path: "/api/leads",
          body: newLead,
          key: world.keys.rep,
        };
        const floor: Side = { base: limit.base, pid: limit.pid, method: "POST", path: "/leads", body: newLead };
        return [figureOf("create", 0.6, await compare(ours, floor, bench))];
      });
    } finally {
      await tidy(bench.database, world);
    }
  },
};

const update: Row = {
  name: "update",
  measures: "one field of a record, as its owner; against a bare update",
  async run(bench) {
    const world = await bench.world();
    // Small enough for the field, and never the value that was there.
    const body = '{"employees": {n}}';
    const asked = { method: "PATCH", body, picks: world.otherRepLeads } as const;
    try {
      return await withBoth(bench, world, async (server, limit) => {
        const ours: Side = {
          base: server.base,
          pid: server.pid,
          path: "/api/leads/{pick}",
          key: world.keys.otherRep,
          ...asked,
        };
        const floor: Side = { base: limit.base, pid: limit.pid, path: "/leads/{pick}", ...asked };
        return [figureOf("update", 0.55, await compare(ours, floor, bench))];
      });
    } finally {
      await tidy(bench.database, world);
    }
  },
};

const columns = Object.keys(lead);

/** A CSV file of new leads; `mark` keeps their external ids apart from those of other files. */
function csv(rows: number, mark: string): string[] {
  const cells = Object.values(lead).join(",");
  return Array.from({ length: rows }, (_, i) => `${cells.replaceAll("{n}", `${mark}-${i}`)}\n`);
}

/** Imports a file of new leads; → rows per second. */
const importFile = (base: string, { keys }: World, rows: number, mark: string): Promise<number> =>
  importCsvFile(base, keys.admin, "leads", [`${columns.join(",")}\n`, ...csv(rows, mark)].join(""), rows);

/** The same rows by COPY, with what a record needs besides; → rows per second. */
async function copyFile(url: string, { schema, users }: World, rows: number, mark: string): Promise<number> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    const [first] = await sql<{ ids: string[] }[]>`SELECT array_agg(uuidv7()) AS ids FROM generate_series(1, ${rows})`;
    const now = new Date().toISOString();
    const lines = csv(rows, mark).map(
      (line, i) => `${first?.ids[i]},${users.admin},${now},${users.admin},${now},${users.admin},1,${line}`,
    );
    const started = performance.now();
    const names = ["id", "owner", "created_at", "created_by", "updated_at", "updated_by", "version", ...columns];
    const copy = await sql
      .unsafe(`COPY "${schema}".lead (${names.join(", ")}) FROM STDIN WITH (FORMAT csv)`)
      .writable();
    await new Promise<void>((done, fail) => {
      copy.once("error", fail);
      copy.once("finish", done);
      for (let i = 0; i < lines.length; i += copyLines) copy.write(lines.slice(i, i + copyLines).join(""));
      copy.end();
    });
    return rows / ((performance.now() - started) / 1_000);
  } finally {
    await sql.end();
  }
}

/** Lines of one piece that COPY is given. */
const copyLines = 1_000;

const importCsv: Row = {
  name: "import-csv",
  measures: "a CSV file, validated, with history and events; against bare COPY",
  async run(bench: Bench) {
    const { settings, database } = bench;
    const world = await bench.world();
    const mark = (): string => Math.random().toString(36).slice(2, 10);
    try {
      return await withServer({ DATABASE_URL: database.url }, async ({ base }) => {
        await importFile(base, world, Math.min(2_000, settings.importRows), mark());
        const { first, second, rounds } = await inTurn(
          settings.rounds,
          () => importFile(base, world, settings.importRows, mark()),
          () => copyFile(database.url, world, settings.importRows, mark()),
        );
        const seen = rounds.map((r) => ({ ours: Math.round(r.first), floor: Math.round(r.second) }));
        const detail = { rows: settings.importRows, rounds: seen };
        return [figureOf("import-csv", 0.25, { ours: first, floor: second, detail })];
      });
    } finally {
      await tidy(database, world);
    }
  },
};

export const writeRows: readonly Row[] = [create, update, importCsv];
