import type { Snapshot } from "@guanxi/meta";
import { compileAggregate } from "./compile-aggregate.ts";
import { compileList, type Way } from "./compile-list.ts";
import { jsonObject } from "./json.ts";
import type { Authorized, GetPlan, ReadPlan } from "./plan.ts";
import { Parameters, quote, type Slot } from "./parameters.ts";
import { fieldsOf } from "./expressions.ts";
import { fromSql, rowPredicateSql } from "./sql.ts";
import { listedOf, metaVersion, whereSql } from "./where.ts";

/** One row at most: `data` (the record's JSON), `version`, `id`, `meta`. */
function compileGet(plan: GetPlan, snapshot: Snapshot, parameters: Parameters): string {
  const key = parameters.find("key", plan.by.column.sqlType, (asker) => asker.key);
  const from = fromSql(plan.sources, snapshot, parameters);
  const conditions = [
    `t0.${quote(plan.by.column.name)} = ${key}`,
    ...whereSql(plan, snapshot, parameters, rowPredicateSql),
  ];
  const shown = jsonObject(
    plan.outputs,
    fieldsOf(plan.sources, snapshot, parameters),
    listedOf(plan, snapshot, parameters),
  );
  return `SELECT ${shown}::text AS data, t0.version, t0.id, ${metaVersion(snapshot)} ${from} WHERE ${conditions.join(" AND ")}`;
}

/** A statement without its askers' values. */
export interface CompiledRead {
  readonly text: string;
  readonly slots: readonly Slot[];
}

export interface ReadSettings {
  readonly way?: Way | undefined;
  /** Whether the plan's own values stand in the text. */
  readonly written?: boolean;
}

function textOf(plan: ReadPlan, snapshot: Snapshot, parameters: Parameters, way: Way | undefined): string {
  switch (plan.kind) {
    case "list":
      return compileList(plan, snapshot, parameters, way);
    case "get":
      return compileGet(plan, snapshot, parameters);
    case "aggregate":
      return compileAggregate(plan, snapshot, parameters);
  }
}

/** The statement of an authorized plan. */
export function compileRead(
  plan: Authorized<ReadPlan>,
  snapshot: Snapshot,
  { way, written = false }: ReadSettings = {},
): CompiledRead {
  const parameters = new Parameters({ written });
  return { text: textOf(plan, snapshot, parameters, way), slots: parameters.slots };
}
