import { GuanxiError } from "@guanxi/base";
import { type Extension, type ObjectDefinition, parseDefinition } from "@guanxi/meta";
import { type Connection, quote, type TenantComponent } from "@guanxi/store";
import type { Plugin } from "../types.ts";

/** Which plugins a tenant has, and what each has brought it. */
export const pluginTables: TenantComponent = {
  name: "plugins",
  migrations: [
    `CREATE TABLE {schema}._plugin (
      name text PRIMARY KEY,
      version text NOT NULL,
      state text NOT NULL,
      held text,
      requires json NOT NULL,
      objects json NOT NULL
    );`,
  ],
};

/** `disabled` and `uninstalled` plugins have their objects set aside; uninstalled ones have given up their names, too. */
export type PluginState = "enabled" | "disabled" | "uninstalled";

/** A plugin as one tenant has it. */
export interface Edition {
  readonly name: string;
  readonly version: string;
  readonly state: PluginState;
  /** The version that it was taken back from: that one comes only to who asks for it. */
  readonly held: string | null;
  readonly requires: readonly string[];
  readonly objects: readonly (ObjectDefinition | Extension)[];
}

/** By name. */
export type Editions = ReadonlyMap<string, Edition>;

/** What a plugin brings in this program, with every member that may be left out. Throws DEFINITION for what is none. */
export const editionOf = ({ name, version, requires = [], objects, extensions = [] }: Plugin): Edition => ({
  ...{ name, version, state: "enabled", held: null, requires },
  objects: [...objects.map(parseDefinition), ...extensions],
});

export async function readEditions(connection: Connection, schema: string): Promise<Editions> {
  const rows = await connection.sql<{ edition: string }>(
    `SELECT to_json(p)::text AS edition FROM ${quote(schema)}._plugin p ORDER BY name COLLATE "C"`,
  );
  const editions = rows.map(({ edition }) => JSON.parse(edition) as Edition);
  return new Map(editions.map((edition) => [edition.name, edition]));
}

/** Stores editions, and takes away those that are undefined. */
export async function writeEditions(
  tx: Connection,
  schema: string,
  editions: ReadonlyMap<string, Edition | undefined>,
): Promise<void> {
  for (const [name, edition] of editions) {
    if (edition === undefined) await tx.sql(`DELETE FROM ${quote(schema)}._plugin WHERE name = $1`, [name]);
    else
      await tx.sql(
        `INSERT INTO ${quote(schema)}._plugin SELECT * FROM json_populate_record(NULL::${quote(schema)}._plugin, $1::json)
         ON CONFLICT (name) DO UPDATE SET version = excluded.version, state = excluded.state, held = excluded.held,
           requires = excluded.requires, objects = excluded.objects`,
        [JSON.stringify(edition)],
      );
  }
}

/** Keeps what the operator is told of a tenant in step with what it has. */
export async function listPlugins(tx: Connection, tenant: string, editions: Editions): Promise<void> {
  const names = [...editions.values()].filter(({ state }) => state !== "uninstalled").map(({ name }) => name);
  await tx.sql("UPDATE guanxi.tenant SET plugins = $2::json::jsonb WHERE id = $1", [tenant, JSON.stringify(names)]);
}

/** The editions after a change. */
export const changed = (editions: Editions, by: ReadonlyMap<string, Edition | undefined>): Editions =>
  new Map(
    [...new Map<string, Edition | undefined>([...editions, ...by])].flatMap(([name, edition]) =>
      edition === undefined ? [] : [[name, edition] as const],
    ),
  );

/** Those that count, each after what it requires. CONFLICT where something that one requires is not among them. */
export function inOrder(editions: Editions): readonly Edition[] {
  const enabled = [...editions.values()].filter(({ state }) => state === "enabled");
  const ordered: Edition[] = [];
  const add = (edition: Edition, above: readonly string[]): void => {
    if (ordered.includes(edition)) return;
    for (const name of edition.requires) {
      const required = enabled.find((other) => other.name === name);
      if (required === undefined || above.includes(name))
        throw new GuanxiError("CONFLICT", {
          detail: `The plugin ${edition.name} requires the plugin ${name}: install or enable it first, or take ${edition.name} away before it.`,
        });
      add(required, [...above, edition.name]);
    }
    ordered.push(edition);
  };
  for (const edition of enabled) add(edition, []);
  return ordered;
}
