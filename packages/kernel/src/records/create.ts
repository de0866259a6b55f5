import { grantWrite } from "@guanxi/access";
import { GuanxiError, isGuanxiError, type Locale, newId, toProblem } from "@guanxi/base";
import { byColumn, initialValues, isFileObject, type ObjectType } from "@guanxi/meta";
import type { WriteGrant } from "@guanxi/query";
import {
  type InsertedRow,
  insertManyStatement,
  insertOneStatement,
  insertStatement,
  type RefusedRow,
} from "@guanxi/store";
import { leftAlone, sealer, shownValues } from "../encryption/fields.ts";
import type { HookChain } from "../hooks.ts";
import type { RecordAnswer, Session, StoreRecords } from "../types.ts";
import { collect, collectByTurns } from "./collect.ts";
import { objectOf, type RecordsEnv, StaleSnapshot, writeContext } from "./context.ts";
import { changesAlone, etagOf } from "./etag.ts";
import { missingReferences, type Row, writeFault } from "./faults.ts";
import { rolledUp, touchedRollups } from "./rollups.ts";
import { afterWrite, inWriteTransaction } from "./transaction.ts";

/** System fields of records that are about to be stored, as rules and scripts see them, but for the id. */
const stamps = (session: Session) => ({
  created_at: session.now.toISOString(),
  created_by: session.actor.user,
  updated_at: session.now.toISOString(),
  updated_by: session.actor.user,
  version: 1,
});

const writable = (object: ObjectType, record: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(record).filter(([name]) => object.fields.get(name)?.readOnly !== true));

/** What the content of a file says of it, and the id under which that is stored. */
export interface FileFacts {
  readonly id: string;
  readonly size: number;
  readonly content_type: string;
  readonly sha256: string;
}

/** FORBIDDEN for files, whose records come with their contents. */
export function refuseFiles(object: ObjectType): void {
  if (isFileObject(object))
    throw new GuanxiError("FORBIDDEN", {
      detail: `A ${object.name} is made of its content: send that to /api/${object.plural}?name=…`,
    });
}

function grantCreate(session: Session, object: ObjectType, facts?: FileFacts): WriteGrant {
  const grant = grantWrite(object, "create", session.actor.rights, session.snapshot);
  if (!facts) refuseFiles(object);
  return grant;
}

/** Shape and defaults. The owner is the actor unless the value says otherwise. */
function prepare(
  session: Session,
  object: ObjectType,
  value: unknown,
  path: string,
  lenient: boolean,
): Record<string, unknown> {
  const { value: prepared, issues } = object.prepareCreate(value, {
    now: session.now,
    user: session.actor.record,
  });
  // A before-script may still fill in what is required.
  const faults = lenient ? issues.filter((i) => i.code !== "required") : issues;
  if (faults.length > 0)
    throw new GuanxiError("VALIDATION", { issues: faults.map((i) => ({ ...i, path: path + i.path })) });
  return "owner" in prepared ? prepared : { ...prepared, owner: session.actor.user };
}

function refuseBroken(session: Session, object: ObjectType, rows: readonly Row[]): void {
  if (object.rules.length === 0) return;
  const [initial, stamped] = [initialValues(object), stamps(session)];
  const context = { now: session.now, user: session.actor.record };
  const broken = rows.flatMap((row) =>
    object
      .brokenRules({ ...initial, ...row.values, ...stamped, id: row.id }, null, context)
      .map((i) => ({ ...i, path: row.path + i.path })),
  );
  if (broken.length > 0) throw new GuanxiError("VALIDATION", { issues: broken });
}

type Compile = typeof insertStatement;

const insertAnswered: Compile = (object, grant, context, rows) => {
  const [only, second] = rows;
  return only && !second
    ? insertOneStatement(object, grant, context, only)
    : insertStatement(object, grant, context, rows);
};

/** Stores checked rows with their change rows in one statement, and what rolls them up in others; → the first one's answer. */
const store = <T extends InsertedRow | RefusedRow>(
  env: RecordsEnv,
  session: Session,
  object: ObjectType,
  grant: WriteGrant,
  rows: readonly Row[],
  compile: Compile,
): Promise<T[]> => {
  const columns = rows.map((row) => ({ ...row, values: byColumn(object, row.values) }));
  const write = {
    object,
    ids: () => rows.map((r) => r.id),
    existed: false,
    named: (reference: string) => columns.flatMap(({ values }) => (values[reference] ?? []) as string | []),
  };
  return rolledUp(env, session, write, () => storeAlone<T>(env, session, object, grant, columns, compile));
};

async function storeAlone<T extends InsertedRow | RefusedRow>(
  env: RecordsEnv,
  session: Session,
  object: ObjectType,
  grant: WriteGrant,
  rows: readonly Row[],
  compile: Compile,
): Promise<T[]> {
  const sealed = await sealer(env, session, object);
  const statement = compile(
    object,
    grant,
    writeContext(session),
    rows.map(({ id, values }) => ({ ...sealed(id, values), id })),
  );
  let answers: T[];
  try {
    answers = await session.connection.run<T>(statement);
  } catch (e) {
    throw await writeFault(env, session, object, rows, e);
  }
  if (answers.some((a) => a.meta !== session.snapshot.version)) throw new StaleSnapshot();
  const faults = new Map(answers.flatMap(({ id, missing }) => (id !== null && missing ? [[id, missing]] : [])));
  const missing = rows.flatMap(({ id, path }) => {
    const names = faults.get(id);
    return names === undefined ? [] : missingReferences(object, names, path);
  });
  if (missing.length > 0) throw new GuanxiError("VALIDATION", { issues: missing });
  return answers;
}

async function insert(
  env: RecordsEnv,
  session: Session,
  object: ObjectType,
  grant: WriteGrant,
  rows: readonly Row[],
): Promise<RecordAnswer[]> {
  refuseBroken(session, object, rows);
  const stored = await store<InsertedRow>(env, session, object, grant, rows, insertAnswered);
  const byId = new Map(stored.map((s) => [s.id, s]));
  return rows.map(({ id }) => {
    const text = byId.get(id)?.data ?? "";
    return { id, version: 1, text, created: true, etag: etagOf(1, text, changesAlone(object)) };
  });
}

/** One record through the before-hooks; what they changed is checked as if the caller had sent it, what is `known` of it stays. */
async function throughHooks(
  session: Session,
  object: ObjectType,
  chain: HookChain,
  row: Row,
  known: Partial<FileFacts>,
): Promise<Row> {
  const operation = {
    kind: "create" as const,
    object,
    session,
    old: null,
    record: { ...shownValues(object, row.values), id: row.id } as Record<string, unknown>,
  };
  let values = row.values;
  await chain.run(operation, row.path, async () => {
    const after = { ...writable(object, operation.record), ...leftAlone(object, row.values, operation.record) };
    values = { ...prepare(session, object, after, row.path, false), ...known };
  });
  return { ...row, values };
}

/** Creates the records of one request, all or nothing. `path` says where a row stands in the body; `facts` are those of a file. */
export async function createRows(
  env: RecordsEnv,
  session: Session,
  name: string,
  values: readonly unknown[],
  path: (i: number) => string,
  facts?: FileFacts,
): Promise<RecordAnswer[]> {
  const object = objectOf(session, name);
  const grant = grantCreate(session, object, facts);
  const { id, ...known } = facts ?? {};
  const chain = await env.hooks.enter(session, object, "create");
  try {
    const rows = collect(values, (value, i): Row => ({
      id: id ?? newId(),
      path: path(i),
      values: { ...prepare(session, object, value, path(i), chain !== undefined), ...known },
    }));
    if (rows.length === 0) return [];
    const several = chain !== undefined || touchedRollups(session, object).length > 0;
    return await inWriteTransaction(env, session, object, several, async (inside) => {
      const checked: Row[] = chain ? [] : [...rows];
      if (chain) for (const row of rows) checked.push(await throughHooks(inside, object, chain, row, known));
      const answers = await insert(env, inside, object, grant, checked);
      await afterWrite(env, inside, object);
      return answers;
    });
  } finally {
    chain?.leave();
  }
}

const byPosition = (i: number): string => `/${i}`;

/**
 * `createRows` in two steps: shape, defaults and rules now, the rest when the database is free for it. What hooks have a say in, or what meets other
 * metadata or rights by then, is done from the start in the second step.
 */
export async function prepareRows(
  env: RecordsEnv,
  session: Session,
  name: string,
  values: readonly unknown[],
): Promise<StoreRecords> {
  const object = objectOf(session, name);
  const grant = grantCreate(session, object);
  const rows = env.hooks.hasSay(session, object, "create") ? undefined : await checkedRows(session, object, values);
  const stillHolds = (inside: Session): boolean =>
    inside.snapshot === session.snapshot &&
    inside.actor === session.actor &&
    !env.hooks.hasSay(inside, object, "create");
  return async (inside) => {
    if (rows === undefined || !stillHolds(inside))
      return (await createRows(env, inside, name, values, byPosition)).map(({ id }) => id);
    if (rows.length === 0) return [];
    return inWriteTransaction(env, inside, object, touchedRollups(inside, object).length > 0, async (within) => {
      await store<RefusedRow>(env, within, object, grant, rows, insertManyStatement);
      await afterWrite(env, within, object);
      return rows.map(({ id }) => id);
    });
  };
}

async function checkedRows(session: Session, object: ObjectType, values: readonly unknown[]): Promise<Row[]> {
  const rows = await collectByTurns(values, (value, i): Row => ({
    id: newId(),
    path: byPosition(i),
    values: prepare(session, object, value, byPosition(i), false),
  }));
  refuseBroken(session, object, rows);
  return rows;
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
