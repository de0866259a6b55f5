import { isObject } from "@guanxi/base";
import { Fault } from "./field-types/contract.ts";
import { LinearRegExp } from "./pattern.ts";
import { escapeToken } from "./report.ts";

type Judge = (value: unknown) => readonly Fault[];
/** Makes a schema's judge, when it is first needed. */
type Compile = (schema: unknown) => Judge;

/** Names of properties, or positions of items. */
type Key = string | number;
type Seen = (value: object) => Iterable<Key>;

const keysOf = (value: object): readonly Key[] => (Array.isArray(value) ? value.map((_, i) => i) : Object.keys(value));

const valueAt = (value: object, key: Key): unknown => (value as Record<Key, unknown>)[key];

/**
 * Judges what no other keyword of the schema has looked at, within objects (`unevaluatedProperties`) or lists (`unevaluatedItems`). JSON Schema
 * 2020-12 counts what `contains` takes and what a lone `if` looks at, which the library does not.
 */
export function unevaluated(
  keyword: string,
  schema: unknown,
  parent: Readonly<Record<string, unknown>>,
  compile: Compile,
): Judge {
  const { [keyword]: _, ...others } = parent;
  const seen = seenBy(others, compile);
  const judge = compile(schema);
  return (value) => {
    if (typeof value !== "object" || value === null) return [];
    const known = new Set(seen(value));
    return keysOf(value).flatMap((key) => {
      if (known.has(key)) return [];
      const path = `/${escapeToken(String(key))}`;
      if (schema === false)
        return [
          new Fault(
            typeof key === "string" ? "unknown" : "schema",
            typeof key === "string" ? { field: key } : { keyword },
            path,
          ),
        ];
      return judge(valueAt(value, key)).map((fault) => new Fault(fault.code, fault.params, path + fault.path));
    });
  };
}

const nothing: Seen = () => [];

/** What a schema looks at within a value that it takes. */
function seenBy(schema: unknown, compile: Compile): Seen {
  if (!isObject(schema)) return nothing;
  const parts = [...seenInside(schema, compile), ...seenBeside(schema, compile)];
  return (value) => parts.flatMap((part) => [...part(value)]);
}

/** By keywords that look into the value. */
function seenInside(schema: Readonly<Record<string, unknown>>, compile: Compile): readonly Seen[] {
  const { properties, patternProperties, prefixItems, contains } = schema;
  const all =
    (of: "array" | "object"): Seen =>
    (value) =>
      Array.isArray(value) === (of === "array") ? keysOf(value) : [];
  const names =
    (takes: (name: string) => boolean): Seen =>
    (value) =>
      Array.isArray(value) ? [] : Object.keys(value).filter(takes);
  const items =
    (takes: (item: unknown, position: number) => boolean): Seen =>
    (value) =>
      Array.isArray(value) ? value.flatMap((item, i) => (takes(item, i) ? [i] : [])) : [];
  const has = (...keywords: readonly string[]): boolean => keywords.some((keyword) => schema[keyword] !== undefined);
  return [
    ...(has("additionalProperties", "unevaluatedProperties") ? [all("object")] : []),
    ...(has("items", "unevaluatedItems") ? [all("array")] : []),
    ...(isObject(properties) ? [names((name) => Object.hasOwn(properties, name))] : []),
    ...Object.keys(patternProperties ?? {}).map((pattern) => {
      const expression = new LinearRegExp(pattern);
      return names((name) => expression.test(name));
    }),
    ...(Array.isArray(prefixItems) ? [items((_item, i) => i < prefixItems.length)] : []),
    ...(contains === undefined ? [] : [items(taken(contains, compile))]),
  ];
}

/** Whether a schema takes a value. */
function taken(schema: unknown, compile: Compile): (value: unknown) => boolean {
  const judge = compile(schema);
  return (value) => judge(value).length === 0;
}

/** By schemas that look at the same value, where they count. */
function seenBeside(schema: Readonly<Record<string, unknown>>, compile: Compile): readonly Seen[] {
  const list = (keyword: string): readonly unknown[] => (Array.isArray(schema[keyword]) ? schema[keyword] : []);
  const where = (condition: (value: object) => boolean, of: unknown): Seen => {
    const seen = seenBy(of, compile);
    return (value) => (condition(value) ? seen(value) : []);
  };
  const holds = schema["if"] === undefined ? undefined : taken(schema["if"], compile);
  return [
    ...list("allOf").map((one) => seenBy(one, compile)),
    ...[...list("anyOf"), ...list("oneOf")].map((one) => where(taken(one, compile), one)),
    ...(holds
      ? [where(holds, schema["if"]), where(holds, schema["then"]), where((v) => !holds(v), schema["else"])]
      : []),
    ...Object.entries(schema["dependentSchemas"] ?? {}).map(([name, one]) => where((v) => Object.hasOwn(v, name), one)),
  ];
}
