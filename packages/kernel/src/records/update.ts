import { grantWrite } from "@guanxi/access";
import { GuanxiError, isId, isObject, type Issue } from "@guanxi/base";
import { byColumn, type Field, type ObjectType, rollsUpItself, stampFields } from "@guanxi/meta";
import type { WriteGrant } from "@guanxi/query";
import {
  type LockedRow,
  lockStatement,
  type PatchRow,
  type Statement,
  type UpdatedRow,
  updateOneStatement,
  updateStatement,
} from "@guanxi/store";
import { isDeepStrictEqual } from "node:util";
import { leftAlone, sealer, shownValues } from "../encryption/fields.ts";
import type { HookChain } from "../hooks.ts";
import type { RecordAnswer, Session, WriteOptions } from "../types.ts";
import { notFound, objectOf, type RecordsEnv, StaleSnapshot, writeContext } from "./context.ts";
import { changesAlone, etagOf } from "./etag.ts";
import { missingReferences, type Row, writeFault } from "./faults.ts";
import { readAnew, rolledUp, touchedRollups } from "./rollups.ts";
import { afterWrite, inWriteTransaction } from "./transaction.ts";

export interface Patch {
  readonly id: string;
  readonly path: string;
  readonly value: unknown;
  readonly ifVersion?: number | undefined;
}

interface PreparedPatch extends PatchRow {
  readonly path: string;
}

function prepare(object: ObjectType, patch: Patch): { value: Record<string, unknown>; issues: Issue[] } {
  const { value, issues } = object.preparePatch(patch.value);
  return { value, issues: issues.map((i) => ({ ...i, path: patch.path + i.path })) };
}

/** What the broken rules say of a record; the answer to a refused patch has it as it was. */
function brokenIssues(object: ObjectType, { broken, data }: UpdatedRow, { path, patch }: PreparedPatch): Issue[] {
  if (!broken) return [];
  const old = JSON.parse(data ?? "{}") as Record<string, unknown>;
  const record = { ...old, ...patch };
  return broken.split(",").flatMap((i) => {
    const issue = object.rules[Number(i)]?.issue(record, old);
    return issue ? [{ ...issue, path: path + issue.path }] : [];
  });
}

/** The faults of one answer row, as the error its caller deserves; no issues when there is none. */
function refusal(object: ObjectType, row: UpdatedRow, patch: PreparedPatch): GuanxiError | Issue[] {
  if (!row.found) return notFound(object);
  if (!row.writable)
    return new GuanxiError("FORBIDDEN", { detail: `You may see this ${object.name} but not change it.` });
  if (!row.fresh)
    return new GuanxiError("PRECONDITION", {
      detail: "Read the record again, apply your change to what it is now, and send its new ETag.",
    });
  return [
    ...(row.missing ? missingReferences(object, row.missing, patch.path) : []),
    ...brokenIssues(object, row, patch),
  ];
}

function statementOf(object: ObjectType, grant: WriteGrant, session: Session, rows: readonly PatchRow[]): Statement {
  const [only, second] = rows;
  const context = writeContext(session);
  return only && !second && Object.keys(only.patch).length > 0
    ? updateOneStatement(object, grant, context, only)
    : updateStatement(object, grant, context, rows);
}

/** What the patches may change. */
const fieldsOf = (patches: readonly PreparedPatch[]): ReadonlySet<string> =>
  new Set([...patches.flatMap((p) => Object.keys(p.patch)), ...stampFields]);

/** Applies checked patches, and brings what rolls the records up along. */
async function update(
  env: RecordsEnv,
  session: Session,
  object: ObjectType,
  grant: WriteGrant,
  given: readonly PreparedPatch[],
): Promise<RecordAnswer[]> {
  const patches = given.map((one) => ({ ...one, patch: byColumn(object, one.patch) }));
  const write = {
    object,
    ids: () => patches.map((p) => p.id),
    fields: fieldsOf(patches),
    existed: true,
    named: (reference: string) => patches.flatMap(({ patch }) => (patch[reference] ?? []) as string | []),
  };
  const answers = await rolledUp(env, session, write, () => updateAlone(env, session, object, grant, patches));
  // A record may be its own parent, or that of another in the request.
  const aged = rollsUpItself(session.snapshot)(object) && touchedRollups(session, object, write.fields).length > 0;
  return aged ? readAnew(session, object, grant, answers) : answers;
}

async function updateAlone(
  env: RecordsEnv,
  session: Session,
  object: ObjectType,
  grant: WriteGrant,
  patches: readonly PreparedPatch[],
): Promise<RecordAnswer[]> {
  const sealed = await sealer(env, session, object);
  const rows = patches.map(({ id, patch, version }) => ({ id, patch: sealed(id, patch), version }));
  let answers: UpdatedRow[];
  try {
    answers = await session.connection.run<UpdatedRow>(statementOf(object, grant, session, rows));
  } catch (e) {
    throw await writeFault(
      env,
      session,
      object,
      patches.map((p): Row => ({ id: p.id, path: p.path, values: p.patch })),
      e,
    );
  }
  if (answers.some((a) => a.meta !== session.snapshot.version)) throw new StaleSnapshot();
  const byId = new Map(answers.map((a) => [a.id, a]));
  const issues: Issue[] = [];
  const results: RecordAnswer[] = [];
  for (const patch of patches) {
    const row = byId.get(patch.id.toLowerCase());
    if (!row) throw new Error("an update answers one row per patch");
    const fault = refusal(object, row, patch);
    if (fault instanceof GuanxiError) throw fault;
    issues.push(...fault);
    const [version, text] = [row.version ?? 0, row.data ?? ""];
    const etag = etagOf(version, text, changesAlone(object));
    results.push({ id: row.id, version, text, created: false, etag });
  }
  if (issues.length > 0) throw new GuanxiError("VALIDATION", { issues });
  return results;
}

/** The record as the patch leaves it. */
function patched(
  object: ObjectType,
  old: Record<string, unknown>,
  patch: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const merged = Object.entries(patch).flatMap(([name, value]) => {
    if (object.fields.get(name)?.merges !== true || !isObject(value)) return [];
    const members = Object.entries({ ...(old[name] as object | null), ...value });
    return [[name, Object.fromEntries(members.filter(([, member]) => member !== null))] as const];
  });
  return { ...old, ...patch, ...Object.fromEntries(merged) };
}

/** What a patch says so that the old value becomes the new one: of a value that is merged, also which members go. */
function replacing({ merges }: Field, before: unknown, after: unknown): unknown {
  if (merges !== true || !isObject(before) || !isObject(after)) return after ?? null;
  return { ...Object.fromEntries(Object.keys(before).map((member) => [member, null])), ...after };
}

/** The members of `after` that differ from `before`, without what only the system writes. */
function difference(
  object: ObjectType,
  before: Record<string, unknown>,
  after: Record<string, unknown>,
): Record<string, unknown> {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return Object.fromEntries(
    [...names]
      .filter((n) => object.fields.get(n)?.readOnly !== true && !isDeepStrictEqual(before[n] ?? null, after[n] ?? null))
      .map((n) => {
        const field = object.fields.get(n);
        return [n, field ? replacing(field, before[n], after[n]) : (after[n] ?? null)];
      }),
  );
}

/** One record through the before-hooks: they see it as the patch would leave it, and what they changed joins the patch. */
async function throughHooks(
  session: Session,
  object: ObjectType,
  chain: HookChain,
  grant: WriteGrant,
  patch: PreparedPatch,
): Promise<PreparedPatch> {
  const [locked] = await session.connection.run<LockedRow>(
    lockStatement(object, grant, writeContext(session), patch.id, "NO KEY UPDATE"),
  );
  if (!locked) throw notFound(object);
  const old = JSON.parse(locked.data) as Record<string, unknown>;
  const operation = {
    kind: "update" as const,
    object,
    session,
    old,
    record: patched(object, old, shownValues(object, patch.patch)),
  };
  let result = patch;
  await chain.run(operation, patch.path, async () => {
    const { value, issues } = prepare(object, {
      id: patch.id,
      path: patch.path,
      value: { ...difference(object, old, operation.record), ...leftAlone(object, patch.patch, operation.record) },
    });
    if (issues.length > 0) throw new GuanxiError("VALIDATION", { issues });
    result = { ...patch, patch: value };
  });
  return result;
}

function prepareAll(object: ObjectType, patches: readonly Patch[]): PreparedPatch[] {
  const issues: Issue[] = [];
  const seen = new Set<string>();
  const prepared = patches.map((patch): PreparedPatch => {
    const { value, issues: found } = prepare(object, patch);
    issues.push(...found);
    if (seen.has(patch.id)) issues.push({ path: `${patch.path}/id`, code: "unique" });
    seen.add(patch.id);
    return { id: patch.id, path: patch.path, patch: value, version: patch.ifVersion };
  });
  if (issues.length > 0) throw new GuanxiError("VALIDATION", { issues });
  return prepared;
}

/** Applies the patches of one request, all or nothing. */
export async function updateRows(
  env: RecordsEnv,
  session: Session,
  name: string,
  patches: readonly Patch[],
): Promise<RecordAnswer[]> {
  const object = objectOf(session, name);
  const grant = grantWrite(object, "edit", session.actor.rights, session.snapshot);
  if (patches.some((p) => !isId(p.id))) throw notFound(object);
  const chain = await env.hooks.enter(session, object, "update");
  try {
    const prepared = prepareAll(object, patches);
    if (prepared.length === 0) return [];
    const columns = prepared.map((one) => ({ ...one, patch: byColumn(object, one.patch) }));
    const several = chain !== undefined || touchedRollups(session, object, fieldsOf(columns)).length > 0;
    return await inWriteTransaction(env, session, object, several, async (inside) => {
      const checked: PreparedPatch[] = chain ? [] : prepared;
      if (chain) for (const patch of prepared) checked.push(await throughHooks(inside, object, chain, grant, patch));
      const answers = await update(env, inside, object, grant, checked);
      await afterWrite(env, inside, object);
      return answers;
    });
  } finally {
    chain?.leave();
  }
}

/** Rows of a PATCH array: objects with an `id` and the patch's members. */
export function patchesOf(values: readonly unknown[], pathOf: (i: number) => string): Patch[] {
  return values.map((value, i) => {
    const path = pathOf(i);
    if (!isObject(value)) {
      throw new GuanxiError("VALIDATION", { issues: [{ path, code: "type", params: { type: "object" } }] });
    }
    const { id, ...patch } = value as Record<string, unknown>;
    if (typeof id !== "string")
      throw new GuanxiError("VALIDATION", { issues: [{ path: `${path}/id`, code: "required" }] });
    if (!isId(id))
      throw new GuanxiError("VALIDATION", {
        issues: [{ path: `${path}/id`, code: "format", params: { format: "uuid" } }],
      });
    return { id: id.toLowerCase(), path, value: patch };
  });
}

export const singlePatch = (id: string, value: unknown, options: WriteOptions): Patch => ({
  id: id.toLowerCase(),
  path: "",
  value,
  ifVersion: options.ifVersion,
});
