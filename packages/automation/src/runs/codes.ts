import type { Store } from "@guanxi/store";
import { hot } from "../sql.ts";
import { schemaOf } from "../tables.ts";

export interface Script {
  readonly code: string;
  /** Runs with all rights. */
  readonly system: boolean;
}

/** Scripts that one process keeps; they are at most 256 KB each and usually a few. */
const keptScripts = 500;

/** Code of published versions. A version never changes, so what was read once stays right. */
export function createCodes(store: Store) {
  const kept = new Map<string, Script>();
  async function find(tenant: string, workflow: string, version: number): Promise<Script | undefined> {
    const key = `${tenant} ${workflow} ${version}`;
    let script = kept.get(key);
    kept.delete(key);
    if (!script) {
      const text = `SELECT code, definition->>'as' IS NOT DISTINCT FROM 'system' AS system
        FROM ${schemaOf(tenant)}._workflow WHERE name = $1::text AND version = $2::int`;
      script = (await hot<{ code: string; system: boolean }>(store, "code", text, [workflow, version]))[0];
    }
    if (!script) return undefined;
    kept.set(key, script);
    for (const oldest of kept.keys()) {
      if (kept.size <= keptScripts) break;
      kept.delete(oldest);
    }
    return script;
  }

  /** Another tenant has come under this id; under any, when undefined. */
  function forget(tenant: string | undefined): void {
    for (const key of kept.keys()) if (tenant === undefined || key.startsWith(`${tenant} `)) kept.delete(key);
  }

  return { find, forget };
}

export type Codes = ReturnType<typeof createCodes>["find"];
