import { grantWrite } from "@guanxi/access";
import { GuanxiError, isGuanxiError, type Issue, type Locale, newId, toProblem } from "@guanxi/base";
import type { ObjectType } from "@guanxi/meta";
import { type InsertedRow, insertStatement } from "@guanxi/store";
import type { HookChain } from "../hooks.ts";
import type { RecordAnswer, Session } from "../types.ts";
import { objectOf, type RecordsEnv, StaleSnapshot, writeContext } from "./context.ts";
import { missingReferences, type Row, writeFault } from "./faults.ts";
import { afterWrite, inWriteTransaction } from "./transaction.ts";

/** System fields of a record that is about to be stored, as rules and scripts see them. */
const stamps = (session: Session, id: string) => ({
  id,
  created_at: session.now.toISOString(),
  created_by: session.actor.user,
  updated_at: session.now.toISOString(),
  updated_by: session.actor.user,
  version: 1,
});

const writable = (object: ObjectType, record: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(record).filter(([name]) => object.fields.get(name)?.readOnly !== true));

/** Shape and defaults. The owner is the actor unless the value says otherwise. */
function prepare(
  session: Session,
  object: ObjectType,
  value: unknown,
  path: string,
  lenient: boolean,
): Record<string, unknown> {
  const { value: prepared, issues } = object.prepareCreate(value, { now: session.now });
  // A before-script may still fill in what is required.
  const faults = lenient ? issues.filter((i) => i.code !== "required") : issues;
  if (faults.length > 0)
    throw new GuanxiError("VALIDATION", { issues: faults.map((i) => ({ ...i, path: path + i.path })) });
  return "owner" in prepared ? prepared : { ...prepared, owner: session.actor.user };
}

function collect<T, R>(items: readonly T[], each: (item: T, index: number) => R): R[] {
  const issues: Issue[] = [];
  const results: R[] = [];
  for (const [i, item] of items.entries()) {
    try {
      results.push(each(item, i));
    } catch (e) {
      if (!isGuanxiError(e, "VALIDATION")) throw e;
      issues.push(...e.issues);
    }
  }
  if (issues.length > 0) throw new GuanxiError("VALIDATION", { issues });
  return results;
}

/** Checks the rules and stores the rows with their change rows in one statement. */
async function insert(
  env: RecordsEnv,
  session: Session,
  object: ObjectType,
  rows: readonly Row[],
): Promise<RecordAnswer[]> {
  const grant = grantWrite(object, "create", session.actor.rights, (name) => session.snapshot.objects.get(name));
  const broken = rows.flatMap((row) =>
    object
      .brokenRules({ ...row.values, ...stamps(session, row.id) }, null, {
        now: session.now,
        user: session.actor.record,
      })
      .map((i) => ({ ...i, path: row.path + i.path })),
  );
  if (broken.length > 0) throw new GuanxiError("VALIDATION", { issues: broken });
  const statement = insertStatement(
    object,
    grant,
    writeContext(session),
    rows.map((r) => ({ ...r.values, id: r.id })),
  );
  let stored: InsertedRow[];
  try {
    stored = await session.connection.run<InsertedRow>(statement);
  } catch (e) {
    throw await writeFault(env, session, object, rows, e);
  }
  const byId = new Map(stored.map((s) => [s.id, s]));
  if (stored.some((s) => s.meta !== session.snapshot.version)) throw new StaleSnapshot();
  const missing = rows.flatMap((r) => {
    const names = byId.get(r.id)?.missing;
    return names ? missingReferences(object, names, r.path) : [];
  });
  if (missing.length > 0) throw new GuanxiError("VALIDATION", { issues: missing });
  return rows.map(({ id }) => ({ id, version: 1, text: byId.get(id)?.data ?? "", created: true, etag: "1" }));
}

/** One record through the before-hooks; what they changed is checked as if the caller had sent it. */
async function throughHooks(session: Session, object: ObjectType, chain: HookChain, row: Row): Promise<Row> {
  const operation = {
    kind: "create" as const,
    object,
    session,
    old: null,
    record: { ...row.values, id: row.id } as Record<string, unknown>,
  };
  let values = row.values;
  await chain.run(operation, row.path, async () => {
    values = prepare(session, object, writable(object, operation.record), row.path, false);
  });
  return { ...row, values };
}

/** Creates the records of one request, all or nothing. `path` says where a row stands in the body. */
export async function createRows(
  env: RecordsEnv,
  session: Session,
  name: string,
  values: readonly unknown[],
  path: (i: number) => string,
): Promise<RecordAnswer[]> {
  const object = objectOf(session, name);
  grantWrite(object, "create", session.actor.rights, (n) => session.snapshot.objects.get(n));
  const chain = await env.hooks.enter(session, object, "create");
  try {
    const rows = collect(values, (value, i): Row => ({
      id: newId(),
      path: path(i),
      values: prepare(session, object, value, path(i), chain !== undefined),
    }));
    if (rows.length === 0) return [];
    return await inWriteTransaction(env, session, object, chain !== undefined, async (inside) => {
      const checked: Row[] = chain ? [] : [...rows];
      if (chain) for (const row of rows) checked.push(await throughHooks(inside, object, chain, row));
      const answers = await insert(env, inside, object, checked);
      await afterWrite(env, inside, object);
      return answers;
    });
  } finally {
    chain?.leave();
  }
}

/** Each row alone: `{"data":[{"id"}|{"error"}…]}`. */
export async function eachAlone<T>(
  session: Session,
  rows: readonly T[],
  locale: Locale,
  write: (row: T, i: number) => Promise<RecordAnswer>,
): Promise<string> {
  const results: string[] = [];
  for (const [i, row] of rows.entries()) {
    try {
      results.push(JSON.stringify({ id: (await write(row, i)).id }));
    } catch (e) {
      if (!isGuanxiError(e) || e.status >= 500) throw e;
      results.push(JSON.stringify({ error: toProblem(e, locale, session.cause.request ?? "") }));
    }
  }
  return `{"data":[${results.join(",")}]}`;
}
