import { authorize, knows } from "@guanxi/access";
import { GuanxiError, isGuanxiError, isId } from "@guanxi/base";
import type { Field, ObjectType, StoredField } from "@guanxi/meta";
import { askAggregate, askGet, askList, type Cursor, encodeCursor, faultWithout, type Output } from "@guanxi/query";
import type { AggregateParameters, ListParameters, ReadOptions, RecordAnswer, Session } from "../types.ts";
import { openFields } from "../encryption/fields.ts";
import { askerOf, notFound, objectOf, type RecordsEnv, runQuery, StaleSnapshot } from "./context.ts";
import { etagOf, movesAlone } from "./etag.ts";

interface ReadRow extends Record<string, unknown> {
  /** The tenant's metadata version now. */
  readonly meta: number;
}

/** Renamed fields would be read for each other and narrowed sharing for the wider one, so reads too are held to the version. */
function checkFresh(session: Session, row: ReadRow | undefined): void {
  if (row && row.meta !== session.snapshot.version) throw new StaleSnapshot();
}

interface GetRow extends ReadRow {
  readonly id: string;
  readonly version: number;
  readonly data: string;
}

const isMoving = (output: Output): boolean => output.kind === "field" && movesAlone(output.field);

/** Whether the body shows more than what writes of the record change. */
const showsMore = (options: ReadOptions, outputs: readonly Output[]): boolean =>
  options.expand !== undefined || options.select?.includes(".") === true || outputs.some(isMoving);

async function getOne(
  session: Session,
  object: ObjectType,
  field: string,
  value: string,
  options: ReadOptions,
): Promise<RecordAnswer> {
  const by = object.fields.get(field);
  if (!by?.column) throw notFound(object);
  const asked = askGet(session.snapshot, object, by, options);
  const plan = authorize(asked.plan, session.actor.rights, session.snapshot.objects);
  const [row] = await runQuery<GetRow>(session, {
    name: `${object.name}.get`,
    ...asked.statement(plan, { ...askerOf(session), key: value }),
    prepare: true,
    adHoc: options.select !== undefined || options.expand !== undefined,
  });
  checkFresh(session, row);
  if (!row) throw notFound(object);
  return {
    id: row.id,
    version: row.version,
    text: row.data,
    created: false,
    etag: etagOf(row.version, row.data, showsMore(options, asked.plan.outputs)),
  };
}

export async function getRecord(
  session: Session,
  name: string,
  id: string,
  options: ReadOptions,
): Promise<RecordAnswer> {
  const object = objectOf(session, name);
  if (!isId(id)) throw notFound(object);
  return getOne(session, object, "id", id, options);
}

export async function revealFields(
  env: RecordsEnv,
  session: Session,
  name: string,
  id: string,
  fields: readonly string[],
): Promise<Readonly<Record<string, string | null>>> {
  const { actor, tenant } = session;
  if (!actor.rights.system.has("reveal_encrypted"))
    throw new GuanxiError("FORBIDDEN", { detail: "Seeing encrypted fields needs the system right reveal_encrypted." });
  // Whoever may not see the record learns nothing of its fields.
  const record = await getRecord(session, name, id, { select: "id" });
  const opened = await openFields(env, session, objectOf(session, name), record.id, fields);
  env.observe({ kind: "revealed", tenant: tenant.id, user: actor.user, object: name, record: record.id, fields });
  return opened;
}

/** The field of `by/{field}/{value}`; NOT_FOUND unless it is one that is unique. */
export function uniqueField(object: ObjectType, field: string): StoredField {
  const found = object.fields.get(field);
  if (!found?.column || !(found.unique || found.name === "id"))
    throw new GuanxiError("NOT_FOUND", { detail: `${object.name} has no unique field ${field}.` });
  return found;
}

/** A key from an address as a value of its field, in canonical form; undefined when it cannot be one. */
export function keyFromPath(object: ObjectType, field: Field, text: string): unknown {
  if (field.readOnly) return text;
  const type = field.schema["type"];
  const given = type === "integer" || type === "number" ? Number(text) : type === "boolean" ? text === "true" : text;
  const { value, issues } = object.preparePatch({ [field.name]: given });
  return issues.length > 0 ? undefined : value[field.name];
}

export async function getRecordBy(
  session: Session,
  name: string,
  field: string,
  value: string,
  options: ReadOptions,
): Promise<RecordAnswer> {
  const object = objectOf(session, name);
  const by = uniqueField(object, field);
  if (by.name === "id") return getRecord(session, name, value, options);
  const key = keyFromPath(object, by, value);
  if (key === undefined || key === null) throw notFound(object);
  return getOne(session, object, by.name, String(key), options);
}

interface ListRow extends ReadRow {
  readonly data: string;
  readonly more: boolean;
  readonly last: string | null;
  readonly count: number | null;
  readonly few?: boolean;
}

/** A refusal tells nobody of objects that they have no right on. */
function asking<T>({ snapshot, actor }: Session, object: ObjectType, filter: string | undefined, ask: () => T): T {
  try {
    return ask();
  } catch (e) {
    if (filter === undefined || !isGuanxiError(e, "QUERY")) throw e;
    const hidden = [...snapshot.objects.values()].filter((one) => !knows(one, actor.rights));
    throw (hidden.length > 0 && faultWithout(filter, snapshot, object, hidden)) || e;
  }
}

export async function listRecords(session: Session, name: string, parameters: ListParameters): Promise<string> {
  const object = objectOf(session, name);
  const asked = asking(session, object, parameters.filter, () => askList(session.snapshot, object, parameters));
  const plan = authorize(asked.plan, session.actor.rights, session.snapshot.objects);
  const asker = askerOf(session);
  const [row] = await runQuery<ListRow>(session, {
    name: `${object.name}.list`,
    ...asked.statement(plan, asker),
    prepare: true,
    adHoc: true,
  });
  checkFresh(session, row);
  if (!row) throw new Error("a list answers one row");
  asked.learn(asker, row);
  const next = row.more && row.last !== null ? encodeCursor(plan, JSON.parse(row.last) as Cursor) : null;
  return `{"data":[${row.data}],"next":${JSON.stringify(next)}${plan.count ? `,"count":${row.count}` : ""}}`;
}

function unrated(codes: string, { snapshot }: Session): GuanxiError {
  const named = [...new Set(codes.split(","))].toSorted().join(", ");
  const detail = `There is no exchange rate to ${snapshot.settings.currency} for ${named} at the date of some records. Add it to exchange_rates, or group by the currency.`;
  return new GuanxiError("CONFLICT", { detail });
}

interface AggregateRow extends ReadRow {
  readonly data: string;
  /** Currencies of amounts that no exchange rate was found for, comma-separated. */
  readonly unrated?: string | null;
}

export async function aggregateRecords(
  session: Session,
  name: string,
  parameters: AggregateParameters,
): Promise<string> {
  const object = objectOf(session, name);
  const asked = asking(session, object, parameters.filter, () => askAggregate(session.snapshot, object, parameters));
  const plan = authorize(asked.plan, session.actor.rights, session.snapshot.objects);
  const [row] = await runQuery<AggregateRow>(session, {
    name: `${object.name}.aggregate`,
    ...asked.statement(plan, askerOf(session)),
    prepare: true,
    adHoc: true,
  });
  checkFresh(session, row);
  if (row?.unrated) throw unrated(row.unrated, session);
  return `{"data":[${row?.data ?? ""}]}`;
}
