import { type Io, note, print } from "../io.ts";
import { plain } from "../table.ts";

/** What a change set does, or would do, to one definition. */
export interface Step {
  readonly kind: string;
  readonly name: string;
  readonly effect: string;
  readonly rows?: number;
  readonly loses?: { readonly count: number; readonly allow: string; readonly allowed: boolean };
  readonly inTheWay?: {
    readonly count: number;
    readonly records: readonly { readonly id: string; readonly value: string | null }[];
  };
  readonly usedBy?: readonly string[];
  readonly breaks?: readonly string[];
  readonly note?: string;
}

export interface ChangeSetAnswer {
  readonly id: string | null;
  readonly version: number;
  readonly ok: boolean;
  readonly steps: readonly Step[];
}

/** What a change set has done, or would. */
export function tellChangeSet(io: Io, { id, version, ok, steps }: ChangeSetAnswer, plan: boolean): void {
  if (steps.length > 0) print(io, stepLines(steps).join("\n"));
  if (steps.length === 0 && ok) note(io, `Nothing to change: version ${version}.`);
  else if (!plan) note(io, `Applied as ${id}: version ${version}.`);
  else note(io, ok ? "A plan: nothing was changed." : "A plan: this would be refused.");
}

/** Lines by definition. Of a new object there is the first: indexes and the like come with it. */
export function stepLines(steps: readonly Step[]): string[] {
  const byDefinition = Map.groupBy(steps, ({ kind, name }) => `${kind}/${name}`);
  return [...byDefinition].flatMap(([definition, own]) => {
    const made = own.find(({ effect }) => effect.startsWith("create "));
    return [definition, ...(made ? [made] : own).flatMap(linesOf)].map(plain);
  });
}

function linesOf({ effect, rows, loses, inTheWay, usedBy, breaks, note }: Step): string[] {
  const others = usedBy?.filter((by) => !breaks?.includes(by)) ?? [];
  const more = [
    loses &&
      `loses ${counted(loses.count, wholeObject(loses.allow) ? "record" : "value")}${loses.allowed ? "" : `: --allow ${loses.allow} lets it`}`,
    inTheWay && `in the way: ${counted(inTheWay.count, "record")}${recordsIn(inTheWay)}`,
    breaks && `would break ${breaks.join("; ")}: change or delete these too`,
    others.length > 0 ? `used by ${others.join("; ")}` : undefined,
    note,
  ].filter((line) => line !== undefined);
  return [
    `  ${effect}${rows === undefined ? "" : ` (${counted(rows, "record")})`}`,
    ...more.map((line) => `    ${line}`),
  ];
}

/** `drop:property`, not `drop:property.fee`. */
const wholeObject = (allow: string): boolean => !allow.includes(".");

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;

function recordsIn({ count, records }: NonNullable<Step["inTheWay"]>): string {
  const shown = records.map(({ id, value }) => (value === null ? id : `${id} (${value})`));
  return shown.length === 0 ? "" : `: ${shown.join(", ")}${shown.length < count ? ", …" : ""}`;
}
