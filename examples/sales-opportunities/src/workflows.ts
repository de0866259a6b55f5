import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ApiError, type Client, type Fields } from "./client.ts";

const folder = join(import.meta.dirname, "..", "workflows");
const names = ["won_follow_up", "expansion"] as const;

/** The definition of `<name>.json` with the script of `<name>.ts`. */
export async function readWorkflow(name: string): Promise<Fields> {
  const definition = JSON.parse(await readFile(join(folder, `${name}.json`), "utf8")) as Fields;
  return { ...definition, script: await readFile(join(folder, `${name}.ts`), "utf8") };
}

async function published(client: Client, name: string): Promise<Fields> {
  try {
    return await client.call<Fields>("GET", `/api/meta/workflows/${name}`);
  } catch (e) {
    if (e instanceof ApiError && e.status === 404) return {};
    throw e;
  }
}

const same = (wanted: Fields, there: Fields): boolean =>
  Object.entries(wanted).every(([key, value]) => JSON.stringify(value) === JSON.stringify(there[key]));

/** Publishes those workflows that are not published in this very form yet; answers their names. */
export async function publishWorkflows(client: Client): Promise<string[]> {
  const done: string[] = [];
  for (const name of names) {
    const wanted = await readWorkflow(name);
    if (same(wanted, await published(client, name))) continue;
    await client.call("PUT", `/api/meta/workflows/${name}`, wanted);
    done.push(name);
  }
  return done;
}
