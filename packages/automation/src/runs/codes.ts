import { Recent } from "@guanxi/base";
import { quotedSchema, type Store } from "@guanxi/store";
import { hot } from "../sql.ts";

export interface Script {
  readonly code: string;
  /** Runs with all rights. */
  readonly system: boolean;
}

/** Scripts that one process keeps; they are at most 256 KB each and usually a few. */
const keptScripts = 500;

/** Code of published versions. A version never changes, so what was read once stays right. */
export function createCodes(store: Store) {
  const kept = new Recent<string, Script & { tenant: string }>(keptScripts);
  async function find(tenant: string, workflow: string, version: number): Promise<Script | undefined> {
    const key = `${tenant} ${workflow} ${version}`;
    const known = kept.get(key);
    if (known) return known;
    const text = `SELECT code, definition->>'as' IS NOT DISTINCT FROM 'system' AS system
      FROM ${quotedSchema(tenant)}._workflow WHERE name = $1::text AND version = $2::int`;
    const [script] = await hot<{ code: string; system: boolean }>(store, "code", text, [workflow, version]);
    if (script) kept.set(key, { ...script, tenant });
    return script;
  }

  /** Another tenant has come under this id; under any, when undefined. */
  const forget = (tenant: string | undefined): void =>
    tenant === undefined ? kept.clear() : kept.deleteWhere((script) => script.tenant === tenant);

  return { find, forget };
}

export type Codes = ReturnType<typeof createCodes>["find"];
