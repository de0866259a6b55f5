import type { Snapshot } from "@guanxi/meta";
import type { ListedSql } from "./json.ts";
import type { ReadPlan } from "./plan.ts";
import { type Parameters, quote } from "./parameters.ts";
import { expressionSql, fieldsOf } from "./expressions.ts";
import { listedSql, predicateSql, sourceCondition } from "./sql.ts";

/** The conditions that every statement of the plan has: what the asker may see, and the filter. */
export function whereSql(
  plan: ReadPlan,
  snapshot: Snapshot,
  parameters: Parameters,
  predicate = predicateSql,
): string[] {
  const [root] = plan.sources;
  if (!root) throw new Error("a plan without a root");
  const conditions = [sourceCondition(root, snapshot, parameters, predicate)];
  if (plan.filter) conditions.push(`(${expressionSql(plan.filter, plan.sources, snapshot, parameters)})`);
  return conditions;
}

/** How the records in lists are written that a plan's answers show. */
export const listedOf = ({ sources }: ReadPlan, snapshot: Snapshot, parameters: Parameters): ListedSql => ({
  rows(alias, list) {
    const source = sources.find((s) => s.alias === alias);
    if (!source) throw new Error(`the plan has no source ${alias}`);
    return listedSql(source, list, snapshot, parameters);
  },
  field: fieldsOf(sources, snapshot, parameters),
});

/** `meta`: the tenant's metadata version, by which the caller sees whether the plan was made for what is there now. */
export const metaVersion = ({ settings }: Snapshot): string =>
  `(SELECT version FROM ${quote(settings.schema)}._meta) AS meta`;
