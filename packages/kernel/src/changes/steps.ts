import { isDeepStrictEqual } from "node:util";
import { isObject } from "@guanxi/base";
import { type MetaChange, type StoredObject } from "@guanxi/meta";
import { losesValues } from "@guanxi/store";
import type { Loss, Ran } from "../apply.ts";
import type { Edition } from "../plugins/editions.ts";
import { type Dependents, wordsOf } from "./dependents.ts";
import type { ChangeSetStep, DefinitionKind, Touched } from "./types.ts";

interface ObjectSteps {
  readonly ran: readonly Ran[];
  readonly losses: readonly Loss[];
  readonly allow: readonly string[];
  readonly dependents: readonly Dependents[];
  /** Records by the id of an object that was there before; in plans. */
  readonly rows: ReadonlyMap<number, number>;
  /** Whether what went comes back, without what it held. */
  readonly back: boolean;
}

/** What becomes of tables: a step for each statement, the first one of a change with all that is to be said of it. */
export function tableSteps({ ran, losses, allow, dependents, rows, back }: ObjectSteps): ChangeSetStep[] {
  const told = new Set<MetaChange>();
  const seen = ran.filter(({ step: { change } }) => !isSetAside(change));
  return seen.map(({ step, inTheWay }): ChangeSetStep => {
    const { change, effect, scans } = step;
    const first = !told.has(change);
    told.add(change);
    const count = scans && rows.get(change.object.id);
    const [loss] = first ? losses.filter((l) => l.change === change) : [];
    const note = first && back ? notReturned(change) : undefined;
    return {
      kind: "objects",
      name: change.object.name,
      effect,
      ...(typeof count === "number" ? { rows: count } : {}),
      ...(loss ? { loses: { count: loss.count, allow: loss.allow, allowed: allow.includes(loss.allow) } } : {}),
      ...(inTheWay === undefined ? {} : { inTheWay: shownRows(inTheWay) }),
      ...(first ? shownDependents(dependents.find((d) => concerns(change, d))) : {}),
      ...(note === undefined ? {} : { note }),
    };
  });
}

/** The table of an object that is set aside, or comes back, gets another name: the definition tells of it. */
const isSetAside = (change: MetaChange): boolean =>
  change.kind === "rename_object" && [change.object, change.from].some(({ stored }) => stored.aside !== undefined);

export const shownRows = (rows: NonNullable<Ran["inTheWay"]>): NonNullable<ChangeSetStep["inTheWay"]> => ({
  count: rows[0]?.total ?? 0,
  records: rows.map(({ id, value }) => ({ id, value })),
});

const shownDependents = (found: Dependents | undefined): Pick<ChangeSetStep, "usedBy" | "breaks"> => ({
  ...(found === undefined || found.usedBy.length === 0 ? {} : { usedBy: wordsOf(found.usedBy) }),
  ...(found === undefined || found.breaks.length === 0 ? {} : { breaks: wordsOf(found.breaks) }),
});

function concerns(change: MetaChange, { object, field }: Dependents): boolean {
  if (change.object.id !== object) return false;
  if (change.kind === "drop_object" || change.kind === "rename_object") return field === undefined;
  const ofField = change.kind === "drop_field" || change.kind === "rename_field" || change.kind === "change_type";
  return ofField && change.field.id === field;
}

function notReturned(change: MetaChange): string | undefined {
  if (change.kind === "create_object") return "its former records do not come back";
  if (change.kind === "add_field") return "its former values do not come back";
  return change.kind === "change_type" && losesValues(change.field, change.from)
    ? "what the change of type lost does not come back"
    : undefined;
}

/** What keeps a change set from being made, where nothing else can be told before that is mended. */
export const brokenSteps = (dependents: readonly Dependents[]): ChangeSetStep[] =>
  dependents
    .filter(({ breaks }) => breaks.length > 0)
    .map((found) => ({
      kind: "objects",
      name: found.name.split(".")[0] ?? found.name,
      effect: `${found.how} ${found.name}`,
      ...shownDependents(found),
    }));

/** What changes in a definition and in no table. */
export function definitionSteps(
  touched: readonly Touched[],
  tables: readonly ChangeSetStep[],
  kinds: readonly DefinitionKind[],
): ChangeSetStep[] {
  const effects = Map.groupBy(tables, ({ name }) => name);
  return touched.flatMap((one): ChangeSetStep[] => {
    const { kind, name, before, after } = one;
    if (kind === "settings") return [{ kind, name, effect: `set ${name} from ${String(before)} to ${String(after)}` }];
    if (kind === "plugins") return [{ kind, name, effect: pluginEffect(one) }];
    const moved = kind === "objects" ? asideEffect(one) : undefined;
    if (moved !== undefined) return [{ kind, name, effect: moved }];
    if (kind === "objects") {
      const told = effects.get(name)?.map(({ effect }) => effect);
      const parts = partsOf(one).filter((part) => told === undefined || !tellsOf(told, part, one));
      const changes = told === undefined || (before !== null && after !== null && parts.length > 0);
      return changes ? [{ kind, name, effect: `change the definition of ${name}${listed(parts)}` }] : [];
    }
    const word = kinds.find((k) => k.name === kind)?.one ?? kind;
    const verb = before === null ? "create" : after === null ? "delete" : "change";
    return [{ kind, name, effect: `${verb} the ${word} ${name}${verb === "change" ? listed(partsOf(one)) : ""}` }];
  });
}

function asideEffect({ name, before, after }: Touched): string | undefined {
  const [was, is] = [before as StoredObject | null, after as StoredObject | null];
  if (was === null || is === null || (was.aside === undefined) === (is.aside === undefined)) return undefined;
  return is.aside ? `set ${name} aside with its records` : `bring ${name} back with its records`;
}

function pluginEffect({ name, before, after }: Touched): string {
  const [was, is] = [before as Edition | null, after as Edition | null];
  if (is === null) return `purge the plugin ${name}`;
  if (was && was.version !== is.version) return `bring the plugin ${name} from ${was.version} to ${is.version}`;
  const verb = {
    enabled: was?.state === "disabled" ? "enable" : "install",
    disabled: "disable",
    uninstalled: "uninstall",
  };
  return `${verb[is.state]} the plugin ${name} ${is.version}`;
}

/** Members whose changes the steps of the tables tell. */
const inTables = /^(name|was|required|unique|indexes)$/;

/** Of a field they tell when they name it, and a `was` says nothing more; formulas and titles are in no table. */
function tellsOf(effects: readonly string[], part: string, { before, after }: Touched): boolean {
  const field = /^properties\.(.*)$/.exec(part)?.[1];
  if (field === undefined) return inTables.test(part);
  if (effects.some((effect) => effect.split(/[^\w]+/).includes(field))) return true;
  const [was, is] = [before, after].map((side) => (side as StoredObject | null)?.definition.properties[field]);
  return differing(was, is).every((keyword) => keyword === "was");
}

const listed = (parts: readonly string[]): string => (parts.length === 0 ? "" : ` (${parts.join(", ")})`);

/** `title`, `properties.fee`: the members that are not as before. */
function partsOf({ kind, before, after }: Touched): string[] {
  const [was, is] = [before, after].map((side) =>
    kind === "objects" ? (side as StoredObject | null)?.definition : (side as object | null),
  );
  const parts = differing(was, is).flatMap((key) =>
    key === "properties"
      ? differing(memberOf(was, key), memberOf(is, key)).map((field) => `properties.${field}`)
      : [key],
  );
  const moved = ["properties", "recordTypes"].filter(
    (member) => parts.length === 0 && orderIn(memberOf(was, member)) !== orderIn(memberOf(is, member)),
  );
  return [...parts, ...moved.map((member) => `the order of ${member}`)];
}

const orderIn = (members: unknown): string => Object.keys(members ?? {}).join();

const memberOf = (value: unknown, key: string): unknown => (isObject(value) ? value[key] : undefined);

function differing(was: unknown, is: unknown): string[] {
  const keys = new Set([...Object.keys(was ?? {}), ...Object.keys(is ?? {})]);
  return [...keys].filter((key) => !isDeepStrictEqual(memberOf(was, key), memberOf(is, key)));
}
