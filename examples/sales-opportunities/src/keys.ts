import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createClient } from "@guanxi/client";
import type { Client, Objects } from "./objects.ts";
import type { Team } from "./organisation.ts";

const keyName = "sales-opportunities example";

interface IssuedKey {
  readonly id: string;
  readonly name: string;
  readonly user: string;
}

/** Makes a key for one user and takes back those that an earlier run made. */
async function renewKey(client: Client, user: string, earlier: readonly IssuedKey[]): Promise<string> {
  const { key } = await client.request<{ key: string }>("POST", "/api/keys", { body: { user, name: keyName } });
  for (const old of earlier) {
    if (old.user === user && old.name === keyName) await client.request("DELETE", `/api/keys/${old.id}`);
  }
  return key;
}

/**
 * Writes keys of all managers and agents to `file`, readable by its owner only:
 * `{"baseUrl", "managers": {"<name>": key}, "agents": {"<name>": key}}`.
 */
export async function writeKeys({ url, key }: Credentials, teams: readonly Team[], file: string): Promise<void> {
  const client: Client = createClient<Objects>({ url, key });
  const { data: earlier } = await client.request<{ data: IssuedKey[] }>("GET", "/api/keys");
  const managers: Record<string, string> = {};
  const agents: Record<string, string> = {};
  for (const team of teams) {
    managers[team.manager.name] = await renewKey(client, team.manager.user, earlier);
    for (const agent of team.agents) agents[agent.name] = await renewKey(client, agent.user, earlier);
  }
  await writeFile(file, "", { mode: 0o600 });
  // A file that was there before keeps its mode, so it is set before the keys are in it.
  await chmod(file, 0o600);
  await writeFile(file, `${JSON.stringify({ baseUrl: url, managers, agents }, null, 2)}\n`);
}

export interface Credentials {
  readonly url: string;
  readonly key: string;
}

interface DemoKeys {
  readonly baseUrl: string;
  readonly users: { readonly admin: string };
}

/** `GUANXI_URL` and `GUANXI_KEY`, and what they leave open from the demo tenant's keys in the data folder. */
export async function readCredentials(env: NodeJS.ProcessEnv): Promise<Credentials> {
  const { GUANXI_URL: url, GUANXI_KEY: key } = env;
  if (url && key) return { url, key };
  const file = join(env["GUANXI_DATA_DIR"] ?? ".guanxi", "demo-keys.json");
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new Error(`No ${file} here: start the server with \`npm start\`, or set GUANXI_URL and GUANXI_KEY.`, {
      cause,
    });
  });
  const demo = JSON.parse(text) as DemoKeys;
  return { url: url || demo.baseUrl, key: key || demo.users.admin };
}
