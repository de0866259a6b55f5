import { createClient } from "@guanxi/client";
import type { Loaded } from "./load.ts";
import type { Client, Fields, Objects } from "./objects.ts";
import type { StageTotal } from "./source.ts";
import { oneOf } from "./sync.ts";
import { type Cell, table } from "./table.ts";

type Totals = ReadonlyMap<string, StageTotal>;

export interface AgentResult {
  readonly agent: string;
  readonly manager: string;
  readonly won: number;
  readonly lost: number;
  readonly value: number;
}

export interface Share {
  readonly name: string;
  readonly won: number;
  readonly value: number;
}

export interface ManagerQuarter {
  readonly manager: string;
  /** `2017-Q1`. */
  readonly quarter: string;
  readonly won: number;
  readonly value: number;
}

export interface Report {
  readonly stages: Totals;
  /** Whether `stages` is what the files say. */
  readonly asInFiles: boolean;
  readonly agents: readonly AgentResult[];
  readonly quarters: readonly ManagerQuarter[];
  readonly sectors: readonly Share[];
  readonly products: readonly Share[];
}

const amountOf = (row: Fields): number => Number(row["sum_amount"] ?? 0);
const countOf = (row: Fields): number => Number(row["count"]);

/** Only deals that came from the files: their agents', with an id of the source, and not those a workflow opened since. */
function fromFiles(users: readonly string[]): string {
  return `external_id != null && type == 'new_business' && ${oneOf("owner", users)}`;
}

async function readStages(client: Client, filter: string): Promise<Totals> {
  const rows = await client.records("opportunity").aggregate({
    group: ["stage"],
    metrics: ["count()", "sum(amount)"],
    order: ["stage"],
    filter,
  });
  return new Map(rows.map((row) => [String(row["stage"]), { count: countOf(row), amount: amountOf(row) }]));
}

/** Equal to the cent: the files' amounts were added up in binary. */
const sameTotal = (a: StageTotal, b: StageTotal | undefined): boolean =>
  a.count === b?.count && Math.round(a.amount * 100) === Math.round(b.amount * 100);

const sameTotals = (a: Totals, b: Totals): boolean =>
  a.size === b.size && [...a].every(([stage, total]) => sameTotal(total, b.get(stage)));

async function readAgents(client: Client, teams: Loaded["teams"], filter: string): Promise<AgentResult[]> {
  const rows = await client.records("opportunity").aggregate({
    group: ["owner", "stage"],
    metrics: ["count()", "sum(amount)"],
    filter: `stage in ['won', 'lost'] && ${filter}`,
  });
  const cell = (user: string, stage: string) => rows.find((row) => row["owner"] === user && row["stage"] === stage);
  const results = teams.flatMap(({ manager, agents }) =>
    agents.map(({ name, user }) => {
      const won = cell(user, "won");
      const lost = cell(user, "lost");
      return {
        agent: name,
        manager: manager.name,
        won: won ? countOf(won) : 0,
        lost: lost ? countOf(lost) : 0,
        value: won ? amountOf(won) : 0,
      };
    }),
  );
  return results.sort((a, b) => (winRate(b) ?? -1) - (winRate(a) ?? -1) || b.value - a.value);
}

/** Undefined for an agent of whom no deal has been decided. */
const winRate = ({ won, lost }: AgentResult): number | undefined => (won + lost === 0 ? undefined : won / (won + lost));

/** One call per manager, so that the database adds up and not this program. */
async function readQuarters(client: Client, teams: Loaded["teams"]): Promise<ManagerQuarter[]> {
  const results: ManagerQuarter[] = [];
  for (const { manager, agents } of teams) {
    const rows = await client.records("opportunity").aggregate({
      group: ["quarter(close_date)"],
      metrics: ["count()", "sum(amount)"],
      filter: `stage == 'won' && ${fromFiles(agents.map((a) => a.user))}`,
    });
    for (const row of rows) {
      results.push({
        manager: manager.name,
        quarter: String(row["quarter_close_date"]),
        won: countOf(row),
        value: amountOf(row),
      });
    }
  }
  return results;
}

/** Wins grouped by a field that is reached over a reference, the most valuable first. */
async function readShares(client: Client, group: string, filter: string): Promise<Share[]> {
  const rows = await client.records("opportunity").aggregate({
    group: [group],
    metrics: ["count()", "sum(amount)"],
    order: ["-sum_amount"],
    filter: `stage == 'won' && ${filter}`,
  });
  const column = group.replaceAll(".", "_");
  return rows.map((row) => ({ name: String(row[column] ?? "(none)"), won: countOf(row), value: amountOf(row) }));
}

export interface ReportOptions {
  readonly url: string;
  readonly key: string;
  readonly loaded: Loaded;
}

/** Asks the server for every figure of the report. */
export async function readReport({ url, key, loaded }: ReportOptions): Promise<Report> {
  const client = createClient<Objects>({ url, key });
  const filter = fromFiles(loaded.teams.flatMap((team) => team.agents.map((agent) => agent.user)));
  const stages = await readStages(client, filter);
  return {
    stages,
    asInFiles: sameTotals(loaded.expected, stages),
    agents: await readAgents(client, loaded.teams, filter),
    quarters: await readQuarters(client, loaded.teams),
    sectors: await readShares(client, "account.industry", filter),
    products: await readShares(client, "product.name", filter),
  };
}

const percent = (part: number | undefined): string =>
  part === undefined ? "" : `${(part * 100).toFixed(1).padStart(5)} %`;

function stageLines({ stages, asInFiles }: Report): string[] {
  const rows = [...stages].map(([stage, { count, amount }]): Cell[] => [stage, count, amount]);
  return [
    ...table(["Stage", "Deals", "Value"], rows),
    asInFiles ? "The same as in the files." : "NOT what the files say.",
  ];
}

function quarterLines({ quarters }: Report): string[] {
  const columns = [...new Set(quarters.map((q) => q.quarter))].sort();
  const rows = [...Map.groupBy(quarters, (q) => q.manager)].map(([manager, cells]): Cell[] => [
    manager,
    ...columns.map((quarter) => cells.find((c) => c.quarter === quarter)?.value ?? 0),
    cells.reduce((sum, c) => sum + c.value, 0),
  ]);
  return table(["Manager", ...columns, "All"], rows);
}

const shareLines = (heading: string, shares: readonly Share[]): string[] =>
  table(
    [heading, "Won", "Value"],
    shares.map((s) => [s.name, s.won, s.value]),
  );

function agentLines({ agents }: Report): string[] {
  const rows = agents.map((a): Cell[] => [a.agent, a.manager, a.won, a.lost, percent(winRate(a)), a.value]);
  return table(["Agent", "Manager", "Won", "Lost", "Win rate", "Value won"], rows);
}

/** Asks the server and prints the tables. Answers what was read, so that a caller can check it. */
export async function printReport({
  log,
  ...options
}: ReportOptions & { readonly log: (line: string) => void }): Promise<Report> {
  const report = await readReport(options);
  const sections: [string, string[]][] = [
    ["Deals by stage", stageLines(report)],
    ["Win rate by agent", agentLines(report)],
    ["Value won by manager and quarter", quarterLines(report)],
    ["Won by sector", shareLines("Sector", report.sectors)],
    ["Won by product", shareLines("Product", report.products)],
  ];
  for (const [title, lines] of sections) {
    log("");
    log(title);
    for (const line of lines) log(line);
  }
  return report;
}
