import type { CheckedExpression } from "@guanxi/expr";
import { pointer, type Report } from "../report.ts";
import type { Field, ComputedDefault, StoredField } from "../types.ts";
import { readExpression, type RuleSource } from "./source.ts";

const placeOf = (name: string): string => pointer("properties", name, "defaultFormula");

/** The computed defaults, each behind those that it uses. Faults, and defaults that use each other in a circle, are reported. */
export function compileDefaults(source: RuleSource): readonly ComputedDefault[] {
  const defaults = new Map<string, ComputedDefault>();
  for (const [name, { defaultFormula }] of Object.entries(source.definition.properties)) {
    const field = source.fields.get(name);
    const expression = defaultFormula === undefined || !field ? undefined : read(field, defaultFormula, source);
    if (field && expression)
      defaults.set(name, { field, expression, currencies: currenciesOf(field, expression, source) });
  }
  return inOrder(defaults, source.report);
}

function read(field: Field, formula: string, source: RuleSource): CheckedExpression | undefined {
  const path = placeOf(field.name);
  const { kind } = field.exprType;
  const expression = readExpression(formula, source, { path, old: false, kind });
  if (expression === undefined) return undefined;
  const used = expression.paths.map(([first = ""]) => source.fields.get(first));
  // Of any other type is what asks whether it is there.
  if (isSecret(field) || (kind === "json" && used.some(isSecret))) saySecret(path, source.report);
  const late = used.find(isKnownLate);
  if (late !== undefined) sayLate(late.name, path, source.report);
  const { type } = expression;
  if (field.branches && !leadsToOne(expression, field.branches)) sayUnknownObject(path, source.report);
  if (type.kind === "ref" && field.target !== undefined && type.target !== field.target) {
    const given = type.branches?.map(({ target }) => target).join(" / ") ?? type.target;
    source.report.say(
      path,
      `must give a ${field.target}, but gives a ${given}`,
      `结果必须是 ${field.target}，实际为 ${given}`,
      `結果必須是 ${field.target}，實際為 ${given}`,
    );
  }
  return expression;
}

/** Whether it is known, of which of the objects the record is that the default names. */
function leadsToOne({ root }: CheckedExpression, branches: readonly StoredField[]): boolean {
  if (root.node !== "field" || root.type.kind !== "ref") return false;
  const targets = root.branches?.map(({ target }) => target) ?? [root.type.target];
  return targets.every((target) => branches.some((branch) => branch.target === target));
}

const sayUnknownObject = (path: string, report: Report): void =>
  report.say(
    path,
    "must be a reference to one or several of these objects, as it stands on the record or the user",
    "必须是记录或用户上指向这些对象之一的引用字段",
    "必須是記錄或使用者上指向這些物件之一的參照欄位",
  );

const currenciesOf = (field: Field, expression: CheckedExpression, { fields }: RuleSource): readonly string[] =>
  field.currencyField === undefined
    ? []
    : expression.paths.flatMap(([first = ""]) => fields.get(first)?.currencyField ?? []);

/** Known only once the record is stored. */
const isKnownLate = (field: Field | undefined): boolean =>
  field !== undefined && (["id", "deleted_at"].includes(field.name) || field.type === "autonumber");

/** What readers see a mask of, or nothing. Its text would go from one field to another that shows it. */
const isSecret = (field: Field | undefined): boolean => field?.shown !== undefined || field?.unread === true;

const saySecret = (path: string, report: Report): void =>
  report.say(
    path,
    "nothing can be computed of or for an encrypted text or a write-only field",
    "加密文本和只写字段不能用于计算，也不能由计算得出",
    "加密文字和唯寫欄位不能用於計算，也不能由計算得出",
  );

const sayLate = (name: string, path: string, report: Report): void =>
  report.say(
    path,
    `"${name}" is not known before the record is stored`,
    `保存之前还没有“${name}”`,
    `儲存之前還沒有「${name}」`,
  );

function inOrder(defaults: ReadonlyMap<string, ComputedDefault>, report: Report): readonly ComputedDefault[] {
  const ordered = new Set<ComputedDefault>();
  const visit = (name: string, way: readonly string[]): void => {
    const formula = defaults.get(name);
    if (formula === undefined || ordered.has(formula)) return;
    const from = way.indexOf(name);
    if (from >= 0) return sayCircle([...way.slice(from), name], report);
    for (const [first = ""] of formula.expression.paths) visit(first, [...way, name]);
    ordered.add(formula);
  };
  for (const name of defaults.keys()) visit(name, []);
  return [...ordered];
}

function sayCircle(way: readonly string[], report: Report): void {
  const circle = way.join(" → ");
  report.say(placeOf(way[0] ?? ""), `goes in a circle: ${circle}`, `循环引用：${circle}`, `循環參照：${circle}`);
}
