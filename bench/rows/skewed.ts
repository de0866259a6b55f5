import { createApi } from "@guanxi/testing";
import { median, rounded } from "../measure.ts";
import { withServer } from "../processes.ts";
import type { Bench, Figure, Row } from "../row.ts";
import { asPrepared, type SentStatement, tapStatements } from "../statements.ts";
import type { World } from "../world.ts";

/** A statement is prepared; from the sixth time on PostgreSQL may use a plan that knows no parameters. */
const practice = 6;
const tries = 15;
/** ms after which no further try begins: a statement that takes seconds need not be tried so often. */
const patienceMs = 10_000;
const leastMs = 3;

/** The statements that the server sends for a GET, once it has compiled and prepared what it needs. */
export async function statementOf(
  { database }: Bench,
  key: string,
  path: string,
  about: RegExp,
): Promise<SentStatement> {
  const tap = await tapStatements(database.url);
  try {
    return await withServer({ DATABASE_URL: tap.url, GUANXI_ROLE: "api" }, async ({ base }) => {
      const api = createApi((r) => fetch(r), key, base);
      const ask = async (): Promise<void> => {
        const { status, text } = await api.get(path);
        if (status !== 200) throw new Error(`${path} answers ${status}: ${text}`);
      };
      await ask();
      const found = (await tap.during(ask)).filter(({ text }) => about.test(text));
      const [statement] = found;
      if (!statement || found.length > 1) throw new Error(`${path} sent ${found.length} statements like ${about}`);
      return statement;
    });
  } finally {
    await tap.close();
  }
}

interface Explained {
  readonly "Planning Time": number;
  readonly "Execution Time": number;
  readonly Plan: unknown;
}

/** ms in the database, planning included, the median of several; and the last plan. */
export async function explain({ database }: Bench, statement: SentStatement): Promise<{ ms: number; plan: unknown }> {
  const { prepare, execute } = asPrepared("bench_statement", statement);
  const connection = await database.sql.reserve();
  try {
    await connection.unsafe("SET jit = off");
    await connection.unsafe(prepare);
    for (let i = 0; i < practice; i++) await connection.unsafe(execute);
    const seen: Explained[] = [];
    const end = performance.now() + patienceMs;
    for (let i = 0; i === 0 || (i < tries && performance.now() < end); i++) {
      const rows = await connection.unsafe<{ "QUERY PLAN": Explained[] | string }[]>(
        `EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) ${execute}`,
      );
      const plan = rows[0]?.["QUERY PLAN"] ?? [];
      seen.push(...((typeof plan === "string" ? JSON.parse(plan) : plan) as Explained[]));
    }
    await connection.unsafe("DEALLOCATE bench_statement");
    return { ms: median(seen.map((e) => e["Planning Time"] + e["Execution Time"])), plan: shapeOf(seen.at(-1)?.Plan) };
  } finally {
    connection.release();
  }
}

interface PlanNode {
  readonly "Node Type": string;
  readonly "Index Name"?: string;
  readonly "Actual Rows"?: number;
  readonly Plans?: readonly PlanNode[];
}

/** `Limit(Sort(Index Scan _ro12))`, with the rows that came of each: enough to see what it did. */
export function shapeOf(plan: unknown): string {
  const node = plan as PlanNode;
  const name = [node["Node Type"], node["Index Name"], `[${node["Actual Rows"] ?? "?"}]`].filter(Boolean).join(" ");
  return node.Plans ? `${name}(${node.Plans.map(shapeOf).join(", ")})` : name;
}

const page = "/api/leads?order=-updated_at&limit=50";
const lists: readonly { name: string; measures: string; key: (world: World) => string }[] = [
  {
    name: "skewed-rep",
    measures: "the list of a rep whose 500 records are two years old, ms in the database",
    key: (w) => w.keys.oldRep,
  },
  {
    name: "skewed-manager",
    measures: "the list of a manager whose team owns nothing, ms in the database",
    key: (w) => w.keys.emptyManager,
  },
];

export const skewedRows: readonly Row[] = lists.map(({ name, measures, key }) => ({
  name,
  measures,
  async run(bench): Promise<Figure[]> {
    const world = await bench.world();
    const { ms, plan } = await explain(bench, await statementOf(bench, key(world), page, /\."lead" /));
    return [{ row: name, unit: "ms", ours: rounded(ms, 3), goal: { kind: "most", value: leastMs }, detail: { plan } }];
  },
}));
