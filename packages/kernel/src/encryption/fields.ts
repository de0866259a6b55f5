import { GuanxiError, perKey } from "@guanxi/base";
import { masked, type ObjectType, type StoredField } from "@guanxi/meta";
import { quote } from "@guanxi/query";
import type { RecordsEnv } from "../records/context.ts";
import type { Session } from "../types.ts";
import { open, seal } from "./aes.ts";

type Values = Readonly<Record<string, unknown>>;

/** The object's fields whose values are stored encrypted. */
export const encryptedFields = perKey((object: ObjectType): readonly StoredField[] =>
  object.columns.filter((field) => field.type === "encrypted_text"),
);

export const hasEncryptedFields = (objects: Iterable<ObjectType>): boolean =>
  [...objects].some((object) => encryptedFields(object).length > 0);

/** What a value is tied to: it opens in no other record and no other field. */
const boundTo = (object: ObjectType, field: StoredField, id: string): string =>
  `${object.id}/${field.id}/${id.toLowerCase()}`;

/** What is stored of a text: it sealed, and after a point what readers see. */
export const sealed = (key: Uint8Array, object: ObjectType, field: StoredField, id: string, text: string): string =>
  `${seal(key, Buffer.from(text), boundTo(object, field, id)).toString("base64url")}.${masked(text, field.definition)}`;

/** The text of what is stored. */
export function opened(key: Uint8Array, object: ObjectType, field: StoredField, id: string, stored: string): string {
  const bytes = Buffer.from(stored.slice(0, stored.indexOf(".")), "base64url");
  return open(key, bytes, boundTo(object, field, id)).toString("utf8");
}

/** Puts what is stored in the place of encrypted fields' values. */
export async function sealer(
  env: RecordsEnv,
  session: Session,
  object: ObjectType,
): Promise<(id: string, values: Values) => Values> {
  const fields = encryptedFields(object);
  if (fields.length === 0) return (_id, values) => values;
  const key = await env.vault.key(session.connection, session.tenant.schema);
  return (id, values) => each(fields, values, (field, text) => sealed(key, object, field, id, text));
}

function each(
  fields: readonly StoredField[],
  values: Values,
  change: (field: StoredField, text: string) => unknown,
): Values {
  const changed = fields.flatMap((field) => {
    const text = values[field.name];
    return typeof text === "string" ? [[field.name, change(field, text)]] : [];
  });
  return changed.length === 0 ? values : { ...values, ...Object.fromEntries(changed) };
}

/** The object's fields whose values scripts see a mask of, or nothing. */
const keptBack = perKey((object: ObjectType): readonly StoredField[] =>
  object.columns.filter((field) => field.unread === true || field.type === "encrypted_text"),
);

/** Values as scripts may see them. */
export function shownValues(object: ObjectType, values: Values): Values {
  const back = keptBack(object);
  if (back.length === 0) return values;
  const shown: Record<string, unknown> = { ...values };
  for (const { name, unread, definition } of back) {
    const value = values[name];
    if (unread === true) delete shown[name];
    else if (typeof value === "string") shown[name] = masked(value, definition);
  }
  return shown;
}

/** The values among `values` that a script, which was shown masks of them or nothing, has left alone in `record`. */
export function leftAlone(object: ObjectType, values: Values, record: Values): Values {
  const shown = shownValues(object, values);
  const same = keptBack(object).filter(({ name, unread }) =>
    unread === true
      ? values[name] !== undefined && record[name] === undefined
      : typeof values[name] === "string" && record[name] === shown[name],
  );
  return Object.fromEntries(same.map(({ name }) => [name, values[name]]));
}

/** The texts of a live record's encrypted fields. Throws QUERY for a field that is none. The caller has checked who may see them. */
export async function openFields(
  env: RecordsEnv,
  session: Session,
  object: ObjectType,
  id: string,
  names: readonly string[],
): Promise<Record<string, string | null>> {
  const fields = names.map((name) => {
    const field = encryptedFields(object).find((f) => f.name === name);
    if (field) return field;
    throw new GuanxiError("VALIDATION", { issues: [{ path: "/fields", code: "unknown", params: { field: name } }] });
  });
  if (fields.length === 0) return {};
  const { schema } = session.tenant;
  const columns = fields.map((f) => quote(f.column.name)).join(", ");
  const [row] = await session.connection.sql<Record<string, string | null>>(
    `SELECT ${columns} FROM ${quote(schema)}.${quote(object.table)} WHERE id = $1 AND deleted_at IS NULL`,
    [id],
  );
  const key = await env.vault.key(session.connection, schema);
  return Object.fromEntries(
    fields.map((field) => {
      const stored = row?.[field.column.name] ?? null;
      return [field.name, stored === null ? null : opened(key, object, field, id, stored)];
    }),
  );
}
