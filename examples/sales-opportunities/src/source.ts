import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "csv-parse/sync";

/** What the program itself reads of the files; everything else is for the mappings. */
export interface Source {
  readonly agents: readonly SourceAgent[];
  /** What the pipeline says, by stage, to hold against what the server says. */
  readonly totals: ReadonlyMap<string, StageTotal>;
}

export interface SourceAgent {
  readonly name: string;
  readonly manager: string;
  readonly office: string;
}

export interface StageTotal {
  readonly count: number;
  readonly amount: number;
}

/** What cannot be used of the files, each fault with its place. */
export class SourceError extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    const shown = faults.slice(0, 20);
    super(
      [...shown, ...(faults.length > shown.length ? [`… and ${faults.length - shown.length} more`] : [])].join("\n"),
    );
    this.faults = faults;
  }
}

type Row = Readonly<Record<string, string>>;

export const rowsOf = (text: string): Row[] =>
  parse(text, { columns: true, bom: true, trim: true, skip_empty_lines: true }) as Row[];

/** The salespeople. Throws SourceError where one has no name, manager or office. */
export function agentsOf(text: string): SourceAgent[] {
  const faults: string[] = [];
  const agents = rowsOf(text).map((row, i) => {
    const needed = (column: string): string => {
      // The header is line 1.
      if (!row[column]) faults.push(`sales_teams.csv:${i + 2}: "${column}" is empty`);
      return row[column] ?? "";
    };
    return { name: needed("sales_agent"), manager: needed("manager"), office: needed("regional_office") };
  });
  if (faults.length > 0) throw new SourceError(faults);
  return agents;
}

/** By stage, as Guanxi writes it: how many deals, and what they are worth together. */
export function totalsOf(text: string): ReadonlyMap<string, StageTotal> {
  const byStage = Map.groupBy(rowsOf(text), (row) => (row["deal_stage"] ?? "").toLowerCase());
  return new Map(
    [...byStage].map(([stage, deals]) => {
      const amount = deals.reduce((sum, deal) => sum + Number(deal["close_value"]), 0);
      return [stage, { count: deals.length, amount }];
    }),
  );
}

/** Reads what is needed of a folder's files. */
export async function readFolder(folder: string): Promise<Source> {
  const text = (name: string) => readFile(join(folder, name), "utf8");
  return { agents: agentsOf(await text("sales_teams.csv")), totals: totalsOf(await text("sales_pipeline.csv")) };
}
