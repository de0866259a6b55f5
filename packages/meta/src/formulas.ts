import { perKey } from "@guanxi/base";
import { checkFormula, type CheckedExpression, ExpressionError } from "@guanxi/expr";
import { definitionError, pointer, Report } from "./report.ts";
import type { ObjectType, Snapshot } from "./types.ts";

const checked = perKey((snapshot: Snapshot) =>
  perKey((object: ObjectType) => {
    const known = new Map<string, CheckedExpression>();
    return (name: string): CheckedExpression => {
      const formula = known.get(name) ?? checkFormula(object, name, { object: (other) => snapshot.objects.get(other) });
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
