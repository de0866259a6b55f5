import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { schemaFiles } from "../src/schemas.ts";

/** Writes the folder `schemas` anew after a change of what definitions may hold; a test compares the two. */
const folder = new URL("../../../schemas/", import.meta.url);
for (const [name, schema] of Object.entries(schemaFiles))
  writeFileSync(new URL(name, folder), `${JSON.stringify(schema, null, 2)}\n`);
const { status } = spawnSync("oxfmt", [fileURLToPath(folder)], { stdio: "inherit" });
process.exitCode = status ?? 1;
