/**
 * Makes the sample under `sample/`: a made-up pipeline in the form of the four files that the loader reads, with the dirt that
 * real exports have. The same seed gives the same files: `node generate.ts`.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const seed = 20170301;
const opportunityCount = 300;

/** Mulberry32: small, and the same on every machine. */
function random(state: number): () => number {
  let s = state;
  return () => {
    s = (s + 0x6d2b79f5) | 0;
    let t = Math.imul(s ^ (s >>> 15), 1 | s);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

// [name, sector, founded, revenue in millions, employees, location, parent]
const accounts: readonly (readonly [string, string, number, string, number, string, string])[] = [
  ["Fernhollow Labs", "medical", 2003, "182.45", 640, "United States", ""],
  ["Quillmere Retail", "retail", 1988, "940.1", 5210, "United States", "Osprey Vale Group"],
  ["云岫仪表", "technolgy", 2011, "75.3", 320, "China", ""],
  ["Saltmarsh Media", "entertainment", 1997, "61.08", 210, "United States", ""],
  ["Tarnbeck Systems", "software", 2008, "233.7", 890, "Ireland", "Osprey Vale Group"],
  ["Brindle Finch Finance", "finance", 1979, "1204.66", 3100, "United States", ""],
  ["Pacific Lantern", "services", 2014, "18.2", 95, "Philipines", ""],
  ["墨棠商贸", "retail", 2006, "310", 1480, "China", ""],
  ["Coldwater Dial", "telecommunications", 1992, "702.9", 2650, "United States", ""],
  ["Osprey Vale Group", "services", 1969, "2815.34", 9400, "United States", ""],
  ["Harrowgate Staffing", "employment", 2001, "44.5", 160, "United States", ""],
  ["Ardentia Clinics", "medical", 1995, "388.12", 1720, "Germany", "Fernhollow Labs"],
  ["澄岸科技", "technolgy", 2009, "127.8", 540, "Taiwan", "云岫仪表"],
  ["Mossgrove Outdoor", "retail", 1984, "96.4", 410, "United States", ""],
  ["Lumenreach", "marketing", 2016, "12.75", 60, "Kenya", ""],
  ["Veldspar Software", "software", 2012, "58.9", 275, "Poland", "Tarnbeck Systems"],
];

const products: readonly (readonly [string, string, number])[] = [
  ["Nova Basic", "Nova", 480],
  ["Nova Pro", "Nova", 3950],
  ["Nova Plus Pro", "Nova", 5120],
  ["Pico Mini", "Pico", 65],
  ["Pico Field", "Pico", 2890],
  ["Atlas 900", "Atlas", 24500],
];

const teams: readonly (readonly [string, string, readonly string[]])[] = [
  ["Isolde Marchetti", "North", ["Bram Okafor", "Linnea Halvard", "周予安"]],
  ["Desmond Achterberg", "South", ["Priya Sundaresan", "Joaquín Velarde", "Tess Wexcombe"]],
  ["顾明远", "East", ["Kenji Morioka", "Mara-Lee Dunn", "Oluwaseun Bright"]],
];

const csv = (rows: readonly (readonly (string | number)[])[]): string =>
  `${rows.map((row) => row.join(",")).join("\n")}\n`;

/** M/D/YYYY, `days` after 1 October 2016. */
function usDate(days: number): string {
  const date = new Date(Date.UTC(2016, 9, 1 + days));
  return `${date.getUTCMonth() + 1}/${date.getUTCDate()}/${date.getUTCFullYear()}`;
}

function opportunityRows(): (string | number)[][] {
  const next = random(seed);
  const below = (n: number) => Math.floor(next() * n);
  const pick = <T>(all: readonly T[]): T => all[below(all.length)] as T;
  const ids = new Set<string>();
  const agents = teams.flatMap(([, , names]) => names);

  const newId = (): string => {
    const id = Array.from({ length: 8 }, () => pick([..."0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"])).join("");
    if (ids.has(id)) return newId();
    ids.add(id);
    return id;
  };

  return Array.from({ length: opportunityCount }, () => {
    const fate = next();
    const stage = fate < 0.48 ? "Won" : fate < 0.76 ? "Lost" : fate < 0.94 ? "Engaging" : "Prospecting";
    const closed = stage === "Won" || stage === "Lost";
    const [product, , price] = pick(products);
    const start = below(330);
    const value = Math.max(1, Math.round(price * (0.75 + next() * 0.5)));
    return [
      newId(),
      pick(agents),
      // The pipeline spells this one product without its space.
      product === "Nova Pro" ? "NovaPro" : product,
      !closed && next() < 0.3 ? "" : pick(accounts)[0],
      stage,
      stage === "Prospecting" ? "" : usDate(start),
      closed ? usDate(start + 5 + below(120)) : "",
      stage === "Won" ? value : stage === "Lost" ? 0 : "",
    ];
  });
}

/** The files by name. */
export function sampleFiles(): Record<string, string> {
  return {
    "accounts.csv": csv([
      ["account", "sector", "year_established", "revenue", "employees", "office_location", "subsidiary_of"],
      ...accounts,
    ]),
    "products.csv": csv([["product", "series", "sales_price"], ...products]),
    "sales_teams.csv": csv([
      ["sales_agent", "manager", "regional_office"],
      ...teams.flatMap(([manager, office, agents]) => agents.map((agent) => [agent, manager, office])),
    ]),
    "sales_pipeline.csv": csv([
      ["opportunity_id", "sales_agent", "product", "account", "deal_stage", "engage_date", "close_date", "close_value"],
      ...opportunityRows(),
    ]),
  };
}

if (import.meta.main) {
  const folder = join(import.meta.dirname, "sample");
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(sampleFiles())) writeFileSync(join(folder, name), text);
}
