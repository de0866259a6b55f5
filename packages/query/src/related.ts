import type { RelatedRecord } from "@guanxi/expr";
import type { Snapshot } from "@guanxi/meta";
import { type Parameters, quote } from "./parameters.ts";
import type { Source } from "./plan.ts";
import { namesSql, sourceCondition, table, type TableSettings } from "./sql.ts";

/** A statement that expressions are written into. */
interface Statement {
  readonly sources: readonly Source[];
  readonly snapshot: Snapshot;
  readonly parameters: Parameters;
  readonly tables: TableSettings;
}

/** What an expression says of a record of the source `start`. Each of its tests of related records has aliases of its own. */
export function recordOf(start: string, statement: Statement): RelatedRecord {
  let tests = 0;
  return recordIn(statement, { start, suffix: "", used: new Set() }, () => `_${++tests}`);
}

/** A record and those that references lead to from it, in the statement or in one of its subqueries. */
interface Region {
  readonly start: string;
  /** What the subquery adds to the aliases of the plan. */
  readonly suffix: string;
  /** The aliases that were asked for. */
  readonly used: Set<string>;
}

function recordIn(statement: Statement, region: Region, next: () => string): RelatedRecord {
  const { sources } = statement;
  const aliasOf = (walk: readonly string[]): string => {
    let alias = region.start;
    for (const name of walk) {
      const found = sources.find((s) => s.via?.source === alias && s.via.field.name === name);
      if (!found) throw new Error(`the plan has no join for ${walk.join(".")}`);
      region.used.add((alias = found.alias));
    }
    return alias;
  };
  const column = (path: readonly string[]): string => {
    const last = path.at(-1) ?? "";
    const walk = path.slice(0, -1);
    return last === "id" && walk.length > 0 ? column(walk) : `${aliasOf(walk)}${region.suffix}.${quote(last)}`;
  };
  return {
    column,
    present: (path) => `${aliasOf(path)}${region.suffix}.id IS NOT NULL`,
    related(path, relation, test) {
      const of = aliasOf(path);
      const source = sources.find((s) => s.related?.source === of && s.related.relation.name === relation);
      if (!source) throw new Error(`the plan has no records for ${relation}`);
      const inner = { start: source.alias, suffix: next(), used: new Set<string>() };
      const condition = test?.(recordIn(statement, inner, next));
      return rowsSql(statement, source, `${of}${region.suffix}`, inner, condition);
    },
  };
}

/** `FROM … WHERE …`: the records of a related source that belong to the row `of`, as far as they are there for the asker. */
function rowsSql(
  { sources, snapshot, parameters, tables }: Statement,
  source: Source,
  of: string,
  { suffix, used }: Region,
  condition: string | undefined,
): string {
  const from = (s: Source): string => `${tables.rows?.(s) ?? table(snapshot, s)} ${s.alias}${suffix}`;
  const there = (s: Source): string =>
    sourceCondition({ ...s, alias: `${s.alias}${suffix}` }, snapshot, parameters, tables.predicate);
  const joins = sources.map((s) => {
    if (!s.via || !used.has(s.alias)) return "";
    const on = `${s.alias}${suffix}.id = ${s.via.source}${suffix}.${quote(s.via.field.column.name)}`;
    return ` LEFT JOIN ${from(s)} ON ${on} AND ${there(s)}`;
  });
  const belongs = belongsSql(source, `${source.alias}${suffix}`, of);
  const tested = condition === undefined ? "" : ` AND ${condition}`;
  const one = tables.fewAsk === true ? " OFFSET 0" : "";
  return `FROM ${from(source)}${joins.join("")} WHERE ${belongs} AND ${there(source)}${tested}${one}`;
}

/** Whether the row `alias` of a related source belongs to the row `of`. */
function belongsSql({ object, related }: Source, alias: string, of: string): string {
  const { way = "back", field = "" } = related?.relation ?? {};
  return way === "list" ? `${alias}.id = ANY (${of}.${quote(field)})` : namesSql(object, field, alias, `${of}.id`);
}
