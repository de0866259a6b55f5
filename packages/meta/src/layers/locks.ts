import { isDeepStrictEqual } from "node:util";
import { isObject, type Issue, type Text, text } from "@guanxi/base";
import { fieldTypeOf, jsonTypeOf } from "../infer.ts";
import { isUnique } from "../keys.ts";
import { pointer } from "../report.ts";
import type { FieldDefinition, ObjectDefinition, PicklistValue, Sharing } from "../types.ts";

const removed = text(
  '"{what}" is locked by "{by}": it cannot be removed or renamed',
  "“{what}”已被“{by}”锁定，不能删除或重命名",
  "「{what}」已被「{by}」鎖定，不能刪除或重新命名",
);
const changed = text(
  '"{what}" is locked by "{by}": only its titles and notes can be changed; leave it as it was',
  "“{what}”已被“{by}”锁定，只能修改标题和说明，请保持原样",
  "「{what}」已被「{by}」鎖定，只能修改標題和說明，請保持原樣",
);
const loosened = text(
  '"{what}" is locked by "{by}": it can be made stricter, not looser',
  "“{what}”已被“{by}”锁定，只能收紧，不能放宽",
  "「{what}」已被「{by}」鎖定，只能收緊，不能放寬",
);

type Say = (path: string, what: string, words: Text) => void;

/**
 * What a definition does to its base that the base does not allow: `locked` on an object (true, or a list of its members and fields) and
 * on a field. What is locked may be made stricter, and be called otherwise. `by` is who brought it.
 */
export function lockFaults(base: ObjectDefinition, definition: ObjectDefinition, by: string): readonly Issue[] {
  const issues: Issue[] = [];
  const say: Say = (path, what, words) =>
    issues.push({ path, code: "definition", text: words, params: { message: "", what, by } });
  const isLocked = (part: string): boolean =>
    base.locked === true || (Array.isArray(base.locked) && base.locked.includes(part));
  for (const [member, holds] of Object.entries(objectMembers))
    if (isLocked(member)) holds(base, definition, member, say);
  for (const [name, field] of Object.entries(base.properties)) {
    if (!isLocked(name) && field.locked !== true) continue;
    const now = Object.hasOwn(definition.properties, name) ? definition.properties[name] : undefined;
    if (now === undefined) say(pointer("properties", name), name, removed);
    else fieldFaults(name, field, now, say);
    if (base.required?.includes(name) && !definition.required?.includes(name)) say("/required", name, loosened);
    if (now && isUnique(field) && !isUnique(now)) say(pointer("properties", name, "unique"), name, loosened);
  }
  if (!coversAll(definition.locked, base.locked)) say("/locked", "locked", loosened);
  return issues;
}

type Lock = ObjectDefinition["locked"];

const coversAll = (now: Lock, was: Lock = false): boolean =>
  now === true ||
  was === false ||
  (Array.isArray(was) && Array.isArray(now) && was.every((part) => now.includes(part)));

/** The members of an object that `locked` may name; beside its fields. */
export const isLockable = (member: string): boolean => Object.hasOwn(objectMembers, member);

type Holds = (base: ObjectDefinition, now: ObjectDefinition, member: string, say: Say) => void;

const stays: Holds = (base, now, member, say) => {
  const [was, is] = [base as unknown as Values, now as unknown as Values];
  if (!isDeepStrictEqual(was[member], is[member])) say(pointer(member), member, changed);
};

/** A list may get further entries. */
const grows: Holds = (base, now, member, say) => {
  const [was, is] = [base as unknown as Values, now as unknown as Values].map((d) => (d[member] ?? []) as unknown[]);
  const holds = was?.every((one) => is?.some((other) => isDeepStrictEqual(one, other)));
  if (!holds) say(pointer(member), member, loosened);
};

const openness: readonly Sharing[] = ["private", "read", "write"];
/** A parent may show a record to more people than its owner, or to fewer. */
const isOpener = (now: Sharing = "private", base: Sharing = "private"): boolean =>
  typeof now === "object" || typeof base === "object"
    ? !isDeepStrictEqual(now, base)
    : openness.indexOf(now) > openness.indexOf(base);

/** Further members may be named; of those that are there the values must stay. */
const keepsMembers: Holds = (base, now, member, say) => {
  const [was, is] = [base as unknown as Values, now as unknown as Values].map((d) => (d[member] ?? {}) as Values);
  for (const [name, value] of Object.entries(was ?? {})) {
    const other = is?.[name];
    if (!isDeepStrictEqual(unnamed(value), unnamed(other)))
      say(pointer(member, ...(other === undefined ? [] : [name])), name, other === undefined ? removed : changed);
  }
};

const objectMembers: Readonly<Record<string, Holds>> = {
  ...Object.fromEntries(
    ["name", "plural", "nameField", "multiCurrency", "currencyDate"].map((member) => [member, stays]),
  ),
  sharing: (base, now, member, say) => {
    if (isOpener(now.sharing, base.sharing)) say("/sharing", member, loosened);
  },
  required: grows,
  unique: grows,
  states: keepsMembers,
  recordTypes: keepsMembers,
  rules: (base, now, _member, say) => {
    for (const rule of base.rules ?? []) {
      const at = (now.rules ?? []).findIndex(({ name }) => name === rule.name);
      const other = now.rules?.[at];
      if (other === undefined) say("/rules", rule.name, removed);
      else if (other.when !== rule.when || other.at !== rule.at) say(pointer("rules", at), rule.name, changed);
    }
  },
};

type Values = Readonly<Record<string, unknown>>;

const words = new Set([
  "title",
  "titles",
  "description",
  "$comment",
  "examples",
  "deprecated",
  "locked",
  "was",
  "index",
]);

/** Without what people call it and note of it. */
const unnamed = (value: unknown): unknown =>
  isObject(value)
    ? Object.fromEntries(Object.entries(value).filter(([member]) => !words.has(member) && !member.startsWith("x-")))
    : value;

type Stricter = (was: unknown, is: unknown) => boolean;
const isTrue: Stricter = (was, is) => was !== true || is === true;
const atLeast: Stricter = (was, is) => was === undefined || (typeof is === "number" && is >= Number(was));
const atMost: Stricter = (was, is) => was === undefined || (typeof is === "number" && is <= Number(was));
const onlyNew: Stricter = (was, is) => was === undefined || isDeepStrictEqual(was, is);
const fewer: Stricter = (was, is) =>
  was === undefined || (Array.isArray(was) && Array.isArray(is) && is.every((one) => was.includes(one)));

/** When a keyword that is not as it was is stricter; those that are not here must stay as they were. */
const stricter = new Map<string, Stricter>([
  ...["minimum", "exclusiveMinimum", "minLength", "minItems"].map((word) => [word, atLeast] as const),
  ...["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxSize"].map((word) => [word, atMost] as const),
  ...["pattern", "multipleOf", "requiredWhen", "readonlyWhen", "dependsOn"].map((word) => [word, onlyNew] as const),
  ...["unique", "externalId", "readOnly", "uniqueItems", "sensitive"].map((word) => [word, isTrue] as const),
  ["accept", fewer],
]);

/** Judged by themselves: the type, and what can be chosen. */
const judged = new Set(["fieldType", "type", "format", "enum", "values", "items"]);

function fieldFaults(name: string, was: FieldDefinition, is: FieldDefinition, say: Say): void {
  const path = (member: string): string => pointer("properties", name, member);
  const sameType = fieldTypeOf(was) === fieldTypeOf(is) && was.format === is.format;
  if (!sameType || !isDeepStrictEqual(jsonTypeOf(was), jsonTypeOf(is))) say(path("fieldType"), name, changed);
  const [old, now] = [unnamed(was) as Values, unnamed(is) as Values];
  for (const member of new Set([...Object.keys(old), ...Object.keys(now)])) {
    if (judged.has(member) || isDeepStrictEqual(old[member], now[member])) continue;
    const holds = stricter.get(member);
    if (holds === undefined) say(path(member), name, changed);
    else if (!holds(old[member], now[member])) say(path(member), name, loosened);
  }
  if (was.locked === true && is.locked !== true) say(path("locked"), name, loosened);
  valueFaults(name, was, is, path, say);
}

/** Values stay, and can be chosen as before; there are no others. */
function valueFaults(
  name: string,
  was: FieldDefinition,
  is: FieldDefinition,
  path: (member: string) => string,
  say: Say,
): void {
  const [old, now] = [choicesOf(was), choicesOf(is)];
  const member = is["values"] !== undefined ? "values" : is["items"] !== undefined ? "items" : "enum";
  if (old.size === 0 && now.size === 0) {
    if (!isDeepStrictEqual([was.enum, was["items"]], [is.enum, is["items"]])) say(path(member), name, changed);
    return;
  }
  for (const [value, facts] of old) {
    const other = now.get(value);
    if (other === undefined) say(path(member), `${name}: ${value}`, removed);
    else if (!isDeepStrictEqual(unnamed(facts), unnamed(other))) say(path(member), `${name}: ${value}`, changed);
  }
  if ([...now.keys()].some((value) => !old.has(value))) say(path(member), name, loosened);
}

function choicesOf(field: FieldDefinition): ReadonlyMap<string, unknown> {
  const { enum: texts, values, items } = field as { enum?: unknown; values?: unknown; items?: unknown };
  if (isObject(items)) return choicesOf(items as FieldDefinition);
  const listed = Array.isArray(values) ? (values as PicklistValue[]) : [];
  const named = Array.isArray(texts) ? texts.filter((one) => typeof one === "string") : [];
  return new Map<string, unknown>([
    ...named.map((value) => [value, { value, active: true }] as const),
    ...listed.map((one) => [one.value, { ...one, active: one.active ?? true }] as const),
  ]);
}
