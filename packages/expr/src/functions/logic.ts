import type { Inner } from "../node.ts";
import type { Operation, SqlArg } from "../operation.ts";
import { alike } from "../sql-text.ts";

const join = (args: readonly SqlArg[], word: string): string => `(${args.map((a) => a.sql()).join(` ${word} `)})`;

/** Three-valued, as in SQL: what decides wins, else unknown wins. */
const decide = (args: readonly Inner[], decisive: boolean): Inner =>
  args.includes(decisive) ? decisive : args.includes(null) ? null : !decisive;

export const logic: readonly Operation[] = [
  {
    name: "&&",
    key: "and",
    params: ["bool", "bool"],
    rest: true,
    returns: "bool",
    nulls: true,
    evaluate: (args) => decide(args, false),
    sql: (args) => join(args, "AND"),
  },
  {
    name: "||",
    key: "or",
    params: ["bool", "bool"],
    rest: true,
    returns: "bool",
    nulls: true,
    evaluate: (args) => decide(args, true),
    sql: (args) => join(args, "OR"),
  },
  {
    name: "!",
    key: "not",
    params: ["bool"],
    returns: "bool",
    evaluate: ([a]) => !a,
    sql: ([a]) => `(NOT ${a!.sql()})`,
  },
  {
    name: "?:",
    key: "if",
    params: ["bool", "T", "T"],
    returns: "T",
    nulls: true,
    // An unknown condition does not hold.
    evaluate: ([condition, yes, no]) => (condition === true ? yes! : no!),
    sql: ([condition, yes, no]) => `(CASE WHEN ${condition!.sql()} THEN ${alike(yes!)} ELSE ${alike(no!)} END)`,
  },
];
