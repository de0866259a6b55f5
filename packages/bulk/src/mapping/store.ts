import { GuanxiError } from "@guanxi/base";
import type { Kernel, Session } from "@guanxi/kernel";
import { quote } from "@guanxi/store";
import { compileMapping, readMapping } from "./check.ts";
import type { MappingDefinition } from "./definition.ts";

/** The tenant's stored mappings. Throws NOT_FOUND, FORBIDDEN and DEFINITION. */
export interface MappingStore {
  list(session: Session): Promise<readonly MappingDefinition[]>;
  read(session: Session, name: string): Promise<MappingDefinition>;
  write(session: Session, name: string, value: unknown): Promise<{ definition: MappingDefinition; created: boolean }>;
  remove(session: Session, name: string): Promise<void>;
}

const noSuch = (name: string): GuanxiError => new GuanxiError("NOT_FOUND", { detail: `There is no mapping ${name}.` });
const tableOf = (session: Session): string => `${quote(session.tenant.schema)}._mapping`;

function requireRight({ actor }: Session): void {
  if (!actor.rights.all && !actor.rights.system.has("edit_metadata"))
    throw new GuanxiError("FORBIDDEN", { detail: "Changing mappings needs the system right edit_metadata." });
}

export function createMappingStore(kernel: Kernel): MappingStore {
  return {
    async list(session) {
      const rows = await session.connection.sql<{ definition: string }>(
        `SELECT definition FROM ${tableOf(session)} ORDER BY name`,
      );
      return rows.map((row) => JSON.parse(row.definition) as MappingDefinition);
    },
    async read(session, name) {
      const [row] = await session.connection.sql<{ definition: string }>(
        `SELECT definition FROM ${tableOf(session)} WHERE name = $1`,
        [name],
      );
      if (!row) throw noSuch(name);
      return JSON.parse(row.definition) as MappingDefinition;
    },
    async write(caller, name, value) {
      requireRight(caller);
      const given = readMapping(value);
      if (given.name !== undefined && given.name !== name)
        throw new GuanxiError("DEFINITION", { issues: [{ path: "/name", code: "const", params: { value: name } }] });
      const definition = readMapping({ ...given, name });
      if (definition.object === undefined)
        throw new GuanxiError("DEFINITION", { issues: [{ path: "/object", code: "required" }] });
      const { session, object } = await kernel.objectByName(caller, definition.object);
      compileMapping(definition, session.snapshot, object);
      const known = await session.connection.sql(`SELECT name FROM ${tableOf(session)} WHERE name = $1`, [name]);
      await session.connection.sql(
        `INSERT INTO ${tableOf(session)} (name, definition, changed_by) VALUES ($1, $2, $3)
         ON CONFLICT (name) DO UPDATE SET definition = excluded.definition, changed_by = excluded.changed_by, changed_at = now()`,
        [name, JSON.stringify(definition), session.actor.user],
      );
      return { definition, created: known.length === 0 };
    },
    async remove(session, name) {
      requireRight(session);
      const gone = await session.connection.sql(`DELETE FROM ${tableOf(session)} WHERE name = $1 RETURNING name`, [
        name,
      ]);
      if (gone.length === 0) throw noSuch(name);
    },
  };
}
