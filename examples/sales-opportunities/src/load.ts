import { join } from "node:path";
import { createClient } from "@guanxi/client";
import { publishWorkflows, storeMappings } from "./definitions.ts";
import { importFile, type Imported } from "./imports.ts";
import type { Client, Objects } from "./objects.ts";
import { loadOrganisation, type Team } from "./organisation.ts";
import type { Progress } from "./progress.ts";
import { readFolder, type StageTotal } from "./source.ts";

export type { Team } from "./organisation.ts";

export interface LoadOptions {
  readonly url: string;
  /** An administrator's API key. */
  readonly key: string;
  /** The folder with the four CSV files. */
  readonly data: string;
  readonly log: (line: string) => void;
  /** Hears of the opportunities' progress. */
  readonly progress?: Progress;
}

export interface Loaded {
  readonly teams: readonly Team[];
  /** What the files say, by stage, to hold against what the server says. */
  readonly expected: ReadonlyMap<string, StageTotal>;
  readonly counts: Readonly<Record<"accounts" | "parents" | "products" | "opportunities", Imported>>;
  /** Mappings and workflows that were stored; none when all were there already. */
  readonly stored: readonly string[];
}

async function importFiles(client: Client, { data, log, progress }: LoadOptions): Promise<Loaded["counts"]> {
  const load = async (what: string, object: string, mapping: string, file: string, heard?: Progress) => {
    const { created, changed, unchanged } = await importFile(client, object, mapping, join(data, file), heard);
    log(`${what}: ${created} created, ${changed} changed, ${unchanged} as they were`);
    return { created, changed, unchanged };
  };
  return {
    accounts: await load("Accounts", "account", "sales_accounts", "accounts.csv"),
    parents: await load("Parent accounts", "account", "sales_account_parents", "accounts.csv"),
    products: await load("Products", "product", "sales_products", "products.csv"),
    opportunities: await load("Opportunities", "opportunity", "sales_pipeline", "sales_pipeline.csv", progress),
  };
}

/**
 * Loads the folder into the tenant of `key`: org chart and users, accounts, products and opportunities, then the example's
 * workflows. A second run changes nothing. Throws SourceError for rows that are rejected and GuanxiProblem for what the server refuses.
 */
export async function loadSalesOpportunities(options: LoadOptions): Promise<Loaded> {
  const { agents, totals } = await readFolder(options.data);
  const client = createClient<Objects>({ url: options.url, key: options.key });
  const teams = await loadOrganisation(client, agents);
  options.log(`Org chart: ${teams.length} managers, ${agents.length} agents`);
  const mappings = await storeMappings(client);
  const counts = await importFiles(client, options);
  // Published last: they are for what happens from now on, not for wins of the past.
  const published = await publishWorkflows(client);
  options.log(published.length === 0 ? "Workflows: already published" : `Workflows published: ${published.join(", ")}`);
  return { teams, expected: totals, counts, stored: [...mappings, ...published] };
}
