import type { Connection } from "@guanxi/store";
import type { AutomationSettings } from "../settings.ts";
import { arrayOf, hot } from "../sql.ts";
import type { Workflow } from "../workflows/workflow.ts";
import type { Change } from "./match.ts";

/** Why a run is created as failed. */
export interface StopReason {
  readonly code: "GX-LIMIT" | "GX-DEFINITION";
  readonly message: string;
}

interface Started {
  readonly workflow: Workflow;
  readonly change: Change;
}

const rateKey = (workflow: string, record: string): string => `${workflow} ${record}`;

/**
 * Ends chains of workflows that start each other. Only what another run caused is counted: people and integrations may change one record as often
 * as they like.
 */
export function createBrake(
  settings: AutomationSettings,
  rates: Map<string, number>,
): (workflow: Workflow, change: Change) => StopReason | null {
  return (workflow, { cause, record }) => {
    if (workflow.fault !== undefined)
      return { code: "GX-DEFINITION", message: `The workflow cannot run: ${workflow.fault}.` };
    if (cause.depth >= settings.maxDepth)
      return limit(
        `${cause.depth} workflow runs already led to this change (limit ${settings.maxDepth}), the last one by "${cause.workflow}"`,
      );
    if (cause.depth === 0) return null;
    const key = rateKey(workflow.name, record);
    const rate = (rates.get(key) ?? 0) + 1;
    rates.set(key, rate);
    if (rate <= settings.maxRunsPerMinute) return null;
    return limit(
      `workflows started this one on this record ${rate} times within a minute (limit ${settings.maxRunsPerMinute}), the last time "${cause.workflow}"`,
    );
  };
}

const limit = (what: string): StopReason => ({
  code: "GX-LIMIT",
  message: `Stopped: ${what}. Do these workflows start each other?`,
});

/** How often runs have started these workflows on these records within the last minute. */
export async function countRates(
  tx: Connection,
  schema: string,
  found: readonly Started[],
): Promise<Map<string, number>> {
  const chained = found.filter(({ change }) => change.cause.depth > 0);
  if (chained.length === 0) return new Map();
  const rows = await hot<{ workflow: string; record: string; count: number }>(
    tx,
    "rates",
    `SELECT workflow, record, count(*)::int AS count FROM ${schema}._run
     WHERE record = ANY ($1::uuid[]) AND workflow = ANY ($2::text[]) AND created_at > now() - interval '1 minute' AND (cause->>'depth')::int > 1
     GROUP BY workflow, record`,
    [
      arrayOf(new Set(chained.map(({ change }) => change.record))),
      arrayOf(new Set(chained.map(({ workflow }) => workflow.name))),
    ],
  );
  return new Map(rows.map((row) => [rateKey(row.workflow, row.record), row.count]));
}
