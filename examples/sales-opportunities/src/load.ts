import { type Client, createClient } from "./client.ts";
import { levels } from "./hierarchy.ts";
import { loadOrganisation, type Team } from "./organisation.ts";
import { readFolder, type Source, type SourceAccount, type SourceOpportunity, type SourceProduct } from "./source.ts";
import { idOf, type Progress, sync, type SyncResult } from "./sync.ts";
import { publishWorkflows } from "./workflows.ts";

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

export interface StageTotal {
  readonly count: number;
  readonly amount: number;
}

export interface Loaded {
  readonly teams: readonly Team[];
  /** What the files say, by stage, to hold against what the server says. */
  readonly expected: ReadonlyMap<string, StageTotal>;
  readonly counts: Readonly<Record<"accounts" | "products" | "opportunities", Omit<SyncResult, "ids">>>;
  /** Workflows that were published; none when all were there already. */
  readonly published: readonly string[];
}

/** What the files leave empty is null, so that a later run empties it again. */
const accountFields = (account: SourceAccount, parent: string | undefined) => ({
  external_id: account.name,
  name: account.name,
  type: "customer",
  industry: account.industry,
  country: account.country,
  founded_year: account.foundedYear ?? null,
  annual_revenue: account.annualRevenue ?? null,
  employees: account.employees ?? null,
  parent: parent ?? null,
});

async function loadAccounts(client: Client, accounts: readonly SourceAccount[]): Promise<SyncResult> {
  const ids = new Map<string, string>();
  const total = { created: 0, changed: 0, unchanged: 0 };
  for (const level of levels(accounts)) {
    const wanted = level.map((a) => accountFields(a, a.parent === undefined ? undefined : idOf(ids, a.parent)));
    const result = await sync(client, "accounts", "external_id", wanted);
    for (const [name, id] of result.ids) ids.set(name, id);
    for (const key of ["created", "changed", "unchanged"] as const) total[key] += result[key];
  }
  return { ...total, ids };
}

const productFields = (product: SourceProduct) => ({
  external_id: product.name,
  name: product.name,
  family: product.family,
  price: product.price ?? null,
});

function opportunityFields(
  opportunity: SourceOpportunity,
  ids: Record<"accounts" | "products" | "users", ReadonlyMap<string, string>>,
) {
  const { account } = opportunity;
  return {
    external_id: opportunity.id,
    name: account === undefined ? opportunity.product : `${opportunity.product} – ${account}`,
    account: account === undefined ? null : idOf(ids.accounts, account),
    product: idOf(ids.products, opportunity.product),
    owner: idOf(ids.users, opportunity.agent),
    stage: opportunity.stage,
    amount: opportunity.amount ?? null,
    start_date: opportunity.startDate ?? null,
    close_date: opportunity.closeDate ?? null,
  };
}

function totals(opportunities: readonly SourceOpportunity[]): ReadonlyMap<string, StageTotal> {
  const byStage = Map.groupBy(opportunities, (o) => o.stage);
  return new Map(
    [...byStage].map(([stage, deals]) => {
      const amount = deals.reduce((sum, deal) => sum + (deal.amount ?? 0), 0);
      return [stage, { count: deals.length, amount }];
    }),
  );
}

const summary = (what: string, r: Omit<SyncResult, "ids">): string =>
  `${what}: ${r.created} created, ${r.changed} changed, ${r.unchanged} as they were`;

async function loadRecords(
  client: Client,
  source: Source,
  teams: readonly Team[],
  { log, progress }: LoadOptions,
): Promise<Loaded["counts"]> {
  const accounts = await loadAccounts(client, source.accounts);
  log(summary("Accounts", accounts));
  const products = await sync(client, "products", "external_id", source.products.map(productFields));
  log(summary("Products", products));
  const users = new Map(teams.flatMap((team) => team.agents).map((agent) => [agent.name, agent.user]));
  const ids = { accounts: accounts.ids, products: products.ids, users };
  const wanted = source.opportunities.map((o) => opportunityFields(o, ids));
  const opportunities = await sync(client, "opportunities", "external_id", wanted, progress);
  log(summary("Opportunities", opportunities));
  return { accounts, products, opportunities };
}

/**
 * Loads the folder into the tenant of `key`: org chart and users, accounts, products and opportunities, then the example's
 * workflows. A second run changes nothing. Throws SourceError for what it cannot map and ApiError for what the server refuses.
 */
export async function loadSalesOpportunities(options: LoadOptions): Promise<Loaded> {
  const source = await readFolder(options.data);
  const client = createClient(options);
  const teams = await loadOrganisation(client, source.agents);
  options.log(`Org chart: ${teams.length} managers, ${source.agents.length} agents`);
  const counts = await loadRecords(client, source, teams, options);
  // Published last: they are for what happens from now on, not for wins of the past.
  const published = await publishWorkflows(client);
  options.log(published.length === 0 ? "Workflows: already published" : `Workflows published: ${published.join(", ")}`);
  return { teams, expected: totals(source.opportunities), counts, published };
}
