import { isFileObject } from "./field-types/file.ts";
import { type Text, text } from "@guanxi/base";
import { type CheckedExpression, checkExpression, ExpressionError, type Kind } from "@guanxi/expr";
import type { ObjectCore, RollupSource } from "./object-core.ts";
import { pointer, type Report } from "./report.ts";
import type { Rollup, RollupOp, StoredField } from "./types.ts";

interface Read {
  readonly child: ObjectCore;
  readonly reference: StoredField;
  readonly rollup: Rollup;
}

/** An object by its name. */
export type Find = (name: string) => ObjectCore | undefined;

/** Why a roll-up cannot be: at which of its keywords, and where in an expression. */
class Misfit extends Error {
  readonly keyword: "of" | "field" | "filter";
  readonly text: Text;
  readonly position: number | undefined;

  constructor(keyword: Misfit["keyword"], reason: Text, position?: number) {
    super(reason.en);
    this.keyword = keyword;
    this.text = reason;
    this.position = position;
  }
}

/** A roll-up with what it looks at; throws what is wrong with it, which `checkRollups` reports before anything is stored. */
export function readRollup(parent: ObjectCore, source: RollupSource, find: Find): Read {
  const child = find(source.child);
  if (!child)
    throw new Misfit(
      "of",
      text(`there is no object "${source.child}"`, `没有对象“${source.child}”`, `沒有物件「${source.child}」`),
    );
  if (isFileObject(child))
    throw new Misfit(
      "of",
      text(
        "files go by themselves when nothing names them, so no roll-up can look at them",
        "无人引用的文件会自动删除，因此不能汇总文件",
        "無人引用的檔案會自動刪除，因此不能彙總檔案",
      ),
    );
  const named = child.parts.fields.get(source.reference);
  const reference = named?.branches?.find(({ target }) => target === parent.name) ?? named;
  if (
    reference?.column === undefined ||
    reference.type !== "reference" ||
    reference.system ||
    reference.target !== parent.name
  ) {
    const named = `${child.name}.${source.reference}`;
    throw new Misfit(
      "of",
      text(
        `"${named}" is not a reference to ${parent.name}`,
        `“${named}”不是指向 ${parent.name} 的引用`,
        `「${named}」不是指向 ${parent.name} 的參照`,
      ),
    );
  }
  const field = parent.parts.fields.get(source.field) as StoredField;
  const { op, field: name, filter: condition } = field.definition as { op: RollupOp; field?: string; filter?: string };
  const value = op === "count" ? undefined : valueField(child, op, String(name));
  const filter = condition === undefined ? undefined : readFilter(condition, child);
  const names = [reference, ...(value ? [value] : [])].map((f) => f.name);
  const asked = (filter?.paths ?? []).flatMap(([first = ""]) => {
    const branches = child.parts.fields.get(first)?.branches;
    return branches?.map((branch) => branch.name) ?? [first];
  });
  const uses = new Set([...names, ...asked]);
  return { child, reference, rollup: { field, op, value, filter, uses } };
}

const numbers: readonly Kind[] = ["int", "decimal"];
const ordered: readonly Kind[] = [...numbers, "date", "datetime", "time", "duration"];
const takes: Readonly<Record<Exclude<RollupOp, "count">, readonly Kind[]>> = {
  sum: [...numbers, "duration"],
  avg: numbers,
  min: ordered,
  max: ordered,
};

function valueField(child: ObjectCore, op: Exclude<RollupOp, "count">, name: string): StoredField {
  const field = child.parts.fields.get(name);
  const named = `${child.name}.${name}`;
  if (!field)
    throw new Misfit("field", text(`there is no field "${named}"`, `没有字段“${named}”`, `沒有欄位「${named}」`));
  if (field.unread === true)
    throw new Misfit(
      "field",
      text(
        `"${named}" is write-only, and a roll-up of it would be read`,
        `“${named}”是只写字段，其汇总值会被读取`,
        `「${named}」是唯寫欄位，其彙總值會被讀取`,
      ),
    );
  if (field.column === undefined)
    throw new Misfit(
      "field",
      text(
        `"${named}" is a formula, and formulas are not stored; take a field that is`,
        `“${named}”是公式，公式不存储值；请使用存储的字段`,
        `「${named}」是公式，公式不儲存值；請使用儲存的欄位`,
      ),
    );
  if (field.currencyField !== undefined)
    throw new Misfit(
      "field",
      text(
        `amounts of "${named}" are in several currencies, which a roll-up would mix; ask an aggregate, which converts them`,
        `“${named}”的金额有多种币种，汇总字段不能混合；请用聚合查询，它会换算`,
        `「${named}」的金額有多種幣別，彙總欄位不能混合；請用彙總查詢，它會換算`,
      ),
    );
  const kinds = takes[op];
  if (kinds.includes(field.exprType.kind)) return field;
  const all = kinds.join(", ");
  throw new Misfit(
    "field",
    text(
      `${op} takes fields of ${all}; "${named}" is ${field.exprType.kind}`,
      `${op} 只接受 ${all} 类型的字段，“${named}”是 ${field.exprType.kind}`,
      `${op} 只接受 ${all} 類型的欄位，「${named}」是 ${field.exprType.kind}`,
    ),
  );
}

function readFilter(condition: string, child: ObjectCore): CheckedExpression {
  try {
    const filter = checkExpression(condition, { record: child }, "bool");
    if (filter.usesNow)
      throw new Misfit(
        "filter",
        text(
          "cannot ask what time it is: nothing would be written when the answer changes",
          "不能使用当前时间：结果随时间变化时不会有任何写入",
          "不能使用目前時間：結果隨時間變化時不會有任何寫入",
        ),
      );
    return filter;
  } catch (e) {
    if (e instanceof ExpressionError) throw new Misfit("filter", e.text, e.position);
    throw e;
  }
}

/**
 * Reports roll-ups that do not fit what they look at, and those that come back to themselves. Where both objects are `known`,
 * they have been looked at before.
 */
export function checkRollups(
  cores: readonly ObjectCore[],
  known: ReadonlySet<ObjectCore>,
  reports: ReadonlyMap<ObjectCore, Report>,
): void {
  const byName = new Map(cores.map((core) => [core.name, core]));
  const find: Find = (name) => byName.get(name);
  for (const core of cores) {
    for (const source of core.rollups) {
      const child = find(source.child);
      if (known.has(core) && child && known.has(child)) continue;
      try {
        const { rollup } = readRollup(core, source, find);
        refuseRing(`${core.name}.${source.field}`, rollup, source, find, []);
      } catch (e) {
        if (!(e instanceof Misfit)) throw e;
        say(e, `${core.name}.${source.field}`, source, reports.get(core));
      }
    }
  }
}

/** A change is usually refused while another definition is put, so the words name the roll-up. */
function say(
  { keyword, text: reason, position }: Misfit,
  name: string,
  { field }: RollupSource,
  report?: Report,
): void {
  const words = text(
    `roll-up ${name}: ${reason.en}`,
    `汇总字段 ${name}：${reason["zh-CN"]}`,
    `彙總欄位 ${name}：${reason["zh-TW"]}`,
  );
  const place = position === undefined ? {} : { position };
  report?.add(pointer("properties", field, keyword), "definition", { rollup: name }, { text: words, ...place });
}

function refuseRing(start: string, { uses }: Rollup, source: RollupSource, find: Find, way: readonly string[]): void {
  const child = find(source.child);
  for (const next of child?.rollups ?? []) {
    if (!child || !uses.has(next.field)) continue;
    const name = `${child.name}.${next.field}`;
    const ring = [start, ...way, name].join(" → ");
    if (name === start)
      throw new Misfit("of", text(`depends on itself: ${ring}`, `依赖自身：${ring}`, `依賴自身：${ring}`));
    if (!way.includes(name)) refuseRing(start, readRollup(child, next, find).rollup, next, find, [...way, name]);
  }
}
