import type { Settings } from "./settings.ts";
import type { Database } from "./database.ts";
import type { World } from "./world.ts";

/** What a figure is held to. */
export interface Goal {
  /** `ratio`: of ours to the floor's; `least`, `most`: of ours alone. */
  readonly kind: "ratio" | "least" | "most";
  readonly value: number;
}

/** One line of the table. */
export interface Figure {
  readonly row: string;
  readonly unit: string;
  readonly ours: number;
  readonly floor?: number;
  /** None where a figure is for orientation. */
  readonly goal?: Goal;
  /** What else was seen: rounds, percentiles, plans. */
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** What the rows measure with. */
export interface Bench {
  readonly settings: Settings;
  readonly database: Database;
  /** Where rows may keep what is dear to make. */
  readonly dataDir: string;
  /** A tenant with so many leads, seeded the first time. */
  world(rows?: number): Promise<World>;
  /** One line of progress. */
  say(text: string): void;
}

export interface Row {
  readonly name: string;
  readonly measures: string;
  /** Run only when named: it takes long, or much of the disk. */
  readonly big?: boolean;
  run(bench: Bench): Promise<Figure[]>;
}

export const ratioOf = ({ ours, floor }: Figure): number | undefined =>
  floor === undefined || floor === 0 ? undefined : ours / floor;

/** Whether the goal is met; undefined where there is none. */
export function isMet(figure: Figure): boolean | undefined {
  const { goal, ours } = figure;
  if (!goal) return undefined;
  if (goal.kind === "most") return ours <= goal.value;
  if (goal.kind === "least") return ours >= goal.value;
  return (ratioOf(figure) ?? 0) >= goal.value;
}
