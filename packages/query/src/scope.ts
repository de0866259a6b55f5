import { checkExpression, type CheckedExpression, type ExprObject, type ExprScope } from "@guanxi/expr";
import { asRead, type ObjectType, relationOf, type Snapshot, walkScope, withoutFormulas } from "@guanxi/meta";
import { inParameter } from "./errors.ts";
import type { NamedRelations } from "./plan.ts";

/** What names mean in a filter: the record's fields, walks over references, tests of related records, and the actor. */
export function filterScope(snapshot: Snapshot, object: ObjectType, read: (object: ObjectType) => ExprObject = asRead) {
  const { objects } = snapshot;
  const walks = walkScope(snapshot);
  const seen = (found: ExprObject | undefined): ExprObject | undefined => {
    const known = objects.get(found?.name ?? "");
    return known && read(known);
  };
  const user = seen(objects.get("user"));
  return {
    record: read(object),
    object: (name) => seen(walks.object(name)),
    related: (from, relation) => seen(walks.related(from, relation)),
    ...(user ? { user } : {}),
  } satisfies ExprScope;
}

/** The relations that a filter names itself; what its formulas lead to is the definition's. */
export function relationsOf(
  filter: CheckedExpression | undefined,
  snapshot: Snapshot,
  object: ObjectType,
): NamedRelations | undefined {
  const named = (filter?.related ?? []).filter((one) => one.named).map((one) => one.object);
  if (!filter || named.length === 0) return undefined;
  return {
    objects: [...snapshot.objects.values()].filter(({ name }) => named.includes(name)),
    refusal(hidden) {
      const fault = faultWithout(filter.source, snapshot, object, hidden);
      if (fault === undefined) throw new Error("a filter does without the relations that it names");
      return fault;
    },
  };
}

/** A filter's scope in which nothing leads to the records of some objects but references and lists, which tell no names of their fields. Formulas are names like any other. */
function withoutRelations(snapshot: Snapshot, object: ObjectType, hidden: readonly ObjectType[]): ExprScope {
  const names = new Set(hidden.map(({ name }) => name));
  const scope = filterScope(snapshot, object, (one) => {
    const { fieldNames, whyNot, ...silent } = withoutFormulas(asRead(one));
    return names.has(one.name) ? silent : { ...silent, ...(fieldNames && { fieldNames }), ...(whyNot && { whyNot }) };
  });
  return {
    ...scope,
    related(from, relation) {
      const found = relationOf(snapshot.objects.get(from.name) ?? object, relation);
      const isHidden = found?.way === "back" && names.has(found.object);
      return isHidden ? undefined : scope.related(from, relation);
    },
  };
}

/**
 * What a filter that cannot be read is told to who must not know of some objects: nothing of the relations to them, and no names of their
 * fields. Undefined where nothing is wrong with it then.
 */
export function faultWithout(
  filter: string,
  snapshot: Snapshot,
  object: ObjectType,
  hidden: readonly ObjectType[],
): Error | undefined {
  try {
    inParameter("filter", () => checkExpression(filter, withoutRelations(snapshot, object, hidden), "bool"));
    return undefined;
  } catch (e) {
    return e as Error;
  }
}
