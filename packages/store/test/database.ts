import { randomBytes } from "node:crypto";
import postgres from "postgres";

/** A connection to the PostgreSQL that tests run on, and a schema of its own there. */
export async function openSchema(): Promise<{ sql: postgres.Sql; schema: string; close: () => Promise<void> }> {
  const url = process.env["GUANXI_TEST_DATABASE_URL"];
  if (!url) throw new Error("GUANXI_TEST_DATABASE_URL is not set: these tests need a PostgreSQL, 15 to 18, in UTF-8");
  // postgres.js takes a socket's folder as an option, not from the address.
  const socket = /[?&]host=([^&]+)/.exec(url)?.[1];
  const address = socket === undefined ? url : url.replace("@/", "@localhost/").replace(/[?&]host=[^&]+/, "");
  const options = socket === undefined ? {} : { host: decodeURIComponent(socket) };
  const sql = postgres(address, { ...options, max: 1, onnotice: () => {} });
  const schema = `t_ddl${randomBytes(6).toString("hex")}`;
  await sql.unsafe(`CREATE SCHEMA ${schema}`);
  return {
    sql,
    schema,
    close: async () => {
      await sql.unsafe(`DROP SCHEMA ${schema} CASCADE`);
      await sql.end();
    },
  };
}
