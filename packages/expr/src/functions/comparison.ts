import type { Inner } from "../node.ts";
import type { Operation, SqlArg } from "../operation.ts";
import { alike, tested } from "../sql-text.ts";
import type { Kind } from "../types.ts";
import { compare, equal } from "../values.ts";

const ordered: readonly Kind[] = ["text", "int", "decimal", "date", "datetime", "time", "duration"];

const byCodePoint = (arg: SqlArg): string => (arg.node.type.kind === "text" ? `${arg.sql()} COLLATE "C"` : arg.sql());

function ordering(name: string, key: string, holds: (order: number) => boolean): Operation {
  return {
    name,
    key,
    params: ["T", "T"],
    among: ordered,
    returns: "bool",
    evaluate: ([a, b]) => holds(compare(a!, b!)),
    sql: ([a, b]) => `(${byCodePoint(a!)} ${name} ${byCodePoint(b!)})`,
  };
}

/** `min` and `max` pass over nulls, as LEAST and GREATEST do, and are null when there is nothing else. */
function extreme(name: string, word: string, better: (order: number) => boolean): Operation {
  return {
    name,
    key: name,
    params: ["T"],
    rest: true,
    among: ordered,
    returns: "T",
    nulls: true,
    evaluate: (args) =>
      args.reduce((best: Inner, a) => (best === null || (a !== null && better(compare(a, best))) ? a : best), null),
    sql: (args) => {
      const call = `${word}(${args.map(byCodePoint).join(", ")})`;
      // Functions on the result shall not inherit the order's collation: under "C" they would know ASCII letters only.
      return args.some((a) => a.node.type.kind === "text") ? `(${call} COLLATE "default")` : call;
    },
  };
}

function equalSql(a: SqlArg, b: SqlArg): string {
  const [value, other] = b.branches && !a.branches ? [b, a] : [a, b];
  if (other.branches) return `(${alike(a)} = ${alike(b)})`;
  const given = alike(other);
  return tested(value, (sql) => (value === a ? `(${sql} = ${given})` : `(${given} = ${sql})`));
}

export const comparison: readonly Operation[] = [
  {
    name: "==",
    key: "equal",
    params: ["T", "T"],
    returns: "bool",
    evaluate: ([a, b]) => equal(a!, b!),
    sql: ([a, b]) => equalSql(a!, b!),
  },
  {
    name: "!=",
    key: "unequal",
    params: ["T", "T"],
    returns: "bool",
    evaluate: ([a, b]) => !equal(a!, b!),
    sql: ([a, b]) => `(${alike(a!)} <> ${alike(b!)})`,
  },
  ordering("<", "less", (order) => order < 0),
  ordering("<=", "less_or_equal", (order) => order <= 0),
  ordering(">", "greater", (order) => order > 0),
  ordering(">=", "greater_or_equal", (order) => order >= 0),
  extreme("min", "LEAST", (order) => order < 0),
  extreme("max", "GREATEST", (order) => order > 0),
];
