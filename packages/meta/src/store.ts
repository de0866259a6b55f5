import { isDeepStrictEqual } from "node:util";
import { codeField, propertiesOf } from "./currencies.ts";
import { askedIndexes, uniqueKeys } from "./keys.ts";
import { pointer, Report } from "./report.ts";
import { severalTargets } from "./several.ts";
import { systemFieldIds } from "./system-fields.ts";
import type { FieldDefinition, ObjectDefinition, StoredObject } from "./types.ts";

/**
 * Whether stored definitions say the same. The order of fields and record types is a part of what a tenant says of its own object; in others
 * it comes from those who brought it.
 */
export const isSameStored = (one: StoredObject | null | undefined, other: StoredObject | null | undefined): boolean =>
  one === other || (isDeepStrictEqual(one, other) && isDeepStrictEqual(orderIn(one), orderIn(other)));

const orderIn = (object: StoredObject | null | undefined): unknown =>
  object?.source === "tenant" &&
  [object.definition.properties, object.definition.recordTypes ?? {}].map((named) => Object.keys(named));

/**
 * Gives everything in a definition its id: the one it had in `previous`, also under another name that `was` tells, or
 * the next of the tenant's counter. Throws GuanxiError DEFINITION where `was` cannot be what it says.
 */
export function storeDefinition(
  previous: StoredObject | undefined,
  definition: ObjectDefinition,
  source: string,
  nextId: () => number,
): StoredObject {
  const report = new Report();
  if (definition.name === "user" && source !== "core") {
    report.say(
      "/name",
      '"user" is the name of the core\'s own object',
      "“user”是核心对象的名称",
      "「user」是核心物件的名稱",
    );
  }
  const known = previous === undefined ? new Map<string, number>() : keptFieldIds(previous, definition, report);
  report.throwIfAny();
  const id = previous?.id ?? nextId();
  const fieldIds: Record<string, number> = {};
  for (const { name } of propertiesOf(definition)) fieldIds[name] = known.get(name) ?? nextId();
  const keyIds = (
    lists: readonly (readonly string[])[],
    before: Readonly<Record<string, number>> = {},
  ): Record<string, number> => {
    const keys = lists.map((fields) => fieldKey(fields, fieldIds));
    return Object.fromEntries(keys.map((key) => [key, before[key] ?? nextId()]));
  };
  const uniqueIds = keyIds(uniqueKeys(definition), previous?.uniqueIds);
  const indexIds = keyIds(askedIndexes(definition), previous?.indexIds);
  const branchIds = branchIdsOf(definition, fieldIds, previous?.branchIds ?? {}, nextId);
  const results = previous?.results;
  const origin = source === "tenant" ? undefined : (previous?.origin ?? previous?.name);
  return {
    ...{ id, name: definition.name, source, definition, fieldIds },
    ...(origin === undefined || origin === definition.name ? {} : { origin }),
    ...(branchIds && { branchIds }),
    ...(results && { results }),
    ...{ uniqueIds, indexIds },
  };
}

function branchIdsOf(
  { properties }: ObjectDefinition,
  fieldIds: StoredObject["fieldIds"],
  before: NonNullable<StoredObject["branchIds"]>,
  nextId: () => number,
): StoredObject["branchIds"] {
  const ids = Object.entries(properties).flatMap(([name, field]) => {
    const [id, targets] = [String(fieldIds[name]), severalTargets(field)];
    // An object may be called as what every object of JavaScript has.
    const known = new Map(Object.entries(before[id] ?? {}));
    return targets ? [[id, Object.fromEntries(targets.map((to) => [to, known.get(to) ?? nextId()]))] as const] : [];
  });
  return ids.length === 0 ? undefined : Object.fromEntries(ids);
}

/** How a list of fields is known through renames: the ids, joined by commas. */
export const fieldKey = (fields: readonly string[], fieldIds: Readonly<Record<string, number>>): string =>
  fields.map((name) => fieldIds[name] ?? systemFieldIds[name as keyof typeof systemFieldIds]).join();

/**
 * The ids that fields take over. `"was": "old"` moves the id of `old`, once: when the same definition comes again, the
 * field is there and has said so before, and keeps its id.
 */
function keptFieldIds(previous: StoredObject, definition: ObjectDefinition, report: Report): Map<string, number> {
  // A map, because every object of JavaScript has a constructor, and a field may be called so.
  const before = new Map(Object.entries(previous.fieldIds));
  const renames = new Map<string, string>();
  for (const [name, field] of Object.entries(definition.properties)) {
    if (field.was === undefined || previous.definition.properties[name]?.was === field.was) continue;
    if (before.has(field.was)) renames.set(name, field.was);
    else if (!before.has(name)) {
      report.say(
        pointer("properties", name, "was"),
        `there was no field "${field.was}"`,
        `不存在字段“${field.was}”`,
        `不存在欄位「${field.was}」`,
      );
    }
  }
  checkRenames(renames, before, report);
  // An amount's currency goes along with it.
  for (const [name, was] of [...renames]) if (before.has(codeField(was))) renames.set(codeField(name), codeField(was));
  const moved = new Set(renames.values());
  const kept = new Map<string, number>();
  for (const { name } of propertiesOf(definition)) {
    const id = before.get(renames.get(name) ?? (moved.has(name) ? "" : name));
    if (id !== undefined) kept.set(name, id);
  }
  return kept;
}

function checkRenames(renames: ReadonlyMap<string, string>, before: ReadonlyMap<string, number>, report: Report): void {
  const moved = new Map<string, string>();
  for (const [name, was] of renames) {
    const path = pointer("properties", name, "was");
    const other = moved.get(was);
    moved.set(was, name);
    if (other !== undefined) {
      report.say(
        path,
        `"${was}" is already renamed to "${other}"`,
        `“${was}”已重命名为“${other}”`,
        `「${was}」已重新命名為「${other}」`,
      );
    }
  }
  for (const [name, was] of renames) {
    if (!before.has(name) || moved.has(name)) continue;
    report.say(
      pointer("properties", name, "was"),
      `both "${name}" and "${was}" are there; only one field can keep the name`,
      `“${name}”与“${was}”同时存在`,
      `「${name}」與「${was}」同時存在`,
    );
  }
}

/** The same object after those that it refers to were renamed: `nameNow` says how each is called. */
export function retarget(stored: StoredObject, nameNow: (target: string) => string): StoredObject {
  const definition = retargetDefinition(stored.definition, nameNow);
  if (definition === stored.definition) return stored;
  const ids = Object.entries(stored.branchIds ?? {}).map(([field, branches]) => [
    field,
    Object.fromEntries(Object.entries(branches).map(([target, id]) => [nameNow(target), id])),
  ]);
  return { ...stored, definition, ...(stored.branchIds && { branchIds: Object.fromEntries(ids) }) };
}

export function retargetDefinition(
  definition: ObjectDefinition,
  nameNow: (target: string) => string,
): ObjectDefinition {
  const properties = Object.entries(definition.properties);
  const moves = ({ target }: FieldDefinition): boolean => [target ?? []].flat().some((to) => nameNow(to) !== to);
  if (!properties.some(([, field]) => moves(field))) return definition;
  const moved = ({ target = "", ...field }: FieldDefinition): FieldDefinition => ({
    ...field,
    target: typeof target === "string" ? nameNow(target) : target.map(nameNow),
  });
  const changed = properties.map(([name, field]) => [name, moves(field) ? moved(field) : field]);
  return { ...definition, properties: Object.fromEntries(changed) };
}
