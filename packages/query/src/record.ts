import { perKey } from "@guanxi/base";
import type { ObjectType, Snapshot } from "@guanxi/meta";
import { jsonObject } from "./json.ts";
import type { Parameters } from "./parameters.ts";
import type { Predicate, Source } from "./plan.ts";
import { Sources } from "./sources.ts";
import { fieldsOf } from "./expressions.ts";
import { fromSql, rowPredicateSql, type TableSettings } from "./sql.ts";

/** A whole record, and the tables that its formulas walk to. */
const whole = perKey((snapshot: Snapshot) =>
  perKey((object: ObjectType) => {
    const sources = new Sources(snapshot, object, "live");
    const outputs = sources.every([], sources.walk([]) as Source);
    return { outputs, sources: sources.list };
  }),
);

/** Objects that the formulas of an object lead to, each once. */
export const walkedObjects = (snapshot: Snapshot, object: ObjectType): readonly ObjectType[] =>
  object.formulas.length === 0
    ? []
    : [...new Set(whole(snapshot)(object).sources.flatMap((s) => (s.via || s.related ? [s.object] : [])))];

/** How a statement that has a record at hand shows it. */
export interface RecordSettings {
  /** The alias of the record's columns. */
  readonly row: string;
  readonly snapshot: Snapshot;
  readonly parameters: Parameters;
  /** By object: the rows that formulas may find. */
  readonly walks: ReadonlyMap<string, Predicate>;
  /** What stands for the table of a source, where the statement has changed its rows. */
  readonly rows?: (source: Source) => string | undefined;
}

/** The JSON text of a record with its formulas, as reading it would show it to the same actor. */
export function recordSql(object: ObjectType, { row, snapshot, parameters, walks, rows }: RecordSettings): string {
  const { outputs, sources: all } = whole(snapshot)(object);
  const sources = all.map((s): Source => ({ ...s, predicate: walks.get(s.object.name) ?? { kind: "none" } }));
  const tables: TableSettings = {
    rows: (source) => (source.via || source.related ? rows?.(source) : `(SELECT ${row}.*)`),
    predicate: rowPredicateSql,
    fewAsk: true,
  };
  const from = fromSql(sources, snapshot, parameters, tables);
  return `(SELECT ${jsonObject(outputs, fieldsOf(sources, snapshot, parameters, tables))}::text ${from})`;
}
