import type { Operation } from "../operation.ts";
import { alike } from "../sql-text.ts";
import { equal } from "../values.ts";

/** Asked of nulls and of the record before the change. The checker gives them their arguments, which are fields. */
export const records: readonly Operation[] = [
  {
    name: "has value",
    key: "is_not_null",
    params: ["T"],
    returns: "bool",
    nulls: true,
    evaluate: ([a]) => a !== null,
    sql: ([a]) => `(${a!.sql()} IS NOT NULL)`,
  },
  {
    name: "is null",
    key: "is_null",
    params: ["T"],
    returns: "bool",
    nulls: true,
    evaluate: ([a]) => a === null,
    sql: ([a]) => `(${a!.sql()} IS NULL)`,
  },
  {
    name: "coalesce",
    key: "coalesce",
    params: ["T"],
    rest: true,
    returns: "T",
    nulls: true,
    evaluate: (args) => args.find((a) => a !== null) ?? null,
    sql: (args) => `COALESCE(${args.map(alike).join(", ")})`,
  },
  {
    name: "has changed",
    key: "changed",
    params: ["T", "T"],
    returns: "bool",
    nulls: true,
    evaluate: ([now, before]) => (now === null || before === null ? now !== before : !equal(now!, before!)),
    sql: ([now, before]) => `(${now!.sql()} IS DISTINCT FROM ${before!.sql()})`,
  },
  {
    name: "is new",
    key: "is_new",
    params: ["T"],
    returns: "bool",
    nulls: true,
    evaluate: (_args, run) => run.isNew,
    sql: ([id]) => `(${id!.sql()} IS NULL)`,
  },
];
