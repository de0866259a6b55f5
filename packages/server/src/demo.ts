import { join } from "node:path";
import { isGuanxiError } from "@guanxi/base";
import type { Kernel, Session } from "@guanxi/kernel";
import { loadSample } from "@guanxi/sales";
import { quotedSchema } from "@guanxi/store";
import { readIfThere, writePrivate } from "./private-file.ts";

const tenant = "demo";
const domain = "@demo.example";

interface DemoUser {
  readonly name: string;
  readonly title: string;
  /** The user whose position is above. */
  readonly above?: string;
  readonly role: string;
}

/** The demo's org chart. The administrator stands outside of it. */
const people: readonly DemoUser[] = [
  { name: "director", title: "Director", role: "sales_manager" },
  { name: "sales_director", title: "Sales director", above: "director", role: "sales_manager" },
  { name: "manager_a", title: "Manager of team A", above: "sales_director", role: "sales_manager" },
  { name: "rep_a1", title: "Salesperson A1", above: "manager_a", role: "sales_rep" },
  { name: "rep_a2", title: "Salesperson A2", above: "manager_a", role: "sales_rep" },
  { name: "manager_b", title: "Manager of team B", above: "sales_director", role: "sales_manager" },
  { name: "rep_b1", title: "Salesperson B1", above: "manager_b", role: "sales_rep" },
  { name: "rep_b2", title: "Salesperson B2", above: "manager_b", role: "sales_rep" },
];

export interface DemoKeys {
  readonly baseUrl: string;
  readonly operator: string;
  readonly users: Readonly<Record<string, string>>;
}

const keysPath = (dataDir: string): string => join(dataDir, "demo-keys.json");

async function readKeys(dataDir: string): Promise<DemoKeys | undefined> {
  const text = await readIfThere(keysPath(dataDir));
  return text === undefined ? undefined : (JSON.parse(text) as DemoKeys);
}

const writeKeys = (dataDir: string, keys: DemoKeys): Promise<void> =>
  writePrivate(keysPath(dataDir), `${JSON.stringify(keys, null, 2)}\n`);

const ids = (answer: string): string[] => (JSON.parse(answer) as { data: { id: string }[] }).data.map((r) => r.id);

/** Creates the people, one level of positions after the other, since a position names the one above. */
async function createPeople(kernel: Kernel, session: Session): Promise<Map<string, string>> {
  const { records } = kernel;
  const users = ids(
    await records.createMany(
      session,
      "user",
      people.map((p) => ({ name: p.title, email: `${p.name}${domain}` })),
    ),
  );
  const byName = new Map(people.map((p, i) => [p.name, users[i] ?? ""]));
  const positions = new Map<string, string>();
  for (let level = people.filter((p) => p.above === undefined); level.length > 0;) {
    const made = ids(
      await records.createMany(
        session,
        "position",
        level.map((p) => ({ name: p.title, ...(p.above ? { parent: positions.get(p.above) } : {}) })),
      ),
    );
    level.forEach((p, i) => positions.set(p.name, made[i] ?? ""));
    level = people.filter((p) => p.above !== undefined && !positions.has(p.name) && positions.has(p.above));
  }
  await records.createMany(
    session,
    "user_position",
    people.map((p) => ({ assignee: byName.get(p.name), position: positions.get(p.name) })),
  );
  const roles = JSON.parse(await records.list(session, "role", { select: "name" })) as {
    data: { id: string; name: string }[];
  };
  await records.createMany(
    session,
    "user_role",
    people.map((p) => ({ assignee: byName.get(p.name), role: roles.data.find((r) => r.name === p.role)?.id })),
  );
  return byName;
}

/** A key each, made by the administrator. */
async function createUserKeys(
  kernel: Kernel,
  session: Session,
  users: ReadonlyMap<string, string>,
): Promise<Record<string, string>> {
  const keys: Record<string, string> = {};
  for (const [name, user] of users) keys[name] = (await kernel.keys.create(session, { name: "demo", user })).key;
  return keys;
}

/** The tenant `demo` with the sales plugin, its org chart and sample data. Answers an API key for each user. */
export async function createDemo(kernel: Kernel): Promise<Record<string, string>> {
  const created = await kernel.tenants.create({
    id: tenant,
    name: "Demo",
    admin: { email: `admin${domain}`, name: "Administrator" },
    plugins: ["sales"],
    locale: "en",
    timeZone: "Asia/Shanghai",
    currency: "CNY",
    country: "CN",
  });
  const session = await kernel.authenticate(created.admin.key, "demo");
  const users = await createPeople(kernel, session);
  await loadSample(users, session.now, async (object, values) =>
    ids(await kernel.records.createMany(session, object, values)),
  );
  return { admin: created.admin.key, ...(await createUserKeys(kernel, session, users)) };
}

/** New keys for a demo tenant whose keys file was lost; undefined when a kill left the tenant half made. */
async function recoverKeys(kernel: Kernel): Promise<Record<string, string> | undefined> {
  const schema = quotedSchema(tenant);
  const found = await kernel.store.sql<{ id: string; email: string }>(
    `SELECT u.id, u.email FROM ${schema}."user" u WHERE u.email LIKE '%${domain}' AND u.deleted_at IS NULL
      AND EXISTS (SELECT FROM ${schema}.user_role r WHERE r.assignee = u.id AND r.deleted_at IS NULL)`,
  );
  const users = new Map(found.map((u) => [u.email.replace(domain, ""), u.id]));
  const admin = users.get("admin");
  if (admin === undefined || people.some((p) => !users.has(p.name))) return undefined;
  return createUserKeys(kernel, await kernel.sessionFor(tenant, admin, { depth: 0 }), users);
}

/** Makes the demo tenant on the first start and keeps its keys file true: address, operator key, a key for each user. */
export async function ensureDemo(kernel: Kernel, dataDir: string, baseUrl: string, operator: string): Promise<void> {
  const known = await readKeys(dataDir);
  const there = await hasDemo(kernel);
  let users = there ? (known?.users ?? (await recoverKeys(kernel))) : undefined;
  if (!users) {
    if (there) await kernel.tenants.delete(tenant);
    users = await createDemo(kernel);
  }
  if (known?.baseUrl !== baseUrl || known.operator !== operator || known.users !== users)
    await writeKeys(dataDir, { baseUrl, operator, users });
}

async function hasDemo(kernel: Kernel): Promise<boolean> {
  try {
    await kernel.tenants.get(tenant);
    return true;
  } catch (e) {
    if (isGuanxiError(e, "NOT_FOUND")) return false;
    throw e;
  }
}
