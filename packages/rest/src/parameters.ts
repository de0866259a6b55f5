import { GuanxiError, isObject, type Issue, type Text, text } from "@guanxi/base";
import type { AggregateParameters, ListParameters, ObjectRight, ReadOptions, RestoreOptions } from "@guanxi/kernel";
import { defaultLimit, maxLimit } from "@guanxi/query";
import { notYet } from "./call.ts";

/** A query parameter: how it is documented and how its value is read, from a query's text or from JSON. */
export interface Parameter {
  readonly name: string;
  /** Its name among the shared parameters of OpenAPI, where one name may stand for two. */
  readonly key: string;
  readonly description: Text;
  readonly schema: Readonly<Record<string, unknown>>;
  /** Callers without it on the object have no use for the parameter. */
  readonly right?: ObjectRight;
  /** → the value, or an issue. `raw` is text in a query and any value in JSON. */
  read(raw: unknown): { readonly value: unknown } | Issue;
}

const wrong = (path: string, type: string): Issue => ({ path, code: "type", params: { type } });

function textParameter(name: string, description: Text): Parameter {
  return {
    name,
    key: name,
    description,
    schema: { type: "string" },
    read: (raw) => {
      if (typeof raw !== "string") return wrong(name, "text");
      return raw.includes("\0") || !raw.isWellFormed() ? { path: name, code: "characters" } : { value: raw };
    },
  };
}

function choice(name: string, values: Readonly<Record<string, unknown>>, description: Text): Parameter {
  const words = Object.keys(values);
  return {
    name,
    key: name,
    description,
    schema: { type: "string", enum: words },
    read: (raw) => {
      const word = typeof raw === "boolean" ? String(raw) : raw;
      return typeof word === "string" && Object.hasOwn(values, word)
        ? { value: values[word] }
        : { path: name, code: "enum", params: { values: words.join(", ") } };
    },
  };
}

function wholeNumber(name: string, minimum: number, maximum: number, description: Text, preset?: number): Parameter {
  return {
    name,
    key: name,
    description,
    schema: { type: "integer", minimum, maximum, ...(preset === undefined ? {} : { default: preset }) },
    read: (raw) => {
      const value = typeof raw === "string" && /^-?\d{1,15}$/.test(raw) ? Number(raw) : raw;
      if (!Number.isSafeInteger(value)) return wrong(name, "integer");
      if (Number(value) < minimum) return { path: name, code: "minimum", params: { limit: minimum } };
      return Number(value) > maximum ? { path: name, code: "maximum", params: { limit: maximum } } : { value };
    },
  };
}

const select = textParameter(
  "select",
  text(
    "Fields of the answer, instead of all that its schema has: name,owner.name,account.*",
    "返回的字段（默认返回模式中的全部字段）：name,owner.name,account.*",
    "回傳的欄位（預設回傳結構描述中的全部欄位）：name,owner.name,account.*",
  ),
);
const expand = textParameter(
  "expand",
  text(
    "References, and lists of them, that become objects where the schema has ids: account,owner",
    "展开为对象（模式中为 id）的引用及引用列表：account,owner",
    "展開為物件（結構描述中為 id）的參照及參照清單：account,owner",
  ),
);
const filter = textParameter("filter", text("A CEL condition on the records", "CEL 筛选条件", "CEL 篩選條件"));
const order = textParameter(
  "order",
  text("Sort by: -created_at,name", "排序：-created_at,name", "排序：-created_at,name"),
);
const cursor = textParameter("cursor", text("The `next` of the page before", "上一页的 `next`", "上一頁的 `next`"));
const page = wholeNumber("limit", 1, maxLimit, text("Rows of a page", "每页行数", "每頁列數"), defaultLimit);
const count = choice(
  "count",
  { exact: "exact" },
  text("Also count all that match", "同时统计匹配总数", "同時統計符合總數"),
);
const deleted = choice(
  "deleted",
  { only: "only" },
  text("Deleted records instead of live ones", "仅显示已删除的记录", "僅顯示已刪除的記錄"),
);
const group = textParameter(
  "group",
  text(
    "Group by: status,month(created_at),owner.name",
    "分组：status,month(created_at),owner.name",
    "分組：status,month(created_at),owner.name",
  ),
);
const metrics = textParameter(
  "metrics",
  text("What to compute: count(),sum(amount)", "统计指标：count(),sum(amount)", "統計指標：count(),sum(amount)"),
);
const having = textParameter("having", text("A CEL condition on the groups", "对分组的 CEL 条件", "對分組的 CEL 條件"));
// PostgreSQL's own bound for what a client can count; groups are not cut off below it.
const rows: Parameter = {
  ...wholeNumber(
    "limit",
    1,
    2 ** 31 - 1,
    text("Rows of the answer; all without it", "返回行数；不填则返回全部", "回傳列數；不填則回傳全部"),
  ),
  key: "rows",
};
const atomic = choice(
  "atomic",
  { true: true, false: false },
  text(
    "For arrays: all rows or none (true), or each alone (false)",
    "数组：全部成功或全部失败（true），或逐行处理（false）",
    "陣列：全部成功或全部失敗（true），或逐列處理（false）",
  ),
);
const allow = textParameter(
  "allow",
  text(
    "Data that may be lost, by comma: drop:property.fee, convert:property.viewed",
    "允许丢失的数据，以逗号分隔：drop:property.fee, convert:property.viewed",
    "允許遺失的資料，以逗號分隔：drop:property.fee, convert:property.viewed",
  ),
);

/** A set of parameters that one call takes; the type says what reading them gives. */
export interface Parameters<T> {
  readonly all: readonly Parameter[];
  readonly result?: T;
}

export const listParameters: Parameters<ListParameters> = {
  all: [select, filter, order, page, cursor, count, expand, deleted],
};
export const aggregateParameters: Parameters<AggregateParameters> = {
  all: [group, metrics, filter, having, order, rows],
};
export const readParameters: Parameters<ReadOptions> = { all: [select, expand] };
export const historyParameters: Parameters<{ limit?: number; cursor?: string }> = { all: [page, cursor] };
export const arrayParameters: Parameters<{ atomic?: boolean }> = { all: [atomic] };
export const deleteParameters: Parameters<{ purge?: boolean }> = {
  all: [
    {
      ...choice(
        "purge",
        { true: true, false: false },
        text(
          "true: for good, also a record that is deleted already; needs the right `purge` as well",
          "true：永久删除（包括已删除的记录）；还需要 `purge` 权限",
          "true：永久刪除（包括已刪除的記錄）；還需要 `purge` 權限",
        ),
      ),
      right: "purge",
    },
  ],
};
export const allowParameters: Parameters<{ allow?: string }> = { all: [allow] };
export const layerParameters: Parameters<{ layer?: "base" | "extension" }> = {
  all: [
    choice(
      "layer",
      { base: "base", extension: "extension" },
      text(
        "Only what the plugin brings (base), or only what the tenant adds (extension)",
        "仅插件提供的部分（base），或仅租户添加的部分（extension）",
        "僅外掛提供的部分（base），或僅租戶新增的部分（extension）",
      ),
    ),
  ],
};
export const restoreParameters: Parameters<RestoreOptions> = {
  all: [
    textParameter("tenant", text("The one tenant to restore", "要恢复的租户", "要還原的租戶")),
    textParameter("as", text("Its new id", "新的租户标识", "新的租戶識別碼")),
  ],
};
export const recalculateParameters: Parameters<{ field?: string }> = {
  all: [textParameter("field", text("The one roll-up to compute", "要重新计算的汇总字段", "要重新計算的彙總欄位"))],
};
export const uploadParameters: Parameters<{ name?: string }> = {
  all: [
    textParameter(
      "name",
      text("The file's name, as in name=contract.pdf", "文件名，例如 name=合同.pdf", "檔名，例如 name=合約.pdf"),
    ),
  ],
};
export const noParameters: Parameters<object> = { all: [] };

/** Named by the contract for later; refused by name until then. */
const reserved: ReadonlySet<string> = new Set(["q", "as_of", "for"]);

const unknown = (parameter: string): Issue => ({
  path: parameter,
  code: "parameter",
  text: text('there is no parameter "{parameter}"', "没有参数“{parameter}”", "沒有參數「{parameter}」"),
  params: { parameter },
});
const repeated = (parameter: string): Issue => ({
  path: parameter,
  code: "parameter",
  text: text("is given more than once", "重复给出", "重複給出"),
});

/** QUERY lists every parameter of a query that is not among these `names` or comes twice; NOT_YET names one that comes later. */
export function refuseOtherNames(query: URLSearchParams, names: ReadonlySet<string>): void {
  const issues: Issue[] = [];
  for (const name of new Set(query.keys())) {
    if (!names.has(name) && reserved.has(name)) throw notYet(name);
    if (!names.has(name)) issues.push(unknown(name));
    else if (query.getAll(name).length > 1) issues.push(repeated(name));
  }
  if (issues.length > 0) throw new GuanxiError("QUERY", { issues });
}

/** Reads a query. QUERY lists every unknown, repeated or unfit parameter; NOT_YET names one that comes later. */
export function readFromQuery<T>(query: URLSearchParams, accepted: Parameters<T>): T {
  const pairs = [...query];
  const twice = pairs.map(([name]) => name).filter((name, i, names) => names.indexOf(name) !== i);
  return readPairs(pairs, accepted, [...new Set(twice)].map(repeated));
}

/** The same from a JSON object. */
export function readFromBody<T>(body: unknown, accepted: Parameters<T>): T {
  if (!isObject(body)) throw new GuanxiError("VALIDATION", { issues: [wrong("", "object")] });
  return readPairs(Object.entries(body), accepted, []);
}

function readPairs<T>(
  pairs: readonly (readonly [string, unknown])[],
  accepted: Parameters<T>,
  found: readonly Issue[],
): T {
  const issues = [...found];
  const values: Record<string, unknown> = {};
  for (const [name, raw] of pairs) {
    const parameter = accepted.all.find((p) => p.name === name);
    if (!parameter && reserved.has(name)) throw notYet(name);
    const read = parameter ? parameter.read(raw) : unknown(name);
    if ("value" in read) values[name] = read.value;
    else issues.push(read);
  }
  if (issues.length > 0) throw new GuanxiError("QUERY", { issues });
  return values as T;
}
