import fc from "fast-check";
import {
  type CheckedExpression,
  type ExprScope,
  type ExprType,
  ExpressionError,
  type Value,
  checkExpression,
  evaluate,
  toSql,
} from "@guanxi/expr";
import type postgres from "postgres";
import { dayNumber } from "../src/calendar.ts";
import { childrenOf, type TypedNode } from "../src/node.ts";
import { fields, ownScope, userFields } from "./fields.ts";
import { expressions, recordOf } from "./generate.ts";

const zones = [
  "Asia/Shanghai",
  "America/New_York",
  "Europe/Berlin",
  "America/Sao_Paulo",
  "Asia/Kathmandu",
  "Australia/Lord_Howe",
  "UTC",
];

interface Row {
  readonly record: Record<string, unknown>;
  readonly old: Record<string, unknown> | null;
}

export interface Round {
  readonly rows: readonly Row[];
  readonly user: Record<string, unknown>;
  readonly timeZone: string;
  readonly now: Date;
  readonly fiscalYearStart: number;
  readonly sources: readonly string[];
}

const id = "0198a6a5-7a6b-7c3d-8e4f-000000000001";
const fieldsButId = Object.fromEntries(Object.entries(fields).filter(([name]) => name !== "id"));
const records = recordOf(fieldsButId).map((r) => ({ ...r, id }));

/** Some records, a present, a place, and expressions to evaluate on them. */
export const rounds = (rowCount: number, expressionCount: number): fc.Arbitrary<Round> =>
  fc.record({
    rows: fc.array(
      // An old record is often the same in some fields.
      fc.tuple(records, fc.option(records), fc.subarray(Object.keys(fields))).map(([record, old, kept]) => ({
        record,
        old: old && {
          ...old,
          ...Object.fromEntries(kept.map((name) => [name, (record as Record<string, unknown>)[name]])),
          id,
        },
      })),
      { minLength: rowCount, maxLength: rowCount },
    ),
    user: recordOf(userFields),
    timeZone: fc.constantFrom(...zones),
    now: fc.date({ min: new Date("1995-01-01"), max: new Date("2060-01-01"), noInvalidDate: true }),
    fiscalYearStart: fc.constantFrom(1, 1, 4, 7, 12),
    sources: fc.array(expressions, { minLength: expressionCount, maxLength: expressionCount }),
  });

function columnSql(name: string, type: ExprType, from: string): string {
  const text = `${from}->>'${name}'`;
  if (type.kind === "list") {
    const of = type.of.kind === "int" ? "bigint" : "text";
    return `CASE WHEN jsonb_typeof(${from}->'${name}') = 'array' THEN ARRAY(SELECT e::${of} FROM jsonb_array_elements_text(${from}->'${name}') e) END`;
  }
  if (type.kind === "json" || type.kind === "parts") return `NULLIF(${from}->'${name}', 'null')`;
  if (type.kind === "duration") return `((${text}) || ' seconds')::interval`;
  const types: Partial<Record<ExprType["kind"], string>> = {
    bool: "boolean",
    int: "bigint",
    decimal: "numeric",
    date: "date",
    datetime: "timestamptz",
    time: "time",
    ref: "uuid",
  };
  return `(${text})::${types[type.kind] ?? "text"}`;
}

const columnsOf = (types: typeof fields, from: string): string =>
  Object.entries(types)
    .flatMap(([name, type]) =>
      type.kind === "ref" && type.branches
        ? type.branches.map(({ target, field }) => `${branchSql(name, target, from)} AS ${from}_${field}`)
        : [`${columnSql(name, type, from)} AS ${from}_${name}`],
    )
    .join(", ");

/** The id, where it is of this object. */
const branchSql = (name: string, target: string, from: string): string =>
  `CASE WHEN ${from} -> '${name}' ->> 'object' = '${target}' THEN (${from} -> '${name}' ->> 'id')::uuid END`;

/** Results as text that is the same for the same value. */
function readable(sql: string, type: ExprType): string {
  switch (type.kind) {
    case "int":
    case "decimal":
      return `trim_scale((${sql})::numeric)::text`;
    case "date":
      return `((${sql}) - date '1970-01-01')::text`;
    case "datetime":
    case "time":
    case "duration":
      return `trunc(extract(epoch FROM ${sql}) * 1000000)::text`;
    default:
      return `(${sql})::text`;
  }
}

function canonical(value: Value, type: ExprType): string | null {
  if (value === null) return null;
  if (type.kind === "date") return String(dayFrom(value as string));
  if (type.kind === "datetime") {
    const [day = "", clock = ""] = (value as string).slice(0, -1).split("T");
    return String(BigInt(dayFrom(day)) * 86_400_000_000n + BigInt(microseconds(clock)));
  }
  if (type.kind === "time") return String(microseconds(value as string));
  if (type.kind === "duration") return (value as { times(n: number): { toFixed(): string } }).times(1e6).toFixed();
  if (type.kind === "int" || type.kind === "decimal")
    return typeof value === "number" ? String(value + 0 || 0) : plain(value);
  return String(value);
}

const plain = (value: Value): string => {
  const text = (value as { toFixed(): string }).toFixed();
  return /^-0(\.0*)?$/.test(text) ? "0" : text;
};

function dayFrom(text: string): number {
  const [year, month, day] = text.split("-").map(Number);
  return dayNumber(year!, month!, day!);
}

function microseconds(clock: string): number {
  const [hour = "0", minute = "0", second = "0"] = clock.split(":");
  return Math.round((Number(hour) * 3600 + Number(minute) * 60) * 1e6 + Number(second) * 1e6);
}

interface Written {
  readonly expression: CheckedExpression;
  readonly sql: string;
  readonly params: readonly unknown[];
}

/** A value of a parameter in the text. */
function constant(value: unknown, type: string): string {
  if (value === null) return `NULL::${type}`;
  const quoted = (text: string): string => `"${text.replaceAll(/["\\]/g, (special) => `\\${special}`)}"`;
  const text = Array.isArray(value)
    ? `{${value.map((v) => (v === null ? "NULL" : quoted(String(v)))).join(",")}}`
    : String(value);
  return `'${text.replaceAll("'", "''")}'::${type}`;
}

function write(expression: CheckedExpression, round: Round, first: number): Written {
  const params: unknown[] = [];
  const parameter = (value: unknown, type: string): string => `$${first + params.push(value) - 1}::${type}`;
  const sql = toSql(expression, {
    column: ([name], root) => `r.${root === "record" ? "rec" : root === "old" ? "old" : "usr"}_${name}`,
    parameter,
    now: "$2::timestamptz",
    timeZone: "$3::text",
    fiscalYearStart: round.fiscalYearStart,
    inFormulas: { parameter: constant, timeZone: constant(round.timeZone, "text") },
    present: (_walk, root) => (root === "old" ? "r.old_id IS NOT NULL" : "TRUE"),
  });
  return { expression, sql, params };
}

async function ask(sql: postgres.Sql, round: Round, all: readonly Written[]): Promise<(string | null)[][]> {
  const results = all.map(({ sql: text, expression }, i) => `${readable(text, expression.type)} AS e${i}`);
  // Rows stay rows: OFFSET 0 keeps the planner from putting the JSON into every expression.
  const query = `SELECT ${results.join(", ")} FROM (SELECT n, ${columnsOf(fields, "rec")}, ${columnsOf(fields, "old")}, ${columnsOf(userFields, "usr")}
    FROM (SELECT n, d->'record' AS rec, d->'old' AS old, d->'user' AS usr FROM jsonb_array_elements($1::text::jsonb) WITH ORDINALITY x(d, n)) j OFFSET 0) r
    WHERE $2::timestamptz IS NOT NULL AND $3::text IS NOT NULL ORDER BY n`;
  const data = JSON.stringify(round.rows.map((row) => ({ ...row, user: round.user })));
  const params = [data, round.now.toISOString(), round.timeZone, ...all.flatMap((w) => w.params)];
  const rows = await sql.unsafe(query, params as never[]).values();
  return rows as unknown as (string | null)[][];
}

export interface Disagreement {
  readonly source: string;
  readonly sql: string;
  readonly params: readonly unknown[];
  readonly memory: string | null;
  readonly database: string | null;
  readonly row?: Row;
  readonly round: Omit<Round, "rows" | "sources">;
}

/** Evaluates all expressions on all rows both ways; `used` collects the operations that took part. */
export async function disagreements(
  sql: postgres.Sql,
  round: Round,
  used: Set<string>,
  scope: ExprScope = ownScope,
): Promise<Disagreement[]> {
  const checked = round.sources.map((source) => checkOrSkip(source, scope)).filter((e) => e !== undefined);
  for (const { root } of checked) collect(root, used);
  let first = 4;
  const written = checked.map((expression) => {
    const one = write(expression, round, first);
    first += one.params.length;
    return one;
  });
  const { rows: _rows, sources: _sources, ...about } = round;
  let answers: (string | null)[][];
  try {
    answers = await ask(sql, round, written);
  } catch (error) {
    return await blame(sql, round, checked, error);
  }
  return written.flatMap(({ expression, sql: text, params }, e) =>
    round.rows.flatMap((row, r) => {
      const memory = canonical(evaluate(expression, { ...about, ...row }), expression.type);
      const database = answers[r]?.[e] ?? null;
      return memory === database
        ? []
        : [{ source: expression.source, sql: text, params, memory, database, row, round: about }];
    }),
  );
}

/** Finds the expression that made PostgreSQL raise. */
async function blame(
  sql: postgres.Sql,
  round: Round,
  checked: readonly CheckedExpression[],
  error: unknown,
): Promise<Disagreement[]> {
  const { rows: _rows, sources: _sources, ...about } = round;
  for (const expression of checked) {
    const one = write(expression, round, 4);
    try {
      await ask(sql, round, [one]);
    } catch (cause) {
      return [
        {
          source: expression.source,
          sql: one.sql,
          params: one.params,
          memory: "",
          database: String(cause),
          round: about,
        },
      ];
    }
  }
  throw error;
}

/** A generated expression may be refused for its size or its pattern, never for anything else. */
export function checkOrSkip(source: string, scope: ExprScope): CheckedExpression | undefined {
  try {
    return checkExpression(source, scope);
  } catch (error) {
    if (error instanceof ExpressionError && /pattern|digits|nests|longer|written out|here, only/.test(error.message))
      return undefined;
    throw new Error(`${source}: ${String(error)}`, { cause: error });
  }
}

function collect(node: TypedNode, used: Set<string>): void {
  if (node.node === "call") used.add(node.operation);
  for (const child of childrenOf(node)) collect(child, used);
}
