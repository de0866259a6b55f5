import { GuanxiError, type Issue } from "@guanxi/base";
import { type Field, fieldOrBranch, type ObjectType, type UniqueKey } from "@guanxi/meta";
import {
  clashesStatement,
  columnsOfIndex,
  type DatabaseError,
  isDatabaseError,
  parseConstraintName,
} from "@guanxi/store";
import type { Session } from "../types.ts";
import type { RecordsEnv } from "./context.ts";

export interface Row {
  readonly id: string;
  /** Where the row stands in the request's body: empty, or `/3`. */
  readonly path: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** `missing` of a write's answer: references whose target is not there for the actor, and files that do not fit their field. */
export function missingReferences(object: ObjectType, missing: string, path: string): Issue[] {
  return missing.split(",").map((fault): Issue => {
    const [name = "", unfit, position] = fault.split(":");
    const field = fieldOrBranch(object, name);
    const at = `${path}${referencePath(field, name)}${position === undefined ? "" : `/${position}`}`;
    const { maxSize, accept } = field?.definition ?? {};
    if (unfit === "maxSize") return { path: at, code: "maxSize", params: { limit: maxSize } };
    if (unfit === "accept") return { path: at, code: "accept", params: { types: accept?.join(", ") } };
    return { path: at, code: "reference", params: { target: field?.target ?? "record" } };
  });
}

/** Where a reference's id stands in a record. */
export const referencePath = (field: Field | undefined, name: string): string =>
  field?.branchOf === undefined ? `/${name}` : `/${field.branchOf}/id`;

const keyOf = (key: UniqueKey, values: Row["values"]): string | undefined => {
  const parts = key.fields.map((f) => values[f]);
  return parts.some((p) => p === null || p === undefined) ? undefined : JSON.stringify(parts);
};

/** Rows of one request that claim the same key. */
function clashesAmong(key: UniqueKey, rows: readonly Row[]): Row[] {
  const seen = new Set<string>();
  return rows.filter((row) => {
    const value = keyOf(key, row.values);
    if (value === undefined || !seen.has(value)) {
      if (value !== undefined) seen.add(value);
      return false;
    }
    return true;
  });
}

/** Rows whose key a live record already has. Asked outside the write's transaction, which the violation has ended. */
async function clashesWithStored(
  env: RecordsEnv,
  session: Session,
  object: ObjectType,
  key: UniqueKey,
  rows: readonly Row[],
): Promise<Row[]> {
  const asked = rows.filter((r) => keyOf(key, r.values) !== undefined);
  if (asked.length === 0) return [];
  const { schema } = session.snapshot.settings;
  const found = await env.store.run<{ n: number }>(clashesStatement(schema, object, key, asked));
  return found.flatMap(({ n }) => asked[n] ?? []);
}

/** Explains a unique violation: every clash of every row, with its path. */
async function uniqueFault(
  env: RecordsEnv,
  session: Session,
  object: ObjectType,
  rows: readonly Row[],
  error: DatabaseError,
): Promise<GuanxiError> {
  const issues: Issue[] = [];
  for (const key of object.uniques) {
    const clashing = new Set([
      ...clashesAmong(key, rows),
      ...(await clashesWithStored(env, session, object, key, rows)),
    ]);
    for (const row of clashing)
      issues.push(...key.fields.map((f): Issue => ({ path: `${row.path}/${f}`, code: "unique" })));
  }
  if (issues.length === 0) {
    // The other record has gone again since, or is of the same uncommitted transaction: name the key at least.
    const fields = await fieldsOfKey(env, session, object, error.constraint);
    issues.push(
      ...fields.map((f): Issue => ({
        path: `${rows.length === 1 ? (rows[0]?.path ?? "") : ""}/${f}`,
        code: "unique",
      })),
    );
  }
  return new GuanxiError("CONFLICT", { detail: "Another record has this value.", issues, cause: error });
}

/** Fields of the key that was hit. One that is still being built is no part of the metadata, but its index is there. */
async function fieldsOfKey(
  env: RecordsEnv,
  session: Session,
  object: ObjectType,
  constraint: string | undefined,
): Promise<readonly string[]> {
  if (constraint === undefined) return [];
  const key = object.uniques.find(({ id }) => id === parseConstraintName(constraint)?.id);
  if (key) return key.fields;
  const columns = await columnsOfIndex(env.store, session.snapshot.settings.schema, constraint);
  return columns.filter((column) => object.fields.has(column));
}

/** A field that is empty and is about to be required, or has been since the request began. */
function emptyFault(object: ObjectType, rows: readonly Row[], error: DatabaseError): GuanxiError | undefined {
  const name = error.constraint === undefined ? undefined : parseConstraintName(error.constraint);
  const field = name?.kind === "required" ? object.columns.find(({ id }) => id === name.id) : undefined;
  if (field === undefined) return undefined;
  const empty = rows.filter(({ values }) => (values[field.name] ?? null) === null);
  const issues = empty.map(({ path }): Issue => ({ path: `${path}/${field.name}`, code: "required" }));
  return new GuanxiError("VALIDATION", { issues, cause: error });
}

/** A refusal by the database in the caller's terms; other errors as they are. */
export async function writeFault(
  env: RecordsEnv,
  session: Session,
  object: ObjectType,
  rows: readonly Row[],
  e: unknown,
): Promise<unknown> {
  if (isDatabaseError(e, "23505")) return uniqueFault(env, session, object, rows, e);
  if (isDatabaseError(e, "23503")) {
    const id = e.constraint === undefined ? undefined : parseConstraintName(e.constraint)?.id;
    const field = object.columns.find((f) => f.id === id) ?? object.fields.get("owner");
    return new GuanxiError("VALIDATION", {
      issues: [
        {
          path: referencePath(field, field?.name ?? ""),
          code: "reference",
          params: { target: field?.target ?? "record" },
        },
      ],
      cause: e,
    });
  }
  const empty = isDatabaseError(e, "23514") ? emptyFault(object, rows, e) : undefined;
  if (empty) return empty;
  if (isDatabaseError(e, "22", "23"))
    return new GuanxiError("VALIDATION", { detail: "A value does not fit its field.", cause: e });
  return e;
}
