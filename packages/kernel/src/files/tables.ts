import type { TenantComponent } from "@guanxi/store";

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
