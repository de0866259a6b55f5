import type { Operation } from "../operation.ts";
import { arithmetic } from "./arithmetic.ts";
import { comparison } from "./comparison.ts";
import { dates } from "./dates.ts";
import { lists } from "./lists.ts";
import { logic } from "./logic.ts";
import { numbers } from "./numbers.ts";
import { records } from "./records.ts";
import { texts } from "./texts.ts";

/** All functions and operators. Of several with one name the first that takes the arguments is meant. */
export const operations: readonly Operation[] = [
  ...logic,
  ...comparison,
  ...arithmetic,
  ...numbers,
  ...texts,
  ...lists,
  ...dates,
  ...records,
];

const byKey = new Map(operations.map((o) => [o.key, o]));
const byName = Map.groupBy(operations, (o) => o.name);

export function operation(key: string): Operation {
  const found = byKey.get(key);
  if (!found) throw new Error(`no operation ${key}`);
  return found;
}

export const overloads = (name: string): readonly Operation[] => byName.get(name) ?? [];

/** Functions whose arguments are not values; the checker makes calls of other operations of them. */
const special = ["has", "changed", "is_new"];

/** All functions by name; operators, and operations that only the checker uses, are not named like one. */
export const functionNames: readonly string[] = [
  ...special,
  ...[...byName.keys()].filter((name) => /^\w+$/.test(name) && name !== "in"),
];
