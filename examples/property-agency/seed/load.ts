/** Imports the files under `seed/` into a tenant that has the project and no records yet, in an order in which each finds what it refers to: `node seed/load.ts`. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createClient } from "@guanxi/client";
import type { Objects } from "#objects";

/** [object, file, mapping]. */
const steps = [
  ["position", "positions.csv", "positions"],
  ["position", "positions.csv", "position_parents"],
  ["user", "people.csv", "users"],
  ["user_position", "people.csv", "user_positions"],
  ["user_role", "people.csv", "user_roles"],
  ["area", "areas.ndjson", "areas"],
  ["client", "clients.csv", "clients"],
  ["property", "properties.csv", "properties"],
  ["viewing", "viewings.csv", "viewings"],
  ["offer", "offers.csv", "offers"],
] as const;

/** Rejects at the first file of which a row is refused, with the reasons. */
export async function seed(url: string, key: string, log: (line: string) => void = () => {}): Promise<void> {
  const client = createClient<Objects>({ url, key });
  for (const [object, file, mapping] of steps) {
    const rows = await readFile(join(import.meta.dirname, file), "utf8");
    const format = file.endsWith(".ndjson") ? "ndjson" : "csv";
    const job = await client.records(object).import(rows, { mapping, format });
    const { status, created, updated, rejected } = await job.ended();
    if (status !== "finished" || rejected > 0)
      throw new Error(`${file} as ${mapping}: ${status}\n${await new Response(await job.errors()).text()}`);
    log(`${file} as ${mapping}: ${created} created, ${updated} updated`);
  }
}

if (import.meta.main) {
  const { GUANXI_URL = "http://127.0.0.1:3000", GUANXI_KEY = "" } = process.env;
  await seed(GUANXI_URL, GUANXI_KEY, console.log);
}
