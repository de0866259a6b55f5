import { type Connection, quote, type TenantComponent } from "@guanxi/store";

/**
 * `_loose_content`: contents in the storage that no file record stands for, uploads under way among them; what is old there is deleted.
 * `_unnamed_file`: file records that no other record names, and since when that is known.
 */
export const fileTables: TenantComponent = {
  name: "files",
  migrations: [
    `CREATE TABLE {schema}._loose_content (
      id uuid PRIMARY KEY,
      since timestamptz NOT NULL DEFAULT now()
    );
    CREATE TABLE {schema}._unnamed_file (
      id uuid PRIMARY KEY,
      since timestamptz NOT NULL DEFAULT now()
    );`,
  ],
  // Loose contents are in no backup.
  arrival: { always: "DELETE FROM {schema}._loose_content;", elsewhere: "" },
};

/** Contents of files whose records are gone for good: the next sweep deletes them. */
export async function letGoOfContents(tx: Connection, schema: string, files: readonly string[]): Promise<void> {
  const list = JSON.stringify(files);
  const given = "SELECT e::uuid FROM json_array_elements_text($1::json) e";
  await tx.sql(`INSERT INTO ${quote(schema)}._loose_content (id, since) SELECT id, '-infinity' FROM (${given}) x(id)`, [
    list,
  ]);
  await tx.sql(`DELETE FROM ${quote(schema)}._unnamed_file WHERE id IN (${given})`, [list]);
}
