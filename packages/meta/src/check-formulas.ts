import { type Text, text } from "@guanxi/base";
import { checkFormula, type CheckedExpression, ExpressionError, type ExprScope } from "@guanxi/expr";
import type { ObjectCore } from "./object-core.ts";
import { incomingReferences, relationOf } from "./relations.ts";
import { pointer, type Report } from "./report.ts";
import type { Field, FormulaField } from "./types.ts";

/**
 * References that the formulas of one object may follow, all together. Whoever reads whole records joins as many tables, and
 * one request may follow twice as many, so that as many are left for what it asks for besides.
 */
export const mostFormulaWalks = 12;

/** Tests of related records in the formulas of one object, all together: whoever reads a page asks each of them of every record. */
const mostFormulaTests = 12;

/** What the formulas of one object may come to, all together: the statement that reads whole records holds it, at some 50 bytes each. */
const mostFormulaParts = 10_000;

/** A B-tree entry of PostgreSQL holds 2,704 bytes; a character takes up to 4. */
const mostIndexedCharacters = 640;

type Reports = ReadonlyMap<ObjectCore, Report>;
type Cores = ReadonlyMap<string, ObjectCore>;
type Incoming = ReturnType<typeof incomingReferences>;
type Walks = Pick<ExprScope, "object" | "related">;

/** Checks the formulas of each object that is new, or that they may lead from to one that is. `known` have been checked before. */
export function checkFormulas(cores: readonly ObjectCore[], known: ReadonlySet<ObjectCore>, reports: Reports): void {
  if (!cores.some((core) => core.hasFormulas)) return;
  const byName = new Map(cores.map((core) => [core.name, core]));
  const incoming = incomingReferences(cores);
  const walks = walksBetween(byName, incoming);
  for (const core of cores) {
    const report = reports.get(core);
    if (!report || !core.hasFormulas || reached(core, byName, incoming).every((other) => known.has(other))) continue;
    checkObject(core, walks, known.has(core), report);
  }
}

const walksBetween = (byName: Cores, incoming: Incoming): Walks => ({
  object: (name) => byName.get(name),
  related({ name }, relation) {
    const [core, references = []] = [byName.get(name), incoming.get(name)];
    return core && byName.get(relationOf({ fields: core.parts.fields, incoming: references }, relation)?.object ?? "");
  },
});

/** The object and all that formulas may lead to from it: over references, and from those with tests of related records also back. */
function reached(core: ObjectCore, byName: Cores, incoming: Incoming): readonly ObjectCore[] {
  const found = new Set([core]);
  for (const { name, references, testsRelated } of found) {
    const back = testsRelated ? (incoming.get(name) ?? []) : [];
    for (const other of ["user", ...references.map((r) => r.target), ...back.map((r) => r.object)]) {
      const target = byName.get(other);
      if (target) found.add(target);
    }
  }
  return [...found];
}

function checkObject(
  core: ObjectCore,
  scope: Walks,
  /** Whether the definition is one that the caller has not sent. */
  elsewhere: boolean,
  report: Report,
): void {
  const walks = new Set<string>();
  let parts = 0;
  let tests = 0;
  for (const field of core.parts.formulas) {
    const path = pointer("properties", field.name, "formula");
    const tell = (fault: Text, place = path, position?: number): void => {
      const told = elsewhere ? wouldBreak(`${core.name}.${field.name}`, fault) : fault;
      const code = position === undefined ? "definition" : "expression";
      report.add(place, code, { field: field.name }, { text: told, ...(position === undefined ? {} : { position }) });
    };
    try {
      const formula = checkFormula(core, field.name, scope);
      for (const walk of formula.walks) walk.forEach((_, i) => walks.add(walk.slice(0, i + 1).join(".")));
      parts += formula.formulaParts;
      tests += formula.related.length;
      if (walks.size > mostFormulaWalks) return tell(tooManyWalks());
      if (tests > mostFormulaTests) return tell(tooManyTests());
      if (parts > mostFormulaParts) return tell(tooManyParts());
      const unfit = field.definition.index === true ? notIndexable(core, field, formula) : undefined;
      if (unfit) tell(unfit, pointer("properties", field.name, "index"));
    } catch (e) {
      if (!(e instanceof ExpressionError)) throw e;
      tell(e.text, path, e.position);
    }
  }
}

const wouldBreak = (formula: string, { en, "zh-CN": cn = en, "zh-TW": tw = en }: Text): Text =>
  text(`the formula ${formula} would break: ${en}`, `公式 ${formula} 将失效：${cn}`, `公式 ${formula} 將失效：${tw}`);

const tooManyWalks = (): Text =>
  text(
    `the formulas of one object follow ${mostFormulaWalks} references at most, all together`,
    `一个对象的所有公式合计最多跟随 ${mostFormulaWalks} 个引用`,
    `一個物件的所有公式合計最多跟隨 ${mostFormulaWalks} 個參照`,
  );

const tooManyTests = (): Text =>
  text(
    `the formulas of one object test related records ${mostFormulaTests} times at most, all together`,
    `一个对象的所有公式对关联记录的判断合计最多 ${mostFormulaTests} 次`,
    `一個物件的所有公式對關聯記錄的判斷合計最多 ${mostFormulaTests} 次`,
  );

const tooManyParts = (): Text =>
  text(
    `the formulas of one object have ${mostFormulaParts} parts at most, all together`,
    `一个对象的所有公式合计最多 ${mostFormulaParts} 个组成部分`,
    `一個物件的所有公式合計最多 ${mostFormulaParts} 個組成部分`,
  );

function notIndexable(core: ObjectCore, field: FormulaField, formula: CheckedExpression): Text | undefined {
  if (formula.related.length > 0)
    return text(
      "a formula that tests related records cannot be indexed: they may change without this record",
      "判断关联记录的公式不能建索引：关联记录可能在本记录不变时变化",
      "判斷關聯記錄的公式不能建索引：關聯記錄可能在本記錄不變時變化",
    );
  if (formula.walks.length > 0)
    return text(
      "a formula that follows references cannot be indexed: what it finds there may change",
      "跟随引用的公式不能建索引：所引用的内容可能变化",
      "跟隨參照的公式不能建索引：所參照的內容可能變化",
    );
  if (formula.usesNow)
    return text(
      "a formula of now or today cannot be indexed: it changes by itself",
      "使用 now 或 today 的公式不能建索引：其值会自行变化",
      "使用 now 或 today 的公式不能建索引：其值會自行變化",
    );
  if (field.exprType.kind !== "text" || longest(formula.root, core.parts.fields) <= mostIndexedCharacters)
    return undefined;
  return text(
    `a text formula is indexed only where maxLength of the fields it joins keeps it to ${mostIndexedCharacters} characters`,
    `文本公式只有在所用字段的 maxLength 合计不超过 ${mostIndexedCharacters} 个字符时才能建索引`,
    `文字公式只有在所用欄位的 maxLength 合計不超過 ${mostIndexedCharacters} 個字元時才能建索引`,
  );
}

type Node = CheckedExpression["root"];

/** Characters that a text may come to have. */
function longest(node: Node, fields: ReadonlyMap<string, Field>): number {
  if (node.node === "literal") return typeof node.value === "string" ? node.value.length : 0;
  if (node.node === "formula") return longest(node.body, fields);
  if (node.node === "field" && node.branches) return Math.max(...node.branches.map(({ target }) => target.length));
  if (node.node === "field") return longestValue(fields.get(node.path[0] ?? ""));
  if (node.node !== "call") return Infinity;
  const texts = node.args.filter((arg) => arg.type.kind === "text").map((arg) => longest(arg, fields));
  return node.operation === "join" ? texts.reduce((sum, n) => sum + n, 0) : Math.max(...texts);
}

function longestValue(field: Field | undefined): number {
  if (field?.values) return Math.max(0, ...field.values.map((v) => v.value.length));
  return (field?.schema["maxLength"] as number | undefined) ?? Infinity;
}
