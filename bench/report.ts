import { mkdir, rename, writeFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { rounded } from "./measure.ts";
import { type Figure, type Goal, isMet, ratioOf } from "./row.ts";
import type { Settings } from "./settings.ts";

const signs = { ratio: "≥", least: "≥", most: "≤" } as const;

const shownGoal = (goal: Goal | undefined, unit: string): string =>
  goal === undefined ? "" : `${signs[goal.kind]} ${goal.value}${goal.kind === "ratio" ? " of floor" : ` ${unit}`}`;

const shownNumber = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString("en") : String(rounded(value, value < 1 ? 3 : 1));

const verdicts = new Map<boolean | undefined, string>([
  [true, "met"],
  [false, "NOT MET"],
  [undefined, ""],
]);

/** The table: one line per figure. */
export function tableOf(figures: readonly Figure[]): string {
  const head = ["row", "ours", "floor", "unit", "ratio", "goal", ""];
  const lines = figures.map((f) => [
    f.row,
    shownNumber(f.ours),
    f.floor === undefined ? "" : shownNumber(f.floor),
    f.unit,
    ratioOf(f) === undefined ? "" : (ratioOf(f) ?? 0).toFixed(2),
    shownGoal(f.goal, f.unit),
    verdicts.get(isMet(f)) ?? "",
  ]);
  const widths = head.map((h, i) => Math.max(h.length, ...lines.map((l) => l[i]?.length ?? 0)));
  const number = new Set([1, 2, 4]);
  const line = (cells: readonly string[]): string =>
    cells
      .map((c, i) => (number.has(i) ? c.padStart(widths[i] ?? 0) : c.padEnd(widths[i] ?? 0)))
      .join("  ")
      .trimEnd();
  return [line(head), widths.map((w) => "─".repeat(w)).join("  "), ...lines.map(line)].join("\n");
}

/** What the figures depend on; no names of hosts, users or folders. */
const machine = () => ({
  cpu: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  memoryGb: Math.round(totalmem() / 2 ** 30),
  platform: `${process.platform}-${process.arch}`,
});

/** Writes the results beside this file; → the file's name. */
export async function writeResults(
  figures: readonly Figure[],
  settings: Settings,
  postgresql: string,
): Promise<string> {
  const folder = join(import.meta.dirname, "results");
  const now = new Date().toISOString();
  const name = `${now.slice(0, 19).replaceAll(":", "")}Z.json`;
  const results = {
    at: now,
    machine: machine(),
    versions: { node: process.versions.node, postgresql },
    settings,
    figures: figures.map((f) => ({
      row: f.row,
      unit: f.unit,
      ours: rounded(f.ours, 3),
      ...(f.floor === undefined ? {} : { floor: rounded(f.floor, 3), ratio: rounded(ratioOf(f) ?? 0, 3) }),
      ...(f.goal === undefined ? {} : { goal: f.goal, met: isMet(f) }),
      ...(f.detail === undefined ? {} : { detail: f.detail }),
    })),
  };
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${name}.tmp`), `${JSON.stringify(results, null, 2)}\n`);
  await rename(join(folder, `${name}.tmp`), join(folder, name));
  return name;
}
