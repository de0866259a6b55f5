/** What the files write and what Guanxi keeps: pure functions, one per kind of dirt. They throw MappingError. */

export class MappingError extends Error {}

const industries: Readonly<Record<string, string>> = { technolgy: "technology" };
const countries: Readonly<Record<string, string>> = { Philipines: "Philippines" };
const stages: Readonly<Record<string, string>> = {
  Prospecting: "prospecting",
  Engaging: "engaging",
  Won: "won",
  Lost: "lost",
};

export const industry = (sector: string): string => industries[sector] ?? sector;

export const country = (location: string): string => countries[location] ?? location;

export function stage(dealStage: string): string {
  const found = stages[dealStage];
  if (found === undefined)
    throw new MappingError(`"${dealStage}" is no deal stage; they are ${Object.keys(stages).join(", ")}`);
  return found;
}

/** `3/1/2017` (month first) → `2017-03-01`; an empty cell → undefined. */
export function date(cell: string): string | undefined {
  if (cell === "") return undefined;
  const [, month = "", day = "", year = ""] = /^(\d{1,2})\/(\d{1,2})\/(\d{4})$/.exec(cell) ?? [];
  const iso = `${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`;
  const read = new Date(`${iso}T00:00:00Z`);
  // The parser rolls February 30 over into March.
  if (Number.isNaN(read.getTime()) || read.toISOString().slice(0, 10) !== iso)
    throw new MappingError(`"${cell}" is no date as M/D/YYYY`);
  return iso;
}

/** `1054` or `251.41` → a number; an empty cell → undefined. */
export function number(cell: string): number | undefined {
  if (cell === "") return undefined;
  if (!/^-?\d+(\.\d+)?$/.test(cell)) throw new MappingError(`"${cell}" is no number`);
  return Number(cell);
}

/** Millions with up to six decimals → whole units, free of binary rounding. */
export function millions(cell: string): number | undefined {
  const value = number(cell);
  return value === undefined ? undefined : Math.round(value * 1_000_000);
}

/** Names that differ only in spaces and case are one: the pipeline says `GTXPro` where the catalogue says `GTX Pro`. */
export const nameKey = (name: string): string => name.replace(/\s+/g, "").toLowerCase();

const mailDomain = "sales-opportunities.example";

/** `Mei-Mei Johns` → `mei-mei.johns@…`; letters beyond ASCII lose their accents or become their code points. */
export function email(name: string): string {
  const plain = name.normalize("NFKD").replace(/\p{M}/gu, "").trim().toLowerCase().replace(/\s+/g, ".");
  const local = plain.replace(/[^a-z0-9.-]/gu, (letter) => `u${letter.codePointAt(0)?.toString(16)}`);
  return `${local}@${mailDomain}`;
}
