import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { GuanxiProblem } from "@guanxi/client";
import type { Client, Fields } from "./objects.ts";

const example = join(import.meta.dirname, "..");

const readJson = async (path: string): Promise<Fields> => JSON.parse(await readFile(path, "utf8")) as Fields;

async function namesIn(folder: string): Promise<string[]> {
  const files = await readdir(join(example, folder));
  return files
    .filter((file) => file.endsWith(".json"))
    .map((file) => basename(file, ".json"))
    .toSorted();
}

/** The definition of `<name>.json` with the script of `<name>.ts`. */
export async function readWorkflow(name: string): Promise<Fields> {
  const path = join(example, "workflows", name);
  return { ...(await readJson(`${path}.json`)), script: await readFile(`${path}.ts`, "utf8") };
}

async function stored(client: Client, path: string): Promise<Fields> {
  try {
    return await client.request<Fields>("GET", path);
  } catch (e) {
    if (e instanceof GuanxiProblem && e.status === 404) return {};
    throw e;
  }
}

const same = (wanted: Fields, there: Fields): boolean =>
  Object.entries(wanted).every(([key, value]) => JSON.stringify(value) === JSON.stringify(there[key]));

/** Stores those definitions that are not there in this very form yet; answers their names. */
async function store(
  client: Client,
  kind: string,
  names: readonly string[],
  read: (name: string) => Promise<Fields>,
): Promise<string[]> {
  const done: string[] = [];
  for (const name of names) {
    const path = `/api/meta/${kind}/${name}`;
    const wanted = await read(name);
    if (same(wanted, await stored(client, path))) continue;
    await client.request("PUT", path, { body: wanted });
    done.push(name);
  }
  return done;
}

export const publishWorkflows = async (client: Client): Promise<string[]> =>
  store(client, "workflows", await namesIn("workflows"), readWorkflow);

export const storeMappings = async (client: Client): Promise<string[]> =>
  store(client, "mappings", await namesIn("mappings"), (name) => readJson(join(example, "mappings", `${name}.json`)));
