import { GuanxiError, isObject, type Locale } from "@guanxi/base";
import type { Kernel, Session } from "@guanxi/kernel";
import { readMapping } from "./check.ts";
import type { MappingDefinition } from "./definition.ts";
import { kindName } from "./kind.ts";
import { storedMappings } from "./stored.ts";

/** The tenant's stored mappings; each write is a change set. Throws NOT_FOUND, FORBIDDEN and DEFINITION. */
export interface MappingStore {
  list(session: Session): Promise<readonly MappingDefinition[]>;
  read(session: Session, name: string): Promise<MappingDefinition>;
  /** Messages are in `locale`. */
  write(
    session: Session,
    name: string,
    value: unknown,
    locale: Locale,
  ): Promise<{ definition: MappingDefinition; created: boolean }>;
  remove(session: Session, name: string): Promise<void>;
}

function requireRight({ actor }: Session): void {
  if (!actor.rights.all && !actor.rights.system.has("edit_metadata"))
    throw new GuanxiError("FORBIDDEN", { detail: "Changing mappings needs the system right edit_metadata." });
}

export function createMappingStore({ metadata }: Kernel): MappingStore {
  async function read(session: Session, name: string): Promise<MappingDefinition> {
    const [found] = await storedMappings(session, name);
    if (!found) throw new GuanxiError("NOT_FOUND", { detail: `There is no mapping ${name}.` });
    return found.definition;
  }
  return {
    list: async (session) => (await storedMappings(session)).map(({ definition }) => definition),
    read,
    async write(session, name, value, locale) {
      requireRight(session);
      const given = isObject(value) && value["name"] === undefined ? { ...value, name } : readMapping(value);
      if (given.name !== name)
        throw new GuanxiError("DEFINITION", { issues: [{ path: "/name", code: "const", params: { value: name } }] });
      const put = await metadata.putOther(session, kindName, given, { locale });
      return { definition: put.definition as MappingDefinition, created: put.created };
    },
    async remove(session, name) {
      requireRight(session);
      await read(session, name);
      await metadata.removeOther(session, kindName, name);
    },
  };
}
