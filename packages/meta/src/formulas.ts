import { perKey } from "@guanxi/base";
import { checkFormula, type CheckedExpression, ExpressionError, type ExprObject, type ExprScope } from "@guanxi/expr";
import { relationOf } from "./relations.ts";
import { definitionError, pointer, Report } from "./report.ts";
import type { ObjectType, Snapshot } from "./types.ts";

/** Where an expression may leave its record: over references, and to the records under relations. */
export const walkScope = ({ objects }: Snapshot): Required<Pick<ExprScope, "object" | "related">> => ({
  object: (name) => objects.get(name),
  related({ name }, relation) {
    const object = objects.get(name);
    return object && objects.get(relationOf(object, relation)?.object ?? "");
  },
});

/** An object whose formulas are names like any other. */
export const withoutFormulas = (object: ExprObject): ExprObject => ({
  name: object.name,
  fieldType: (field) => object.fieldType(field),
  fieldNames: () => object.fieldNames?.() ?? [],
  whyNot: (field) => object.whyNot?.(field),
});

/** What names mean where an expression may leave its record, with formulas as names like any other: for what the expression itself says. */
export function plainScope(snapshot: Snapshot, object: ObjectType): ExprScope {
  const { object: find, related } = walkScope(snapshot);
  const plain = (found: ExprObject | undefined): ExprObject | undefined => found && withoutFormulas(found);
  const user = plain(snapshot.objects.get("user"));
  return {
    record: withoutFormulas(object),
    ...(user ? { user } : {}),
    object: (name) => plain(find(name)),
    related: (from, relation) => plain(related(from, relation)),
  };
}

const checked = perKey((snapshot: Snapshot) =>
  perKey((object: ObjectType) => {
    const known = new Map<string, CheckedExpression>();
    return (name: string): CheckedExpression => {
      const formula = known.get(name) ?? checkFormula(object, name, walkScope(snapshot));
      known.set(name, formula);
      return formula;
    };
  }),
);

/**
 * A formula of the object as an expression over its record. It was accepted when it was stored; what a hand has broken since
 * is told to whoever comes across it, as GuanxiError DEFINITION.
 */
export function formulaOf(snapshot: Snapshot, object: ObjectType, name: string): CheckedExpression {
  try {
    return checked(snapshot)(object)(name);
  } catch (e) {
    if (!(e instanceof ExpressionError)) throw e;
    const report = new Report(object.name);
    report.add(pointer("properties", name, "formula"), "expression", {}, { text: e.text, position: e.position });
    throw definitionError(report.issues);
  }
}

/** What an index on these fields is made of: where it differs, the index is another. Columns are known by their ids. */
export function indexedAs(snapshot: Snapshot, object: ObjectType, names: readonly string[]): string {
  const one = (name: string): unknown => {
    const field = object.fields.get(name);
    if (!field?.formula) return field?.id;
    const { root, paths } = formulaOf(snapshot, object, name);
    const columns = paths.map(([own = ""]) => {
      const column = object.fields.get(own);
      return [own, column?.id, column?.column?.sqlType];
    });
    const { timeZone, fiscalYearStart } = snapshot.settings;
    return [root, columns, timeZone, fiscalYearStart];
  };
  return JSON.stringify(names.map(one), written);
}

/** Where a node stands in its source makes no difference. */
const written = (key: string, value: unknown): unknown =>
  key === "at" ? undefined : typeof value === "bigint" ? String(value) : value;
