import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { country, date, industry, MappingError, millions, nameKey, number, stage } from "./mapping.ts";

export interface SourceAccount {
  readonly name: string;
  readonly industry: string;
  readonly country: string;
  readonly foundedYear: number | undefined;
  readonly annualRevenue: number | undefined;
  readonly employees: number | undefined;
  /** The name of the account it belongs to. */
  readonly parent: string | undefined;
}

export interface SourceProduct {
  readonly name: string;
  readonly family: string;
  readonly price: number | undefined;
}

export interface SourceAgent {
  readonly name: string;
  readonly manager: string;
  readonly office: string;
}

export interface SourceOpportunity {
  readonly id: string;
  readonly agent: string;
  readonly product: string;
  readonly account: string | undefined;
  readonly stage: string;
  readonly startDate: string | undefined;
  readonly closeDate: string | undefined;
  readonly amount: number | undefined;
}

export interface Source {
  readonly accounts: readonly SourceAccount[];
  readonly products: readonly SourceProduct[];
  readonly agents: readonly SourceAgent[];
  readonly opportunities: readonly SourceOpportunity[];
}

/** The texts of the four files. */
export interface SourceFiles {
  readonly "accounts.csv": string;
  readonly "products.csv": string;
  readonly "sales_teams.csv": string;
  readonly "sales_pipeline.csv": string;
}

/** What cannot be mapped, all of it, each with file and line. */
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

/** Reads cells of one line; a missing column or a value that cannot be mapped becomes a fault instead of ending the reading. */
class Line {
  readonly #row: Row;
  readonly #place: string;
  readonly #faults: string[];

  constructor(row: Row, place: string, faults: string[]) {
    this.#row = row;
    this.#place = place;
    this.#faults = faults;
  }

  text(column: string): string {
    const cell = this.#row[column];
    if (cell === undefined) this.fault(`has no column "${column}"`);
    return cell ?? "";
  }

  needed(column: string): string {
    const cell = this.text(column);
    if (cell === "") this.fault(`"${column}" is empty`);
    return cell;
  }

  mapped<T>(column: string, map: (cell: string) => T): T | undefined {
    try {
      return map(this.text(column));
    } catch (e) {
      if (!(e instanceof MappingError)) throw e;
      this.fault(e.message);
      return undefined;
    }
  }

  /** The catalogue's spelling of a name. */
  known(column: string, catalogue: ReadonlyMap<string, string>): string | undefined {
    const cell = this.text(column);
    if (cell === "") return undefined;
    const name = catalogue.get(nameKey(cell));
    if (name === undefined) this.fault(`"${column}" names "${cell}", which is nowhere listed`);
    return name;
  }

  fault(what: string): void {
    this.#faults.push(`${this.#place}: ${what}`);
  }
}

function lines(files: SourceFiles, file: keyof SourceFiles, faults: string[]): Line[] {
  const rows = parse(files[file], { columns: true, bom: true, trim: true, skip_empty_lines: true }) as Row[];
  // The header is line 1.
  return rows.map((row, i) => new Line(row, `${file}:${i + 2}`, faults));
}

const catalogueOf = (names: readonly string[]): ReadonlyMap<string, string> =>
  new Map(names.map((name) => [nameKey(name), name]));

function account(line: Line, accounts: ReadonlyMap<string, string>): SourceAccount {
  return {
    name: line.needed("account"),
    industry: industry(line.text("sector")),
    country: country(line.text("office_location")),
    foundedYear: line.mapped("year_established", number),
    annualRevenue: line.mapped("revenue", millions),
    employees: line.mapped("employees", number),
    parent: line.known("subsidiary_of", accounts),
  };
}

interface Catalogues {
  readonly accounts: ReadonlyMap<string, string>;
  readonly products: ReadonlyMap<string, string>;
  readonly agents: ReadonlyMap<string, string>;
}

function opportunity(line: Line, catalogues: Catalogues): SourceOpportunity {
  return {
    id: line.needed("opportunity_id"),
    agent: line.known("sales_agent", catalogues.agents) ?? line.needed("sales_agent"),
    product: line.known("product", catalogues.products) ?? line.needed("product"),
    account: line.known("account", catalogues.accounts),
    stage: line.mapped("deal_stage", stage) ?? "",
    startDate: line.mapped("engage_date", date),
    closeDate: line.mapped("close_date", date),
    amount: line.mapped("close_value", number),
  };
}

/** The files' content, cleaned. Throws SourceError with every fault in them. */
export function readSource(files: SourceFiles): Source {
  const faults: string[] = [];
  const accountLines = lines(files, "accounts.csv", faults);
  const accountNames = catalogueOf(accountLines.map((line) => line.needed("account")));
  const accounts = accountLines.map((line) => account(line, accountNames));
  const products = lines(files, "products.csv", faults).map((line) => ({
    name: line.needed("product"),
    family: line.text("series"),
    price: line.mapped("sales_price", number),
  }));
  const agents = lines(files, "sales_teams.csv", faults).map((line) => ({
    name: line.needed("sales_agent"),
    manager: line.needed("manager"),
    office: line.needed("regional_office"),
  }));
  const catalogues = {
    accounts: accountNames,
    products: catalogueOf(products.map((p) => p.name)),
    agents: catalogueOf(agents.map((a) => a.name)),
  };
  const opportunities = lines(files, "sales_pipeline.csv", faults).map((line) => opportunity(line, catalogues));
  if (faults.length > 0) throw new SourceError([...new Set(faults)]);
  return { accounts, products, agents, opportunities };
}

/** Reads the four files of a folder. */
export async function readFolder(folder: string): Promise<Source> {
  const text = (name: keyof SourceFiles) => readFile(join(folder, name), "utf8");
  return readSource({
    "accounts.csv": await text("accounts.csv"),
    "products.csv": await text("products.csv"),
    "sales_teams.csv": await text("sales_teams.csv"),
    "sales_pipeline.csv": await text("sales_pipeline.csv"),
  });
}
