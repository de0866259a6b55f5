import type { Inner } from "../node.ts";
import { Decimal } from "../number.ts";
import type { Operation, SqlArg } from "../operation.ts";
import { tested } from "../sql-text.ts";
import { equal } from "../values.ts";

/** As SQL's `= ANY`: nothing is in an empty list; else a null on either side leaves open what is not found. */
function isIn(value: Inner, list: Inner): Inner {
  if (list === null) return null;
  const items = list as readonly Inner[];
  if (items.length === 0) return false;
  if (value === null) return null;
  if (items.some((item) => item !== null && equal(item, value))) return true;
  return items.includes(null) ? null : false;
}

function isInSql(value: SqlArg, list: SqlArg): string {
  // A field's list holds no nulls, so that containment, which an index can serve, means the same for a literal.
  const isLiteral = value.node.node === "literal" && value.node.value !== null;
  const isSame = list.node.type.kind === "list" && list.node.type.of.kind === value.node.type.kind;
  if (list.node.node === "field" && isLiteral && isSame) return `(${list.sql()} @> ARRAY[${value.sql()}])`;
  const items = list.sql();
  return tested(value, (sql) => `(${sql} = ANY (${items}))`);
}

export const lists: readonly Operation[] = [
  {
    name: "in",
    key: "in",
    params: ["T", "T[]"],
    returns: "bool",
    nulls: true,
    evaluate: ([value, list]) => isIn(value!, list!),
    sql: ([value, list]) => isInSql(value!, list!),
  },
  {
    name: "contains",
    key: "contains_list",
    params: ["T[]", "T"],
    returns: "bool",
    method: true,
    nulls: true,
    evaluate: ([list, value]) => isIn(value!, list!),
    sql: ([list, value]) => isInSql(value!, list!),
  },
  {
    name: "size",
    key: "size_list",
    params: ["T[]"],
    returns: "int",
    digits: () => ({ whole: 10, scale: 0 }),
    method: true,
    evaluate: ([list]) => new Decimal((list as readonly Inner[]).length),
    sql: ([list]) => `cardinality(${list!.sql()})`,
  },
];
