import type { Field, ObjectType, Snapshot, Use } from "@guanxi/meta";
import type { ColumnTarget } from "./definition.ts";
import { lookedUpBy, namedBy } from "./paths.ts";
import type { StoredMapping } from "./stored.ts";

/** What a mapping names: its object, its key, the fields that columns and constants fill, and those that records are found by. */
export function mappingUses({ name, object, definition }: StoredMapping, snapshot: Snapshot): Use[] {
  if (!object) return [];
  const use = (part: string, used: Pick<Use, "object" | "field">, follows = false): Use => ({
    by: `mapping ${name} (${part})`,
    kind: "mappings",
    name,
    ...used,
    follows,
  });
  const field = (part: string, { id }: ObjectType, of: Field | undefined): Use[] =>
    of === undefined || of.system ? [] : [use(part, { object: id, field: of.id })];
  const path = (part: string, written: string, lookup?: string): Use[] => {
    const named = namedBy(object, written, lookup);
    const found = named && lookedUpBy(named, snapshot);
    return [...field(part, object, named?.whole), ...(found ? field(part, found.target, found.by) : [])];
  };
  const columns = Object.values(definition.columns ?? {}).flatMap((given) =>
    [given ?? []]
      .flat()
      .flatMap((target: ColumnTarget) =>
        typeof target === "string" ? path("columns", target) : path("columns", target.field, target.lookup),
      ),
  );
  return [
    use("object", { object: object.id }, true),
    ...(definition.key === undefined ? [] : path("key", definition.key)),
    ...columns,
    ...Object.keys(definition.constants ?? {}).flatMap((written) => path("constants", written)),
  ];
}
