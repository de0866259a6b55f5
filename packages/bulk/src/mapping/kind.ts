import { GuanxiError, isGuanxiError, type Issue, text } from "@guanxi/base";
import type { Definition, DefinitionKind, Session } from "@guanxi/kernel";
import type { ObjectType } from "@guanxi/meta";
import { compileMapping, readMapping } from "./check.ts";
import type { MappingDefinition } from "./definition.ts";
import { storedMappings, tableOf } from "./stored.ts";
import { mappingUses } from "./uses.ts";

export const kindName = "mappings";

/** A mapping as it is put: with its name. Throws DEFINITION. */
function parse(body: unknown): Definition {
  const { name } = readMapping(body);
  if (name === undefined) throw new GuanxiError("DEFINITION", { issues: [{ path: "/name", code: "required" }] });
  return body as Definition;
}

const noObject = text('there is no object "{object}"', "没有对象“{object}”", "沒有物件「{object}」");

/** The object that rows become records of. Throws DEFINITION with every fault of the mapping on the session's objects. */
function checked({ snapshot }: Session, definition: MappingDefinition): ObjectType {
  const path = "/object";
  if (definition.object === undefined) throw new GuanxiError("DEFINITION", { issues: [{ path, code: "required" }] });
  const object = snapshot.objects.get(definition.object);
  if (object === undefined)
    throw new GuanxiError("DEFINITION", {
      issues: [{ path, code: "definition", text: noObject, params: { object: definition.object } }],
    });
  compileMapping(definition, snapshot, object);
  return object;
}

/** What is wrong with a mapping, on the objects of the session. */
export function mappingFaults(session: Session, body: unknown): readonly Issue[] {
  try {
    checked(session, parse(body) as MappingDefinition);
    return [];
  } catch (error) {
    if (!isGuanxiError(error) || error.code !== "DEFINITION") throw error;
    return error.issues;
  }
}

/** Mappings as change sets know them. */
export const mappingKind: DefinitionKind = {
  name: kindName,
  one: "mapping",
  async read(session) {
    const found = await storedMappings(session);
    return new Map(found.map(({ name, definition }) => [name, definition as Definition]));
  },
  parse,
  async put(session, definition) {
    const object = checked(session, definition as MappingDefinition);
    await session.connection.sql(
      `INSERT INTO ${tableOf(session)} (name, object_id, definition, changed_by) VALUES ($1, $2, $3, $4)
       ON CONFLICT (name) DO UPDATE SET object_id = excluded.object_id, definition = excluded.definition,
         changed_by = excluded.changed_by, changed_at = now()`,
      [definition.name, object.id, JSON.stringify(definition), session.actor.user],
    );
  },
  async remove(session, name) {
    await session.connection.sql(`DELETE FROM ${tableOf(session)} WHERE name = $1`, [name]);
  },
  async faults(session) {
    const found = await storedMappings(session);
    return new Set(
      found.flatMap(({ name, definition }) => (mappingFaults(session, definition).length > 0 ? [name] : [])),
    );
  },
  async uses(session) {
    return (await storedMappings(session)).flatMap((mapping) => mappingUses(mapping, session.snapshot));
  },
};
