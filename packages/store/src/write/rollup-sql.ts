import { fieldOrBranch, type Rollup, type RollupGroup, type Snapshot } from "@guanxi/meta";
import { literal, Parameters, placedExpressionSql, quote } from "@guanxi/query";

/** A column of a parent and how it comes to its value. */
interface Setting {
  readonly column: string;
  readonly value: string;
}

/** What the rows that came (`"+"` is 1) and went (−1) do to a roll-up. */
interface Delta {
  /** Aggregates of the rows `x` by parent, under the names that `settings` know them by. */
  readonly sums: readonly { readonly name: string; readonly sql: string }[];
  /** The new values of the parent `p`, from the sums `d`. */
  readonly settings: readonly Setting[];
  /** Whether the sums change anything. */
  readonly changes: string;
  /** Whether a value went that was the least or greatest; what is so now only the remaining rows tell. */
  readonly lost?: string;
}

export const tableOf = ({ settings }: Snapshot, { table }: { readonly table: string }): string =>
  `${quote(settings.schema)}.${quote(table)}`;

/** `FILTER (WHERE …)` with those of the conditions that there are. */
const filtered = (...conditions: readonly (string | undefined)[]): string => {
  const given = conditions.filter((c) => c !== undefined);
  return given.length === 0 ? "" : ` FILTER (WHERE ${given.join(" AND ")})`;
};

/** The roll-up's own condition on a row. */
function conditionSql({ settings }: Snapshot, { filter }: Rollup, row: string): string | undefined {
  if (!filter) return undefined;
  return placedExpressionSql(filter, {
    parameters: new Parameters({ written: true }),
    get now(): string {
      throw new Error("the filter of a roll-up does not know what time it is");
    },
    timeZone: literal(settings.timeZone),
    settings,
    column: ([name = ""]) => `${row}.${quote(name)}`,
    present(): string {
      throw new Error("the filter of a roll-up follows no reference");
    },
  });
}

const valueSql = ({ value }: Rollup, row: string): string => `${row}.${quote(value?.column.name ?? "")}`;

/** A value of a declared scale has it by its column; another shows no needless zeros, however it came about. */
const tidy = (sqlType: string, sql: string): string => (sqlType === "numeric" ? `trim_scale(${sql})` : sql);

/** To six decimals, as aggregates say. The same for the same sum and count, whichever way they were reached. */
const meanSql = (sum: string, count: string): string =>
  `trim_scale(round(trim_scale(${sum}) * 1.000000 / nullif(${count}, 0), 6))`;

function deltaOf(snapshot: Snapshot, rollup: Rollup): Delta {
  const { field, op } = rollup;
  const { name: column, sqlType } = field.column;
  const condition = conditionSql(snapshot, rollup, "x");
  const [own, value] = [`p.${quote(column)}`, valueSql(rollup, "x")];
  const name = (part: string): string => quote(`${part}${field.id}`);
  const zero = `'0'::${sqlType}`;
  const count = (given?: string) => ({
    name: name("n"),
    sql: `coalesce(sum(x."+")${filtered(given, condition)}, 0)`,
  });
  const sum = (nothing: string) => ({
    name: name("s"),
    sql: `coalesce(sum(x."+" * ${value})${filtered(condition)}, ${nothing})`,
  });
  const [n, s] = [`d.${name("n")}`, `d.${name("s")}`];
  if (op === "count") return { sums: [count()], settings: [{ column, value: `${own} + ${n}` }], changes: `${n} <> 0` };
  if (op === "sum")
    return {
      sums: [sum(zero)],
      settings: [{ column, value: tidy(sqlType, `${own} + ${s}`) }],
      changes: `${s} <> ${zero}`,
    };
  if (op === "avg") {
    const { sum: total, count: number } = hiddenOf(rollup);
    const [newSum, newCount] = [`p.${quote(total)} + ${s}`, `p.${quote(number)} + ${n}`];
    return {
      sums: [count(`${value} IS NOT NULL`), sum("0")],
      settings: [
        { column: total, value: newSum },
        { column: number, value: newCount },
        { column, value: meanSql(newSum, `(${newCount})`) },
      ],
      changes: `(${n} <> 0 OR ${s} <> 0)`,
    };
  }
  const [came, went] = [`d.${name("came")}`, `d.${name("went")}`];
  const [best, beats] = op === "min" ? ["least", ">"] : ["greatest", "<"];
  const extreme = (sign: string) => `${op}(${value})${filtered(`x."+" ${sign} 0`, condition)}`;
  return {
    sums: [
      { name: name("came"), sql: extreme(">") },
      { name: name("went"), sql: extreme("<") },
    ],
    settings: [{ column, value: `${best}(${own}, ${came})` }],
    changes: `${came} IS DISTINCT FROM ${went}`,
    // In RETURNING the parent has its new value; what went is gone from it where nothing came that is as good.
    lost: `coalesce(${went} IS NOT NULL AND (${came} IS NULL OR ${came} ${beats} ${went}) AND NOT ${went} ${beats} ${own}, true)`,
  };
}

function hiddenOf({ field }: Rollup): { sum: string; count: string } {
  if (!field.hidden) throw new Error(`${field.name} keeps no sum and count`);
  return { sum: field.hidden.sum.name, count: field.hidden.count.name };
}

/** The columns of the child that decide a group's values. */
export const lookedAt = (groups: readonly RollupGroup[]): readonly { name: string; sqlType: string }[] => {
  const all = groups.flatMap(({ child, rollups }) =>
    rollups.flatMap(({ uses }) => [...uses].flatMap((name) => fieldOrBranch(child, name)?.column ?? [])),
  );
  return [...new Map(all.map((column) => [column.name, column])).values()];
};

/**
 * Whether a column is among the ids of a parameter. An array is looked up in the index, also in a table of which PostgreSQL does not know yet how
 * large it has become. `value` is the column of the function itself, so that no field of a row around it is taken for it.
 */
export const among = (column: string, parameter: string): string =>
  `${column} = ANY (ARRAY(SELECT value::uuid FROM jsonb_array_elements_text(${parameter}::jsonb)))`;

/**
 * Adds to the parents what rows did to them: `$1` are the ids of the rows, as they are now; `$2`, if there were any before, those as they were. → `id`
 * of each parent that may have changed, and `lost`. The parents are locked in the order of their ids, all before the first
 * is changed: they are counted, since PostgreSQL, which takes them for few, would compare each with each if they were joined.
 */
export function deltaSql(snapshot: Snapshot, group: RollupGroup, existed: boolean): string {
  const { parent, child, reference, rollups } = group;
  const columns = lookedAt([group]);
  const list = (row: string): string => columns.map(({ name }) => `${row}.${quote(name)}`).join(", ");
  const shape = columns.map(({ name, sqlType }) => `${quote(name)} ${sqlType}`).join(", ");
  const before = existed
    ? `\n  UNION ALL SELECT -1, ${list("b")} FROM jsonb_to_recordset($2::jsonb) AS b(${shape})`
    : "";
  const deltas = rollups.map((rollup) => deltaOf(snapshot, rollup));
  const sums = deltas.flatMap((d) => d.sums.map((s) => `${s.sql} AS ${s.name}`)).join(", ");
  const settings = deltas.flatMap((d) => d.settings.map((s) => `${quote(s.column)} = ${s.value}`)).join(", ");
  const lost = deltas.flatMap((d) => d.lost ?? []);
  const to = `x.${quote(reference.column.name)}`;
  return `WITH x AS MATERIALIZED (
  SELECT 1 AS "+", ${list("t")} FROM ${tableOf(snapshot, child)} t WHERE ${among("t.id", "$1")} AND t.deleted_at IS NULL${before}
), d AS MATERIALIZED (
  SELECT * FROM (SELECT ${to} AS id, ${sums} FROM x WHERE ${to} IS NOT NULL GROUP BY ${to}) d
  WHERE ${deltas.map((d) => d.changes).join(" OR ")}
), l AS MATERIALIZED (
  SELECT p.id FROM ${tableOf(snapshot, parent)} p WHERE p.id = ANY (ARRAY(SELECT id FROM d)) ORDER BY p.id FOR NO KEY UPDATE OF p
)
UPDATE ${tableOf(snapshot, parent)} p SET ${settings} FROM d WHERE p.id = d.id AND (SELECT count(*) FROM l) > 0
RETURNING p.id, ${lost.length === 0 ? "false" : lost.join(" OR ")} AS lost`;
}

function totalsOf(snapshot: Snapshot, rollup: Rollup): Setting[] {
  const { field, op } = rollup;
  const { name: column, sqlType } = field.column;
  const condition = conditionSql(snapshot, rollup, "t");
  const value = valueSql(rollup, "t");
  if (op === "count") return [{ column, value: `count(t.id)${filtered(condition)}` }];
  if (op === "sum")
    return [{ column, value: tidy(sqlType, `coalesce(sum(${value})${filtered(condition)}, '0'::${sqlType})`) }];
  if (op !== "avg") return [{ column, value: `${op}(${value})${filtered(condition)}` }];
  const [sum, count] = [`coalesce(sum(${value})${filtered(condition)}, 0)`, `count(${value})${filtered(condition)}`];
  const hidden = hiddenOf(rollup);
  return [
    { column: hidden.sum, value: sum },
    { column: hidden.count, value: count },
    { column, value: meanSql(sum, count) },
  ];
}

/**
 * Computes the roll-ups of all parents, or of those with the ids `$1`, from the rows that are there, and writes those that differ. → `id` of each. Right only
 * where no parent could change since the statement began: its lock must have been taken by a statement before.
 */
export function recomputeSql(snapshot: Snapshot, group: RollupGroup, some = false): string {
  const { parent, child, reference, rollups } = group;
  const totals = rollups.flatMap((rollup) => totalsOf(snapshot, rollup));
  const list = (row: string): string => totals.map(({ column }) => `${row}.${quote(column)}`).join(", ");
  return `UPDATE ${tableOf(snapshot, parent)} p SET ${totals.map(({ column }) => `${quote(column)} = v.${quote(column)}`).join(", ")} FROM (
  SELECT q.id, ${totals.map(({ column, value }) => `${value} AS ${quote(column)}`).join(", ")}
  FROM ${tableOf(snapshot, parent)} q LEFT JOIN ${tableOf(snapshot, child)} t ON t.${quote(reference.column.name)} = q.id AND t.deleted_at IS NULL
  ${some ? `WHERE ${among("q.id", "$1")} ` : ""}GROUP BY q.id
) v WHERE v.id = p.id AND (${list("p")}) IS DISTINCT FROM (${list("v")})
RETURNING p.id`;
}
