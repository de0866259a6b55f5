import { type CheckedExpression, partSql, type RelatedRecord, toSql } from "@guanxi/expr";
import {
  fieldOrBranch,
  formulaOf,
  type ObjectType,
  partField,
  type SeveralField,
  type Snapshot,
  type StoredField,
  type TenantSettings,
} from "@guanxi/meta";
import { constant, Parameters, quote } from "./parameters.ts";
import type { Source } from "./plan.ts";
import { recordOf } from "./related.ts";
import { severalSql } from "./several.ts";
import type { TableSettings } from "./sql.ts";

/** How an expression's names are written where it stands. */
export interface ExpressionPlace {
  readonly parameters: Parameters;
  readonly now: string;
  readonly timeZone: string;
  readonly settings: Pick<TenantSettings, "timeZone" | "fiscalYearStart">;
  column(path: readonly string[], root: "record" | "old" | "user"): string;
  /** Whether there is a record at the end of a walk, or before the change. */
  present(path: readonly string[], root: "record" | "old" | "user"): string;
  /** `FROM … WHERE …`: the rows under a relation; absent where expressions have own fields alone. */
  readonly related?: RelatedRecord["related"];
}

export const placedExpressionSql = (e: CheckedExpression, place: ExpressionPlace): string =>
  toSql(e, {
    column: (path, root) => place.column(path, root),
    parameter: (value, sqlType) => place.parameters.add(value, sqlType),
    get now() {
      return place.now;
    },
    get timeZone() {
      return place.timeZone;
    },
    fiscalYearStart: place.settings.fiscalYearStart,
    inFormulas: { parameter: constant, timeZone: constant(place.settings.timeZone, "text") },
    present: (path, root) => place.present(path, root),
    ...(place.related && { related: place.related }),
  });

/** An expression over a read plan's tables, about a record of the source `start`. */
export function expressionSql(
  e: CheckedExpression,
  sources: readonly Source[],
  snapshot: Snapshot,
  parameters: Parameters,
  start = "t0",
  tables: TableSettings = {},
): string {
  const { settings } = snapshot;
  const { column, present, related } = recordOf(start, { sources, snapshot, parameters, tables });
  return placedExpressionSql(e, {
    parameters,
    get now() {
      return parameters.find("now", "timestamptz", (asker) => asker.now.toISOString());
    },
    get timeZone() {
      return parameters.add(settings.timeZone, "text");
    },
    settings,
    present: (path) => present(path),
    related,
    column(path, root) {
      if (root !== "user") return column(path);
      const [name = ""] = path;
      const user = snapshot.objects.get("user");
      const type = (user && fieldOrBranch(user, name))?.column?.sqlType ?? "text";
      return parameters.find(`user.${name}`, type, (asker) => asker.userRecord[name]);
    },
  });
}

/** How a field of a source is written. */
export type FieldSql = (source: string, name: string) => string;

/** The member of a field that `address.city` names; no field's own name has a point. */
function partOf(object: ObjectType, name: string): StoredField | undefined {
  const [whole = "", part] = name.split(".");
  const field = part === undefined ? undefined : object.fields.get(whole);
  return field && part !== undefined ? partField(field, part) : undefined;
}

/** `about`, `about.object` or `about.id`. */
function severalOf(object: ObjectType, name: string): { field: SeveralField; part?: string } | undefined {
  if (!object.hasSeveral) return undefined;
  const [whole = "", part] = name.split(".");
  const field = object.fields.get(whole);
  return field?.branches && { field, ...(part === undefined ? {} : { part }) };
}

/** How the fields of a plan are written: their columns, or what they are computed by, which is null where there is no record. */
export const fieldsOf =
  (sources: readonly Source[], snapshot: Snapshot, parameters: Parameters, tables?: TableSettings): FieldSql =>
  (alias, name) => {
    const source = sources.find((s) => s.alias === alias);
    const several = source && severalOf(source.object, name);
    if (several) return severalSql(several.field, alias, several.part);
    const part = source && partOf(source.object, name);
    if (part) return partSql(`${alias}.${quote(part.column.name)}`, part.part ?? "", part.exprType);
    if (!source?.object.fields.get(name)?.formula) return `${alias}.${quote(name)}`;
    const sql = expressionSql(formulaOf(snapshot, source.object, name), sources, snapshot, parameters, alias, tables);
    return source.via ? `(CASE WHEN ${alias}.id IS NOT NULL THEN ${sql} END)` : sql;
  };

/** What a formula over own fields is in an index of its table; the same as where a statement asks for it. */
export const formulaIndexSql = (snapshot: Snapshot, object: ObjectType, name: string): string =>
  expressionSql(formulaOf(snapshot, object, name), [], snapshot, new Parameters(), quote(object.table));
