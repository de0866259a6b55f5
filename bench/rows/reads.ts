import { createApi } from "@guanxi/testing";
import { type Compared, compare, type Side } from "../measure.ts";
import { type Server, withFloor, withServer } from "../processes.ts";
import type { Bench, Figure, Row } from "../row.ts";
import type { World } from "../world.ts";

/** Both servers on the same tenant, one after the other under load, each with as many connections to PostgreSQL. */
export async function withBoth<T>(
  { database, settings }: Bench,
  world: World,
  work: (ours: Server, floor: Server) => Promise<T>,
): Promise<T> {
  const connections = String(settings.connections);
  const owners = { rep: [world.users.rep], manager: world.team };
  return withServer({ DATABASE_URL: database.url, GUANXI_DB_CONNECTIONS: connections }, (ours) =>
    withFloor(
      {
        DATABASE_URL: database.url,
        FLOOR_SCHEMA: world.schema,
        FLOOR_CONNECTIONS: connections,
        FLOOR_OWNERS: JSON.stringify(owners),
      },
      (floor) => work(ours, floor),
    ),
  );
}

export const figureOf = (row: string, least: number, { ours, floor, detail }: Compared): Figure => ({
  row,
  unit: "/s",
  ours,
  floor,
  goal: { kind: "ratio", value: least },
  detail,
});

/** A ratio counts only where both sides give the same answer. */
async function requireSame(row: string, ours: Side, floor: Side): Promise<void> {
  const answer = async ({ base, path, picks, key }: Side): Promise<unknown> => {
    const { status, body } = await createApi((r) => fetch(r), key, base).get(path.replace("{pick}", picks?.[0] ?? ""));
    if (status !== 200) throw new Error(`${path} answers ${status}`);
    const data = body.data as { id?: string }[] | undefined;
    return data === undefined ? body : data.map((r) => r.id ?? r);
  };
  const [mine, theirs] = [await answer(ours), await answer(floor)];
  const plain = (value: unknown): string => JSON.stringify(value, (_, v: unknown) => sortedMembers(v));
  if (plain(mine) !== plain(theirs))
    throw new Error(
      `${row}: the sides answer differently:\n${plain(mine).slice(0, 800)}\n${plain(theirs).slice(0, 800)}`,
    );
}

const sortedMembers = (value: unknown): unknown =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value;

interface Read {
  readonly name: string;
  readonly measures: string;
  readonly least: number;
  /** Fewer connections than the settings say, where one request keeps a core busy for long. */
  readonly connections?: number;
  ours(world: World): Pick<Side, "path" | "key" | "picks">;
  floor(world: World): Pick<Side, "path" | "picks">;
}

const query = (parameters: Record<string, string>): string => new URLSearchParams(parameters).toString();
const newest = query({ order: "-updated_at", limit: "50" });

const reads: readonly Read[] = [
  {
    name: "read-one",
    measures: "a record by id, as a rep",
    least: 0.7,
    ours: ({ keys, repLeads }) => ({ path: "/api/leads/{pick}", key: keys.rep, picks: repLeads }),
    floor: ({ repLeads }) => ({ path: "/leads/{pick}", picks: repLeads }),
  },
  {
    name: "list-admin",
    measures: "a page of 50, filtered and sorted, as admin",
    least: 0.85,
    ours: ({ keys }) => ({
      path: `/api/leads?${newest}&${query({ filter: "rating == 'hot' && score >= 50" })}`,
      key: keys.admin,
    }),
    floor: () => ({ path: "/lists/admin" }),
  },
  {
    name: "list-rep",
    measures: "a page of 50, as a rep who owns 500",
    least: 0.6,
    ours: ({ keys }) => ({ path: `/api/leads?${newest}`, key: keys.rep }),
    floor: () => ({ path: "/lists/rep" }),
  },
  {
    name: "list-manager",
    measures: "a page of 50, as a manager above 200 reps",
    least: 0.5,
    ours: ({ keys }) => ({ path: `/api/leads?${newest}`, key: keys.manager }),
    floor: () => ({ path: "/lists/manager" }),
  },
  {
    name: "aggregate",
    measures: "count and sum by two fields over all records",
    least: 0.95,
    connections: 2,
    ours: ({ keys }) => ({
      path: `/api/leads/aggregate?${query({ group: "status,rating", metrics: "count(),sum(amount)" })}`,
      key: keys.admin,
    }),
    floor: () => ({ path: "/aggregate" }),
  },
];

export const readRows: readonly Row[] = reads.map((read) => ({
  name: read.name,
  measures: read.measures,
  async run(bench) {
    const world = await bench.world();
    return withBoth(bench, world, async (server, limit) => {
      const ours: Side = { base: server.base, pid: server.pid, method: "GET", ...read.ours(world) };
      const floor: Side = { base: limit.base, pid: limit.pid, method: "GET", ...read.floor(world) };
      // Groups come in the order of picklists here, by their text there.
      if (read.name !== "aggregate") await requireSame(read.name, ours, floor);
      return [figureOf(read.name, read.least, await compare(ours, floor, bench, read.connections))];
    });
  },
}));
