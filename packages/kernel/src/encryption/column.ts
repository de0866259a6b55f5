import { GuanxiError } from "@guanxi/base";
import type { Rights } from "@guanxi/access";
import { bullets, type MetaChange } from "@guanxi/meta";
import { type Connection, type Crypt, quote } from "@guanxi/store";
import { opened, sealed } from "./fields.ts";
import type { Vault } from "./vault.ts";

/** Rows that are read and written at once: a megabyte or two of the longest texts. */
const perBatch = 1_000;

/** No record's id. */
const beforeAll = "00000000-0000-0000-0000-000000000000";

interface Row extends Record<string, unknown> {
  readonly id: string;
  readonly value: string;
}

/**
 * Encrypts the texts of a column, deleted records' too, or makes texts of encrypted ones. The table's writers are locked out. What history has
 * of texts that are encrypted now is masked; it does not come back.
 */
export async function cryptColumn(tx: Connection, vault: Vault, schema: string, crypt: Crypt): Promise<void> {
  const { to, object, field } = crypt;
  const [table, column] = [`${quote(schema)}.${quote(object.table)}`, quote(field.column.name)];
  const key = await vault.key(tx, schema);
  const turn = to === "sealed" ? sealed : opened;
  let last = beforeAll;
  for (;;) {
    const rows = await tx.sql<Row>(
      `SELECT id, ${column} AS value FROM ${table} WHERE ${column} IS NOT NULL AND id > $1::uuid ORDER BY id LIMIT ${perBatch}`,
      [last],
    );
    if (rows.length === 0) break;
    const turned = rows.map(({ id, value }) => ({ id, value: turn(key, object, field, id, value) }));
    await tx.sql(
      `UPDATE ${table} t SET ${column} = v.value FROM json_to_recordset($1::json) AS v(id uuid, value text) WHERE t.id = v.id`,
      [JSON.stringify(turned)],
    );
    last = rows.at(-1)?.id ?? last;
  }
  if (to === "sealed") for (const name of crypt.names) await maskHistory(tx, schema, object.id, name);
}

async function maskHistory(tx: Connection, schema: string, object: number, name: string): Promise<void> {
  const has = (side: string): string => `jsonb_typeof(${side} -> $2) <> 'null'`;
  const masked = (side: string): string =>
    `${side} = CASE WHEN ${has(side)} THEN jsonb_set(${side}, ARRAY[$2], to_jsonb($3::text)) ELSE ${side} END`;
  await tx.sql(
    `UPDATE ${quote(schema)}._change SET ${masked("data")}, ${masked("old")} WHERE object_id = $1 AND (${has("data")} OR ${has("old")})`,
    [object, name, bullets],
  );
}

/** Whoever makes an encrypted field a readable one sees its texts. */
export function refuseOpening({ system }: Rights, changes: readonly MetaChange[]): void {
  const opens = changes.some((change) => change.kind === "change_type" && change.from.type === "encrypted_text");
  if (!opens || system.has("reveal_encrypted")) return;
  throw new GuanxiError("FORBIDDEN", { detail: "Decrypting a field needs the system right reveal_encrypted." });
}
