import type { Session } from "@guanxi/kernel";
import type { ObjectType } from "@guanxi/meta";
import { quote } from "@guanxi/store";
import type { MappingDefinition } from "./definition.ts";

/** A mapping that a tenant has, with its object as that is called now; none for one whose object has gone before that was refused. */
export interface StoredMapping {
  readonly name: string;
  readonly object: ObjectType | undefined;
  readonly definition: MappingDefinition;
}

interface Row extends Record<string, unknown> {
  readonly name: string;
  readonly object_id: number | null;
  /** JSON text. */
  readonly definition: string;
}

export const tableOf = ({ tenant }: Session): string => `${quote(tenant.schema)}._mapping`;

/** By name; all of them, or one. */
export async function storedMappings(session: Session, name?: string): Promise<StoredMapping[]> {
  const rows = await session.connection.sql<Row>(
    `SELECT name, object_id, definition FROM ${tableOf(session)} ${name === undefined ? "" : "WHERE name = $1 "}ORDER BY name`,
    name === undefined ? [] : [name],
  );
  return rows.map((row) => {
    const written = JSON.parse(row.definition) as MappingDefinition;
    const object = row.object_id === null ? undefined : session.snapshot.byId.get(row.object_id);
    return { name: row.name, object, definition: object ? { ...written, object: object.name } : written };
  });
}
