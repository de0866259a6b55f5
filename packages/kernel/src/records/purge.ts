import { GuanxiError } from "@guanxi/base";
import { fieldOrBranch, isFileObject, type ObjectType, type StoredField, stampFields, tablesOf } from "@guanxi/meta";
import {
  childrenStatement,
  forgetStatement,
  type Generation,
  isDatabaseError,
  namingStatement,
  purgeStatement,
  quote,
  releaseStatement,
} from "@guanxi/store";
import { letGoOfContents } from "../files/tables.ts";
import type { Session } from "../types.ts";
import { releaseAside } from "./aside.ts";
import { type RecordsEnv, StaleSnapshot, writeContext } from "./context.ts";
import { checkNeeded, childrenOf, familyOf, goingOf, inUse } from "./family.ts";
import { rolledUp } from "./rollups.ts";
import { afterWrite } from "./transaction.ts";

/**
 * Deletes a locked record for good and, where the definitions say so, what belongs to it, live or deleted; others let go of it. What was kept
 * of its values goes too: in its change rows, and in answers kept for repetitions. CONFLICT when a record, live or deleted, needs any of it.
 */
export async function purgeFamily(env: RecordsEnv, session: Session, object: ObjectType, id: string): Promise<void> {
  const family = byObject(await familyOf(session, object, id, "any"));
  await checkNeeded(session, family, "purge");
  await checkNeeded(session, family, "purge", "deleted");
  await checkNamed(session, family);
  for (const generation of family) await release(env, session, generation, family);
  await releaseAside(session, family);
  await purge(env, session, family.toReversed());
  const ids = family.flatMap((generation) => generation.ids);
  await forgetAnswers(session, ids);
  await session.connection.run(forgetStatement(session.snapshot.settings.schema, ids));
}

const byObject = (family: readonly Generation[]): Generation[] =>
  [...new Set(family.map(({ object }) => object))].map((object) => ({ object, ids: goingOf(family, object) }));

/** A user is named by records in ways that no definition speaks of: whoever made a record, or has it, is not forgotten while it is there. */
async function checkNamed(session: Session, family: readonly Generation[]): Promise<void> {
  const { settings } = session.snapshot;
  const users = family.find(({ object }) => object.name === "user");
  if (!users) return;
  for (const object of tablesOf(session.snapshot)) {
    const statement = namingStatement(settings.schema, object, users.ids, goingOf(family, object));
    const [row] = await session.connection.run<{ n: number }>(statement);
    if (!row || row.n === 0) continue;
    throw new GuanxiError("CONFLICT", {
      detail:
        "A user is purged only when no record, live or deleted, has them as owner, as maker or as the last to change it.",
      issues: [inUse(session, "in_use", object, row.n)],
    });
  }
}

/** Empties the references of others to records that go. */
async function release(
  env: RecordsEnv,
  session: Session,
  { object, ids }: Generation,
  family: readonly Generation[],
): Promise<void> {
  const { schema } = session.snapshot.settings;
  for (const { object: child, field: name } of childrenOf(session, object, "setNull")) {
    const field = fieldOrBranch(child, name);
    if (field?.column === undefined || field.system) continue;
    const found = await session.connection.run<{ id: string }>(childrenStatement(schema, child, name, ids, "any"));
    const going = new Set(goingOf(family, child));
    const holders = found.map((f) => f.id).filter((holder) => !going.has(holder));
    if (holders.length > 0) await letGo(env, session, { object: child, ids: holders }, field, ids);
  }
}

async function letGo(
  env: RecordsEnv,
  session: Session,
  holders: Generation,
  field: StoredField,
  gone: readonly string[],
): Promise<void> {
  const write = { ...holders, ids: () => holders.ids, fields: new Set([field.name, ...stampFields]), existed: true };
  const statement = releaseStatement(writeContext(session), holders, field, gone);
  await rolledUp(env, session, write, () => session.connection.run(statement));
  await afterWrite(env, session, holders.object);
}

/** Deletes whole families, children first, within whatever rolls them up. Throws StaleSnapshot unless all were there. */
async function purge(env: RecordsEnv, session: Session, family: readonly Generation[]): Promise<void> {
  const ids = family.flatMap((generation) => generation.ids);
  const statement = purgeStatement(writeContext(session), family);
  const run = async (): Promise<void> => {
    const [row] = await session.connection.run<{ n: number }>(statement).catch(sayHeld);
    if (row?.n !== ids.length) throw new StaleSnapshot();
  };
  await family.reduce<() => Promise<void>>(
    (inner, { object, ids: own }) =>
      () =>
        rolledUp(env, session, { object, ids: () => own, existed: true }, inner),
    run,
  )();
  for (const { object, ids: own } of family) {
    if (isFileObject(object)) await letGoOfContents(session.connection, session.tenant.schema, own);
    if (object.name === "user") await removeKeys(session, own);
    await afterWrite(env, session, object);
  }
}

/** While a reference is being built the database holds to it already, and the definitions do not speak of it yet. */
function sayHeld(cause: unknown): never {
  if (!isDatabaseError(cause, "23503")) throw cause;
  throw new GuanxiError("CONFLICT", {
    detail:
      "A change set that is being built is about to refer to this record. Send the purge again when it has ended.",
    retryAfter: 5,
    cause,
  });
}

const removeKeys = ({ connection, tenant }: Session, users: readonly string[]): Promise<unknown> =>
  connection.sql(
    `DELETE FROM guanxi.api_key WHERE tenant = $1 AND user_id IN (SELECT e::uuid FROM json_array_elements_text($2::json) e)`,
    [tenant.id, JSON.stringify(users)],
  );

/** Repetitions of requests that wrote the records are told that they were carried out, and no more. */
async function forgetAnswers({ connection, tenant }: Session, records: readonly string[]): Promise<void> {
  const found = await connection.sql<{ claim: string }>(
    `SELECT DISTINCT cause ->> 'claim' AS claim FROM ${quote(tenant.schema)}._change
     WHERE record IN (SELECT e::uuid FROM json_array_elements_text($1::json) e) AND cause ? 'claim'`,
    [JSON.stringify(records)],
  );
  if (found.length === 0) return;
  await connection.sql(
    `UPDATE guanxi.idempotency SET kept = false, headers = NULL, body = NULL
     WHERE tenant = $1 AND status IS NOT NULL AND claim IN (SELECT e::uuid FROM json_array_elements_text($2::json) e)`,
    [tenant.id, JSON.stringify(found.map(({ claim }) => claim))],
  );
}
