import { perKey } from "@guanxi/base";
import { checkFormula, type CheckedExpression, ExpressionError } from "@guanxi/expr";
import type { ObjectCore } from "./object-core.ts";
import { definitionError, pointer, Report } from "./report.ts";
import type { Field, FormulaField, ObjectType, Snapshot } from "./types.ts";

/**
 * References that the formulas of one object may follow, all together. Whoever reads whole records joins as many tables, and
 * one request may follow twice as many, so that as many are left for what it asks for besides.
 */
export const mostFormulaWalks = 12;

/** What the formulas of one object may come to, all together: the statement that reads whole records holds it, at some 50 bytes each. */
const mostFormulaParts = 10_000;

/** A B-tree entry of PostgreSQL holds 2,704 bytes; a character takes up to 4. */
const mostIndexedCharacters = 640;

type Reports = ReadonlyMap<ObjectCore, Report>;

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

/** Checks the formulas of each object that is new, or that references lead from to one that is. `known` have been checked before. */
export function checkFormulas(cores: readonly ObjectCore[], known: ReadonlySet<ObjectCore>, reports: Reports): void {
  const byName = new Map(cores.map((core) => [core.name, core]));
  for (const core of cores) {
    const report = reports.get(core);
    if (!report || !core.hasFormulas || reached(core, byName).every((other) => known.has(other))) continue;
    checkObject(core, byName, known.has(core), report);
  }
}

/** The object and all that references lead to from it. */
function reached(core: ObjectCore, byName: ReadonlyMap<string, ObjectCore>): readonly ObjectCore[] {
  const found = new Set([core]);
  for (const { references } of found)
    for (const name of ["user", ...references.map((r) => r.target)]) {
      const target = byName.get(name);
      if (target) found.add(target);
    }
  return [...found];
}

function checkObject(
  core: ObjectCore,
  byName: ReadonlyMap<string, ObjectCore>,
  /** Whether the definition is one that the caller has not sent. */
  elsewhere: boolean,
  report: Report,
): void {
  const walks = new Set<string>();
  let parts = 0;
  for (const field of core.parts.formulas) {
    const path = pointer("properties", field.name, "formula");
    try {
      const formula = checkFormula(core, field.name, { object: (name) => byName.get(name) });
      for (const walk of formula.walks) walk.forEach((_, i) => walks.add(walk.slice(0, i + 1).join(".")));
      parts += formula.formulaParts;
      if (walks.size > mostFormulaWalks) return sayWalks(path, report);
      if (parts > mostFormulaParts) return sayParts(path, report);
      if (field.definition.index === true) checkIndex(core, field, formula, report);
      checkCurrency(core, byName, formula, path, report);
    } catch (e) {
      if (!(e instanceof ExpressionError)) throw e;
      const place = `${core.name}.${field.name}`;
      const { en, "zh-CN": cn = en, "zh-TW": tw = en } = e.text;
      const text = elsewhere
        ? {
            en: `the formula ${place} would break: ${en}`,
            "zh-CN": `公式 ${place} 将失效：${cn}`,
            "zh-TW": `公式 ${place} 將失效：${tw}`,
          }
        : e.text;
      report.add(path, "expression", { field: field.name }, { text, position: e.position });
    }
  }
}

/** What is computed of an amount is in its currency, so that amounts of several would give one of none. */
function checkCurrency(
  core: ObjectCore,
  byName: ReadonlyMap<string, ObjectCore>,
  { type, paths }: CheckedExpression,
  path: string,
  report: Report,
): void {
  const codes = new Set(paths.flatMap((p) => currencyAt(core, p, byName) ?? []));
  if (type.kind !== "decimal" || codes.size < 2) return;
  const all = [...codes].join(", ");
  report.say(
    path,
    `is of amounts that may be in different currencies: ${all}`,
    `使用了可能币种不同的金额：${all}`,
    `使用了可能幣別不同的金額：${all}`,
  );
}

/** The path of the field that says in which currency the amount is at the end of a path. */
function currencyAt(
  core: ObjectCore,
  path: readonly string[],
  byName: ReadonlyMap<string, ObjectCore>,
): string | undefined {
  let object: ObjectCore | undefined = core;
  for (const step of path.slice(0, -1)) object = byName.get(object?.parts.fields.get(step)?.target ?? "");
  const code = object?.parts.fields.get(path.at(-1) ?? "")?.currencyField;
  return code === undefined ? undefined : [...path.slice(0, -1), code].join(".");
}

const sayWalks = (path: string, report: Report): void =>
  report.say(
    path,
    `the formulas of one object follow ${mostFormulaWalks} references at most, all together`,
    `一个对象的所有公式合计最多跟随 ${mostFormulaWalks} 个引用`,
    `一個物件的所有公式合計最多跟隨 ${mostFormulaWalks} 個參照`,
  );

const sayParts = (path: string, report: Report): void =>
  report.say(
    path,
    `the formulas of one object have ${mostFormulaParts} parts at most, all together`,
    `一个对象的所有公式合计最多 ${mostFormulaParts} 个组成部分`,
    `一個物件的所有公式合計最多 ${mostFormulaParts} 個組成部分`,
  );

function checkIndex(core: ObjectCore, field: FormulaField, formula: CheckedExpression, report: Report): void {
  const path = pointer("properties", field.name, "index");
  if (formula.walks.length > 0) {
    report.say(
      path,
      "a formula that follows references cannot be indexed: what it finds there may change",
      "跟随引用的公式不能建索引：所引用的内容可能变化",
      "跟隨參照的公式不能建索引：所參照的內容可能變化",
    );
  } else if (formula.usesNow) {
    report.say(
      path,
      "a formula of now or today cannot be indexed: it changes by itself",
      "使用 now 或 today 的公式不能建索引：其值会自行变化",
      "使用 now 或 today 的公式不能建索引：其值會自行變化",
    );
  } else if (field.exprType.kind === "text" && longest(formula.root, core.parts.fields) > mostIndexedCharacters) {
    report.say(
      path,
      `a text formula is indexed only where maxLength of the fields it joins keeps it to ${mostIndexedCharacters} characters`,
      `文本公式只有在所用字段的 maxLength 合计不超过 ${mostIndexedCharacters} 个字符时才能建索引`,
      `文字公式只有在所用欄位的 maxLength 合計不超過 ${mostIndexedCharacters} 個字元時才能建索引`,
    );
  }
}

type Node = CheckedExpression["root"];

/** Characters that a text may come to have. */
function longest(node: Node, fields: ReadonlyMap<string, Field>): number {
  if (node.node === "literal") return typeof node.value === "string" ? node.value.length : 0;
  if (node.node === "formula") return longest(node.body, fields);
  if (node.node === "field") return longestValue(fields.get(node.path[0] ?? ""));
  if (node.node !== "call") return Infinity;
  const texts = node.args.filter((arg) => arg.type.kind === "text").map((arg) => longest(arg, fields));
  return node.operation === "join" ? texts.reduce((sum, n) => sum + n, 0) : Math.max(...texts);
}

function longestValue(field: Field | undefined): number {
  if (field?.values) return Math.max(0, ...field.values.map((v) => v.value.length));
  return (field?.schema["maxLength"] as number | undefined) ?? Infinity;
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
