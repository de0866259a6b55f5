import { GuanxiError, isObject, text } from "@guanxi/base";
import { type Kernel, maxRows, type RecordAnswer, type Session } from "@guanxi/kernel";
import type { ObjectType } from "@guanxi/meta";
import { type Answer, answer, createdAnswer, noContent, passed, recordAnswer } from "../answer.ts";
import { type Call, localeOf } from "../call.ts";
import { expectedVersion, isFresh } from "../conditions.ts";
import * as takes from "../parameters.ts";
import { mergePatch, readJson, readQuery } from "../request.ts";
import type { RecordAddress } from "./address.ts";

/** A call on the records of one object, with everything that its address names. */
export interface RecordCall {
  readonly call: Call;
  readonly kernel: Kernel;
  readonly session: Session;
  readonly object: ObjectType;
  readonly address: RecordAddress;
}

const query = <T>({ call }: RecordCall, accepted: takes.Parameters<T>): T =>
  takes.readFromQuery(readQuery(call.request.url), accepted);

export async function list(r: RecordCall): Promise<Answer> {
  return passed(await r.kernel.records.list(r.session, r.object.name, query(r, takes.listParameters)));
}

export async function listByBody(r: RecordCall): Promise<Answer> {
  query(r, takes.noParameters);
  const parameters = takes.readFromBody(await readJson(r.call), takes.listParameters);
  return passed(await r.kernel.records.list(r.session, r.object.name, parameters));
}

export async function aggregate(r: RecordCall): Promise<Answer> {
  return passed(await r.kernel.records.aggregate(r.session, r.object.name, query(r, takes.aggregateParameters)));
}

export async function history(r: RecordCall): Promise<Answer> {
  const parameters = query(r, takes.historyParameters);
  return passed(await r.kernel.records.history(r.session, r.object.name, r.address.id, parameters));
}

export async function get(r: RecordCall): Promise<Answer> {
  const options = query(r, takes.readParameters);
  return unlessFresh(r.call, await r.kernel.records.get(r.session, r.object.name, r.address.id, options));
}

export async function getBy(r: RecordCall): Promise<Answer> {
  const options = query(r, takes.readParameters);
  const { field, value } = r.address;
  // No stored text holds a NUL, and PostgreSQL takes none in a parameter.
  if (value.includes("\0")) throw new GuanxiError("NOT_FOUND");
  return unlessFresh(r.call, await r.kernel.records.getBy(r.session, r.object.name, field, value, options));
}

const unlessFresh = (call: Call, record: RecordAnswer): Answer =>
  isFresh(call, record.etag) ? { status: 304, headers: { etag: `"${record.etag}"` } } : recordAnswer(record);

export async function create(r: RecordCall): Promise<Answer> {
  const { call, kernel, session, object } = r;
  const options = query(r, takes.arrayParameters);
  const body = await readJson(call);
  if (Array.isArray(body)) {
    checkLength(body);
    const rows = { ...options, locale: localeOf(call) };
    return passed(await kernel.records.createMany(session, object.name, body, rows));
  }
  if (options.atomic !== undefined) throw onlyForArrays("atomic");
  return created(object, await kernel.records.create(session, object.name, body));
}

const created = (object: ObjectType, record: RecordAnswer): Answer =>
  createdAnswer(record, `/api/${object.plural}/${record.id}`);

function onlyForArrays(path: string): GuanxiError {
  const message = text("is only for arrays", "仅用于数组", "僅用於陣列");
  return new GuanxiError("QUERY", { issues: [{ path, code: "parameter", text: message }] });
}

/** The kernel refuses such an array too, but cannot say that it was the body. */
function checkLength(rows: readonly unknown[]): void {
  if (rows.length > maxRows)
    throw new GuanxiError("VALIDATION", { issues: [{ path: "", code: "maxItems", params: { limit: maxRows } }] });
}

export async function update(r: RecordCall): Promise<Answer> {
  query(r, takes.noParameters);
  const patch = await readJson(r.call, mergePatch);
  return recordAnswer(await r.kernel.records.update(r.session, r.object.name, r.address.id, patch, await ifMatch(r)));
}

export async function updateMany(r: RecordCall): Promise<Answer> {
  const { call, kernel, session, object } = r;
  const options = query(r, takes.arrayParameters);
  const body = await readJson(call, mergePatch);
  if (!Array.isArray(body))
    throw new GuanxiError("VALIDATION", { issues: [{ path: "", code: "type", params: { type: "array" } }] });
  checkLength(body);
  return passed(await kernel.records.updateMany(session, object.name, body, { ...options, locale: localeOf(call) }));
}

export async function upsert(r: RecordCall): Promise<Answer> {
  query(r, takes.noParameters);
  const { field, value } = r.address;
  if (value.includes("\0"))
    throw new GuanxiError("VALIDATION", { issues: [{ path: `/${field}`, code: "characters" }] });
  const record = await r.kernel.records.upsert(r.session, r.object.name, field, value, await readJson(r.call));
  return record.created ? created(r.object, record) : recordAnswer(record);
}

export async function remove(r: RecordCall): Promise<Answer> {
  const options = query(r, takes.deleteParameters);
  await r.kernel.records.delete(r.session, r.object.name, r.address.id, {
    ...options,
    ...(await ifMatch(r, options.purge)),
  });
  return noContent;
}

export async function restore(r: RecordCall): Promise<Answer> {
  query(r, takes.noParameters);
  return recordAnswer(await r.kernel.records.restore(r.session, r.object.name, r.address.id));
}

export async function reveal(r: RecordCall): Promise<Answer> {
  query(r, takes.noParameters);
  const body = await readJson(r.call);
  const fields = isObject(body) ? body["fields"] : undefined;
  if (
    !Array.isArray(fields) ||
    !fields.every((name) => typeof name === "string") ||
    Object.keys(body as object).length > 1
  ) {
    const issues = [{ path: "/fields", code: "type", params: { type: '{"fields": ["name of a field"]}' } }] as const;
    throw new GuanxiError("VALIDATION", { issues });
  }
  const opened = await r.kernel.records.reveal(r.session, r.object.name, r.address.id, fields);
  return answer(200, opened, { "cache-control": "no-store" });
}

async function ifMatch(r: RecordCall, deletedToo = false): Promise<{ ifVersion?: number }> {
  const ifVersion = await expectedVersion(r.call, () => presentVersion(r, deletedToo));
  return ifVersion === undefined ? {} : { ifVersion };
}

async function presentVersion({ kernel, session, object, address }: RecordCall, deletedToo: boolean): Promise<number> {
  if (deletedToo) {
    const filter = `id == '${address.id}'`;
    const found = await kernel.records.list(session, object.name, { filter, select: "version", deleted: "only" });
    const [deleted] = (JSON.parse(found) as { data: { version: number }[] }).data;
    if (deleted) return deleted.version;
  }
  return (await kernel.records.get(session, object.name, address.id)).version;
}
