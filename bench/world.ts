import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Api, createApi } from "@guanxi/testing";
import type postgres from "postgres";
import type { Database } from "./database.ts";
import { operatorKey, withServer } from "./processes.ts";

/** Whoever asks; each with an API key. */
type Person = "admin" | "rep" | "otherRep" | "oldRep" | "manager" | "emptyManager";

/** A tenant with leads and the people that the rows ask as. */
export interface World {
  readonly tenant: string;
  readonly schema: string;
  readonly leads: number;
  readonly keys: Readonly<Record<Person, string>>;
  readonly users: Readonly<Record<Person, string>>;
  /** Who owns what the manager sees: the manager and the reps below. */
  readonly team: readonly string[];
  /** Leads of `rep` and of `otherRep`. */
  readonly repLeads: readonly string[];
  readonly otherRepLeads: readonly string[];
  /** Every id that a row adds is behind this one. */
  readonly lastLead: string;
}

/** Reps below each manager, teams of the others, and reps of the team that owns nothing. */
const chart = { team: 200, others: 8, empty: 20 } as const;
/** Rows that one request creates; the API's limit. */
const perRequest = 1_000;
/** Leads of `rep`, as many as a salesperson works on; of `oldRep` too, all from the beginning. */
const ownLeads = 500;
/** Rows that one seeding statement writes, so that progress is seen. */
const perSeed = 100_000;

interface Seat {
  readonly name: string;
  readonly above?: string;
}

const rep = (team: string, i: number): string => `${team}_rep${i}`;

/** The director, the managers, and their reps. */
function seats(): Seat[][] {
  const managers = ["main", "empty", ...Array.from({ length: chart.others }, (_, i) => `other${i}`)];
  const reps = managers.flatMap((team) =>
    Array.from({ length: team === "empty" ? chart.empty : chart.team }, (_, i) => ({
      name: rep(team, i),
      above: team,
    })),
  );
  return [[{ name: "director" }], managers.map((name) => ({ name, above: "director" })), reps];
}

const whereIs: Readonly<Record<Exclude<Person, "admin">, string>> = {
  rep: rep("main", 0),
  otherRep: rep("other1", 0),
  oldRep: rep("other0", 0),
  manager: "main",
  emptyManager: "empty",
};

/** Creates records through the API, as many at once as it takes; → their ids. */
export async function createMany(api: Api, plural: string, values: readonly object[]): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < values.length; i += perRequest) {
    const answer = await api.post(`/api/${plural}`, values.slice(i, i + perRequest));
    if (answer.status >= 300) throw new Error(`POST /api/${plural}: ${answer.status} ${answer.text.slice(0, 500)}`);
    ids.push(...(answer.body.data as { id: string }[]).map((r) => r.id));
  }
  return ids;
}

/** A tenant with its first administrator's key. */
export async function createTenant(
  base: string,
  id: string,
  plugins: readonly string[],
): Promise<Api & { key: string; user: string }> {
  const operator = createApi((r) => fetch(r), operatorKey, base);
  const made = await operator.post("/platform/tenants", {
    id,
    name: id,
    admin: { email: "admin@bench.example", name: "Administrator" },
    plugins,
  });
  if (made.status !== 201) throw new Error(`POST /platform/tenants: ${made.status} ${made.text}`);
  const { key, user } = made.body.admin as { key: string; user: string };
  return { ...createApi((r) => fetch(r), key, base), key, user };
}

export async function deleteTenant(base: string, id: string): Promise<void> {
  await createApi((r) => fetch(r), operatorKey, base).delete(`/platform/tenants/${id}`);
}

/** Users, positions and roles as the kernel keeps them; → user ids by seat. */
async function createPeople(admin: Api): Promise<Map<string, string>> {
  const levels = seats();
  const all = levels.flat();
  const made = await createMany(
    admin,
    "users",
    all.map(({ name }) => ({ name, email: `${name}@bench.example` })),
  );
  const users = new Map(all.map(({ name }, i) => [name, made[i] ?? ""]));
  const positions = new Map<string, string>();
  for (const level of levels) {
    const values = level.map(({ name, above }) => ({ name, ...(above ? { parent: positions.get(above) } : {}) }));
    const ids = await createMany(admin, "positions", values);
    level.forEach(({ name }, i) => positions.set(name, ids[i] ?? ""));
  }
  await createMany(
    admin,
    "user_positions",
    all.map(({ name }) => ({ assignee: users.get(name), position: positions.get(name) })),
  );
  const roles = await admin.get("/api/roles?select=name");
  const role = (name: string) => (roles.body.data as { id: string; name: string }[]).find((r) => r.name === name)?.id;
  const [rank, file] = [role("sales_manager"), role("sales_rep")];
  await createMany(
    admin,
    "user_roles",
    levels.flatMap((level, i) => level.map(({ name }) => ({ assignee: users.get(name), role: i < 2 ? rank : file }))),
  );
  return users;
}

/**
 * The leads, from two years ago to now, evenly. The first ones belong to `oldRep`, every so many-th to `rep`, none to the
 * empty team, the rest to everybody else. Eighteen fields are filled. A third has been changed since.
 */
async function seedLeads(
  sql: postgres.Sql,
  schema: string,
  leads: number,
  people: { rep: string; oldRep: string; crowd: readonly string[] },
  say: (text: string) => void,
): Promise<void> {
  const old = Math.min(ownLeads, Math.floor(leads / 4));
  const step = Math.max(2, Math.floor(leads / ownLeads));
  for (let from = 1; from <= leads; from += perSeed) {
    const to = Math.min(leads, from + perSeed - 1);
    await sql.unsafe(
      `INSERT INTO "${schema}".lead (id, owner, created_at, created_by, updated_at, updated_by, version,
         last_name, first_name, salutation, company, job_title, status, source, rating, score, amount, email, mobile,
         industry, employees, city, province, country, external_id)
       SELECT uuidv7(at - now()), owner, at, owner, CASE WHEN n > $2 AND n % 3 = 0 THEN at + (now() - at) * random() ELSE at END, owner, 1,
         'Name ' || n, 'Given ' || n % 1000, (ARRAY['mr','ms','dr'])[1 + n % 3], 'Company ' || n % 50000, 'Buyer',
         (ARRAY['new','contacted','nurturing','qualified','unqualified','converted'])[1 + (h >> 3) % 6],
         (ARRAY['web','referral','phone','event','campaign','wechat'])[1 + (h >> 7) % 6],
         (ARRAY['hot','warm','cold'])[1 + (h >> 11) % 3], (h >> 13) % 101, ((h >> 5) % 1000000) / 100.0,
         'lead' || n || '@bench.example', '+86138' || lpad(n::text, 8, '0'),
         (ARRAY['retail','software','finance','energy'])[1 + (h >> 17) % 4], 1 + (h >> 9) % 5000,
         'City ' || n % 300, 'Province ' || n % 30, 'CN', 'seed-' || n
       FROM (
         SELECT n, now() - interval '730 days' * (1 - n::float8 / $1) AS at, hashint8(n) & 2147483647 AS h,
           CASE WHEN n <= $2 THEN $3::uuid WHEN n % $4 = 0 THEN $5::uuid
             ELSE ($6::uuid[])[1 + (hashint8(n * 7) & 2147483647) % cardinality($6::uuid[])] END AS owner
         FROM generate_series($7::bigint, $8::bigint) n
       ) rows`,
      [leads, old, people.oldRep, step, people.rep, people.crowd as string[], from, to],
    );
    say(`${schema}: ${to} of ${leads} leads`);
  }
  await sql.unsafe(`VACUUM (ANALYZE) "${schema}".lead`);
  for (const table of ["_below", '"user"', "user_position", "position", "_change"])
    await sql.unsafe(`ANALYZE "${schema}".${table}`);
}

const idsOf = async (sql: postgres.Sql, schema: string, owner: string): Promise<string[]> =>
  (
    await sql.unsafe<{ id: string }[]>(
      `SELECT id FROM "${schema}".lead WHERE owner = $1 ORDER BY id LIMIT ${ownLeads}`,
      [owner],
    )
  ).map((r) => r.id);

/** What is dear to make: kept in the data folder under a name, or made now. */
export async function kept<T>(dataDir: string, name: string, make: () => Promise<T>): Promise<T> {
  const path = join(dataDir, `${name}.json`);
  const known = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (known !== undefined) return JSON.parse(known) as T;
  const made = await make();
  await writeFile(`${path}.new`, JSON.stringify(made), { mode: 0o600 });
  await rename(`${path}.new`, path);
  return made;
}

/** The tenant with this many leads. */
export const openWorld = (
  database: Database,
  dataDir: string,
  leads: number,
  say: (text: string) => void,
): Promise<World> =>
  kept(dataDir, `world-${leads}`, () =>
    withServer({ DATABASE_URL: database.url, GUANXI_ROLE: "api" }, (server) =>
      createWorld(database, server.base, leads, say),
    ),
  );

async function createWorld(
  { sql }: Database,
  base: string,
  leads: number,
  say: (text: string) => void,
): Promise<World> {
  const tenant = `leads${leads}`;
  await deleteTenant(base, tenant);
  const admin = await createTenant(base, tenant, ["sales"]);
  say(`${tenant}: people`);
  const seated = await createPeople(admin);
  const at = (seat: string): string => seated.get(seat) ?? "";
  const users = {
    admin: admin.user,
    ...Object.fromEntries(Object.entries(whereIs).map(([who, seat]) => [who, at(seat)])),
  } as World["users"];
  const keys: Record<string, string> = { admin: admin.key };
  for (const who of Object.keys(whereIs) as (keyof typeof whereIs)[])
    keys[who] = (await admin.post("/api/keys", { name: "bench", user: users[who] })).body.key as string;
  const team = Array.from({ length: chart.team }, (_, i) => at(rep("main", i)));
  const others = Array.from({ length: chart.others }, (_, t) =>
    Array.from({ length: chart.team }, (_, i) => at(rep(`other${t}`, i))),
  ).flat();
  const crowd = [...team, ...others].filter((id) => id !== users.rep && id !== users.oldRep);
  const schema = `t_${tenant}`;
  await seedLeads(sql, schema, leads, { rep: users.rep, oldRep: users.oldRep, crowd }, say);
  const [last] = await sql.unsafe<{ id: string }[]>(`SELECT id FROM "${schema}".lead ORDER BY id DESC LIMIT 1`);
  return {
    tenant,
    schema,
    leads,
    keys: keys as World["keys"],
    users,
    team: [users.manager, ...team],
    repLeads: await idsOf(sql, schema, users.rep),
    otherRepLeads: await idsOf(sql, schema, users.otherRep),
    lastLead: last?.id ?? "",
  };
}

/** Takes away what a row has added, so that the next one and the next run find the same table. */
export async function tidy({ sql }: Database, { schema, lastLead }: World): Promise<void> {
  await sql.unsafe(`DELETE FROM "${schema}".lead WHERE id > $1`, [lastLead]);
  await sql.unsafe(`TRUNCATE "${schema}"._change`);
  await sql.unsafe(`VACUUM (ANALYZE) "${schema}".lead`);
}
