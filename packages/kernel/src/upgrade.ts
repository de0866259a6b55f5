import { isDeepStrictEqual } from "node:util";
import { GuanxiError, isGuanxiError, type Issue, issueMessage, type Observe } from "@guanxi/base";
import { compileSnapshot, loadSnapshot, type ObjectDefinition, storeDefinition, type StoredObject } from "@guanxi/meta";
import { type Connection, isGone, migrateTenant, notify, quote, type Store, type TenantComponent } from "@guanxi/store";
import { applyDefinitions, idCounter } from "./apply.ts";
import { Building, refuseWhileBuilding } from "./changes/builds.ts";
import { keepChangeSet } from "./changes/history.ts";
import { definitionSteps, tableSteps } from "./changes/steps.ts";
import { touchedObjects } from "./changes/touched.ts";
import { metaChannel } from "./channels.ts";
import type { Vault } from "./encryption/vault.ts";
import { withLocks } from "./locks.ts";
import { editionOf, readEditions, writeEditions } from "./plugins/editions.ts";
import { loadStored, storedObjects } from "./stored.ts";
import type { Plugin } from "./types.ts";

/** What every tenant has, in numbered editions; a tenant remembers which one it was brought to. */
export interface Core {
  readonly level: number;
  readonly objects: readonly ObjectDefinition[];
  /** `object.field` → the level it came with, where that is above 1: a tenant may have had a field of that name before. */
  readonly younger: Readonly<Record<string, number>>;
}

interface Env {
  readonly store: Store;
  readonly components: readonly TenantComponent[];
  readonly core: Core;
  readonly plugins: readonly Plugin[];
  readonly vault: Vault;
  readonly observe: Observe;
}

/** Which tenants stand where this program wants them, as far as this process knows. */
export class Upgrades {
  readonly #env: Env;
  readonly #done = new Map<string, "current" | "blocked">();
  readonly #settled = new Map<string, "current" | "blocked">();

  constructor(env: Env) {
    this.#env = env;
  }

  /**
   * Brings a tenant that an older program made to this program's fixed tables and core objects; nothing where that has been
   * done. Safe on several nodes at once. A tenant of a newer program stays as it is.
   */
  async ensure(tenant: string, schema: string): Promise<void> {
    if (!this.#done.has(tenant)) this.#done.set(tenant, await upgradeTenant(this.#env, tenant, schema));
  }

  /** The same with the editions of its plugins: `settle` upgrades them, and tells of those that it cannot. → whether anything changed. */
  async ensurePlugins(
    tenant: string,
    settle: (blocked: (plugin: string, error: unknown) => void) => Promise<boolean>,
  ): Promise<boolean> {
    if (this.#settled.has(tenant)) return false;
    this.#settled.set(tenant, "current");
    try {
      return await settle((plugin, error) => {
        this.#settled.set(tenant, "blocked");
        this.#env.observe({
          kind: "background_failed",
          task: "plugin upgrade",
          tenant,
          error: new Error(`the plugin ${plugin} stays as it is: ${wordsOf(error)}`, { cause: error }),
        });
      });
    } catch (error) {
      this.#settled.delete(tenant);
      throw error;
    }
  }

  /** What stood in the way may be gone. */
  metadataChanged(tenant: string): void {
    for (const known of [this.#done, this.#settled]) if (known.get(tenant) === "blocked") known.delete(tenant);
  }

  forget(tenant: string): void {
    this.#done.delete(tenant);
    this.#settled.delete(tenant);
  }

  forgetAll(): void {
    this.#done.clear();
    this.#settled.clear();
  }
}

async function upgradeTenant(env: Env, tenant: string, schema: string): Promise<"current" | "blocked"> {
  const { components, core, store, vault } = env;
  const found = await levelsOf(store, schema);
  if (found === undefined) return "current";
  if (components.some(({ name, migrations }) => (found.levels[name] ?? 0) < migrations.length))
    await store.transaction((tx) => migrateTenant(tx, schema, components));
  await adoptPlugins(env, tenant, schema);
  if (found.core >= core.level) return "current";
  try {
    await withLocks(store, (tx) => upgradeCore(tx, tenant, schema, core, vault));
    return "current";
  } catch (error) {
    // Its end is told like that of any change of metadata.
    if (error instanceof Building) return "blocked";
    // A definition of the tenant's stands in the way. It goes on with the core that it has; the log says what to mend.
    if (!isGuanxiError(error) || (error.code !== "DEFINITION" && error.code !== "CONFLICT")) throw error;
    const message = `the core objects stay at level ${found.core}: ${wordsOf(error)}`;
    env.observe({ kind: "background_failed", task: "core upgrade", tenant, error: new Error(message) });
    return "blocked";
  }
}

function wordsOf(error: unknown): string {
  const issues = isGuanxiError(error) ? error.issues : [];
  return [
    error instanceof Error ? error.message : String(error),
    ...issues.map((issue) => `${issue.path} ${issueMessage(issue, "en")}`),
  ].join("; ");
}

/**
 * A tenant made before plugins had editions: what its plugins bring today is taken for what they brought it, so that everything it has of
 * them otherwise, or not any more, is its own.
 */
async function adoptPlugins({ store, plugins }: Env, tenant: string, schema: string): Promise<void> {
  const editions = await readEditions(store, schema);
  const listed = (await store.registry.findTenant(tenant, true))?.plugins ?? [];
  const missing = plugins.filter(({ name }) => listed.includes(name) && !editions.has(name));
  if (missing.length === 0) return;
  await store.transaction((tx) =>
    writeEditions(tx, schema, new Map(missing.map((plugin) => [plugin.name, editionOf(plugin)]))),
  );
}

/** The levels that a tenant stands at; undefined when it is gone. */
async function levelsOf(
  store: Store,
  schema: string,
): Promise<{ levels: Record<string, number>; core: number } | undefined> {
  const s = quote(schema);
  try {
    // Through jsonb, because the column is younger than the table.
    const [row] = await store.sql<{ levels: string | null; core: number }>(
      `SELECT (SELECT jsonb_object_agg(component, level) FROM ${s}._migration)::text AS levels,
         coalesce((to_jsonb(m) ->> 'core_level')::int, 0) AS core FROM ${s}._meta m`,
    );
    return row && { levels: JSON.parse(row.levels ?? "{}") as Record<string, number>, core: row.core };
  } catch (e) {
    if (isGone(e)) return undefined;
    throw e;
  }
}

/** The core brings fields and loses none. */
const nothingElse = { losses: [], allow: [], dependents: [], rows: new Map<number, number>(), back: false };

async function upgradeCore(tx: Connection, tenant: string, schema: string, core: Core, vault: Vault): Promise<void> {
  const s = quote(schema);
  const [row] = await tx.sql<{ core_level: number }>(`SELECT core_level FROM ${s}._meta FOR UPDATE`);
  const before = row?.core_level ?? 0;
  if (before >= core.level) return;
  await refuseWhileBuilding(tx, schema);
  const found = await loadStored(tx, schema);
  const { version, settings, texts } = found;
  const stored = storedObjects(found);
  const current = loadSnapshot(settings, version, texts);
  const ids = await idCounter(tx, schema);
  const others = stored.filter((o) => o.source !== "core");
  refuseNamesakes(others, core);
  const upgraded = core.objects.map((definition): StoredObject => {
    const previous = stored.find((o) => o.source === "core" && o.name === definition.name);
    if (previous) refuseCollisions(previous.definition, core, before);
    return storeDefinition(previous, mergeCore(previous?.definition, definition), "core", ids.next);
  });
  const list = [...upgraded, ...others].sort((a, b) => a.id - b.id);
  const changed = !isDeepStrictEqual(list, stored);
  if (changed) {
    const next = compileSnapshot(settings, version + 1, list, current);
    const ran = await applyDefinitions(tx, vault, { current, next, nextId: ids.value() });
    const touched = touchedObjects(stored, list);
    const tables = tableSteps({ ...nothingElse, ran });
    await keepChangeSet(
      { connection: tx, tenant: { schema }, now: new Date(), actor: undefined },
      {
        ...{ version: version + 1, message: `core objects at level ${core.level}`, reverts: undefined, touched },
        steps: [...tables, ...definitionSteps(touched, tables, [])],
      },
    );
    await notify(tx, metaChannel, tenant);
  }
  await tx.sql(`UPDATE ${s}._meta SET core_level = $1, version = $2`, [core.level, changed ? version + 1 : version]);
}

/** An object of the tenant's own must make way for a younger one of the core. */
function refuseNamesakes(others: readonly StoredObject[], { objects }: Core): void {
  const fault = (name: string, keyword: string, rest: string): Issue => ({
    path: `/${name}/${keyword}`,
    code: "definition",
    params: { message: `is that of an object of the core now; ${rest}` },
  });
  const issues = others.flatMap(({ name, definition: { plural } }) => {
    if (objects.some((o) => o.name === name))
      return fault(name, "name", `put yours under another with "was": "${name}"`);
    return objects.some((o) => o.plural === plural) ? fault(name, "plural", "give yours another") : [];
  });
  if (issues.length === 0) return;
  throw new GuanxiError("DEFINITION", { issues });
}

/** A field of the tenant's own must make way for a younger one of the core: nobody would know whose values it holds. */
function refuseCollisions({ name, properties }: ObjectDefinition, core: Core, before: number): void {
  const taken = Object.keys(properties).filter(
    (field) => (core.younger[`${name}.${field}`] ?? 1) > Math.max(before, 1),
  );
  if (taken.length === 0) return;
  const issues = taken.map((field): Issue => ({
    path: `/${name}/properties/${field}`,
    code: "definition",
    params: { message: `is a field of the core now; rename yours with "was": "${field}"` },
  }));
  throw new GuanxiError("DEFINITION", { issues });
}

const union = <T>(first: readonly T[] = [], second: readonly T[] = []): readonly T[] => [
  ...first,
  ...second.filter((b) => !first.some((a) => isDeepStrictEqual(a, b))),
];

/** The core's edition of an object with what a tenant added to it: fields, keys, indexes, rules, and words of its own. */
function mergeCore(tenants: ObjectDefinition | undefined, core: ObjectDefinition): ObjectDefinition {
  if (tenants === undefined) return core;
  const { name, plural, nameField, sharing, properties, required, unique, indexes, rules } = core;
  const named = new Set(rules?.map((rule) => rule.name));
  const lists = {
    required: union(required, tenants.required),
    unique: union(unique, tenants.unique),
    indexes: union(indexes, tenants.indexes),
    rules: [...(rules ?? []), ...(tenants.rules ?? []).filter((rule) => !named.has(rule.name))],
  };
  return {
    ...core,
    ...tenants,
    name,
    plural,
    ...(nameField === undefined ? {} : { nameField }),
    ...(sharing === undefined ? {} : { sharing }),
    ...Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0)),
    properties: { ...tenants.properties, ...properties },
  };
}
