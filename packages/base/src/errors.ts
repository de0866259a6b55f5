import { type Locale, type Text, render, text } from "./i18n.ts";

/** Every error an API answer can carry: HTTP status and title. The key is the stable `code` without its `GX-`. */
export const errorCatalogue = {
  MALFORMED: { status: 400, title: text("The request cannot be read", "请求无法读取", "請求無法讀取") },
  QUERY: { status: 400, title: text("The query is not valid", "查询无效", "查詢無效") },
  IDEMPOTENCY_KEY: {
    status: 422,
    title: text(
      "This Idempotency-Key belongs to another request",
      "此 Idempotency-Key 已用于另一个请求",
      "此 Idempotency-Key 已用於另一個請求",
    ),
  },
  EXPRESSION: { status: 422, title: text("The expression is not valid", "表达式无效", "運算式無效") },
  UNAUTHENTICATED: {
    status: 401,
    title: text("A valid API key is needed", "需要有效的 API 密钥", "需要有效的 API 金鑰"),
  },
  FORBIDDEN: { status: 403, title: text("You may not do this", "您无权执行此操作", "您無權執行此操作") },
  NOT_FOUND: { status: 404, title: text("Nothing here", "未找到", "找不到") },
  METHOD: {
    status: 405,
    title: text("This address does not take that method", "该地址不支持此方法", "此位址不支援該方法"),
  },
  CONFLICT: { status: 409, title: text("The change conflicts with what is there", "与现有数据冲突", "與現有資料衝突") },
  IN_FLIGHT: {
    status: 409,
    title: text(
      "The first request with this Idempotency-Key is still under way",
      "使用此 Idempotency-Key 的首个请求仍在处理中",
      "使用此 Idempotency-Key 的首個請求仍在處理中",
    ),
  },
  ANSWER_LOST: {
    status: 409,
    title: text(
      "The first request with this Idempotency-Key left no answer that could be given again",
      "使用此 Idempotency-Key 的首个请求没有可再次返回的响应",
      "使用此 Idempotency-Key 的首個請求沒有可再次回傳的回應",
    ),
  },
  DATA_LOSS: { status: 409, title: text("The change would lose data", "此更改会丢失数据", "此變更會遺失資料") },
  PRECONDITION: {
    status: 412,
    title: text("It has changed since you read it", "内容已被更改", "內容已被變更"),
  },
  TOO_LARGE: { status: 413, title: text("The body is too large", "请求体过大", "請求內容過大") },
  MEDIA_TYPE: { status: 415, title: text("This content type is not accepted", "不支持的内容类型", "不支援的內容類型") },
  RANGE: {
    status: 416,
    title: text("The file has no such bytes", "文件中没有该字节范围", "檔案中沒有該位元組範圍"),
  },
  VALIDATION: { status: 422, title: text("Some values are not valid", "部分值无效", "部分值無效") },
  REFUSED: { status: 422, title: text("A rule refused the change", "更改被规则拒绝", "變更被規則拒絕") },
  DEFINITION: { status: 422, title: text("The definition is not valid", "定义无效", "定義無效") },
  NOT_YET: { status: 422, title: text("This is not supported yet", "尚不支持", "尚不支援") },
  SCRIPT: { status: 422, title: text("The script failed", "脚本失败", "腳本失敗") },
  LIMIT: { status: 422, title: text("A limit was exceeded", "超出限制", "超出限制") },
  REPLAY: {
    status: 500,
    title: text("The script took another path on replay", "脚本重放路径不一致", "腳本重放路徑不一致"),
  },
  RATE: { status: 429, title: text("Too many requests", "请求过多", "請求過多") },
  INTERNAL: { status: 500, title: text("Something went wrong on our side", "服务器内部错误", "伺服器內部錯誤") },
  UNAVAILABLE: { status: 503, title: text("Not available right now", "暂时不可用", "暫時無法使用") },
} as const satisfies Record<string, { status: number; title: Text }>;

export type ErrorCode = keyof typeof errorCatalogue;

/** Messages of single faults inside a refused request. `{…}` are filled from the issue's `params`. */
export const issueCatalogue = {
  required: text("is required", "必填", "必填"),
  type: text("must be {type}", "必须是 {type}", "必須是 {type}"),
  unknown: text('there is no field "{field}"', "没有字段“{field}”", "沒有欄位「{field}」"),
  read_only: text("is set by the system and cannot be written", "由系统设置，不能写入", "由系統設定，不能寫入"),
  minimum: text("must be at least {limit}", "不能小于 {limit}", "不能小於 {limit}"),
  maximum: text("must be at most {limit}", "不能大于 {limit}", "不能大於 {limit}"),
  exclusiveMinimum: text("must be more than {limit}", "必须大于 {limit}", "必須大於 {limit}"),
  exclusiveMaximum: text("must be less than {limit}", "必须小于 {limit}", "必須小於 {limit}"),
  multipleOf: text("must be a multiple of {limit}", "必须是 {limit} 的倍数", "必須是 {limit} 的倍數"),
  precision: text(
    "has more digits than the field keeps ({precision} in all, {scale} after the point)",
    "位数超出字段精度（共 {precision} 位，小数 {scale} 位）",
    "位數超出欄位精度（共 {precision} 位，小數 {scale} 位）",
  ),
  minLength: text("must have at least {limit} character(s)", "至少 {limit} 个字符", "至少 {limit} 個字元"),
  maxLength: text("must have at most {limit} character(s)", "最多 {limit} 个字符", "最多 {limit} 個字元"),
  minItems: text("must have at least {limit} entries", "至少 {limit} 项", "至少 {limit} 項"),
  maxItems: text("must have at most {limit} entries", "最多 {limit} 项", "最多 {limit} 項"),
  minProperties: text("must have at least {limit} member(s)", "至少 {limit} 个成员", "至少 {limit} 個成員"),
  maxProperties: text("must have at most {limit} members", "最多 {limit} 个成员", "最多 {limit} 個成員"),
  uniqueItems: text("must not repeat an entry", "不能有重复项", "不能有重複項"),
  pattern: text("must match {pattern}", "必须匹配 {pattern}", "必須符合 {pattern}"),
  format: text("must be a valid {format}", "不是有效的 {format}", "不是有效的 {format}"),
  enum: text("must be one of: {values}", "必须是以下之一：{values}", "必須是以下之一：{values}"),
  const: text("must be {value}", "必须是 {value}", "必須是 {value}"),
  syntax: text("is not valid JSON from here on", "从此处起不是有效的 JSON", "從此處起不是有效的 JSON"),
  schema: text('does not match the schema ("{keyword}")', "不符合模式（“{keyword}”）", "不符合模式（「{keyword}」）"),
  depth: text("is nested deeper than {limit} levels", "嵌套超过 {limit} 层", "巢狀超過 {limit} 層"),
  characters: text(
    "must not contain NUL characters or lone surrogates",
    "不能包含 NUL 字符或孤立代理项",
    "不能包含 NUL 字元或孤立代理項",
  ),
  masked: text(
    "is what is shown in place of the value; leave the field out to keep the value",
    "是用于显示的掩码；要保留原值请不要提交该字段",
    "是用於顯示的遮罩；要保留原值請不要提交該欄位",
  ),
  state: text(
    "cannot go from {from} to {to}; possible: {values}",
    "不能从 {from} 变为 {to}，可选：{values}",
    "不能從 {from} 變為 {to}，可選：{values}",
  ),
  depends: text(
    "does not go with {field} = {by}; possible: {values}",
    "与 {field} = {by} 不符，可选：{values}",
    "與 {field} = {by} 不符，可選：{values}",
  ),
  reference: text("no {target} with this id", "没有此 ID 的 {target}", "沒有此 ID 的 {target}"),
  maxSize: text("must be a file of at most {limit} bytes", "文件不能超过 {limit} 字节", "檔案不能超過 {limit} 位元組"),
  accept: text(
    "must be a file of one of these types: {types}",
    "文件类型必须是以下之一：{types}",
    "檔案類型必須是以下之一：{types}",
  ),
  unique: text("is already taken", "已被占用", "已被使用"),
  rule: text("{message}", "{message}", "{message}"),
  refused: text("{message}", "{message}", "{message}"),
  expression: text("{message}", "{message}", "{message}"),
  script: text("{message}", "{message}", "{message}"),
  definition: text("{message}", "{message}", "{message}"),
  unsupported: text(
    '"{keyword}" has no place in a definition; write out what it stands for',
    "定义中不能使用“{keyword}”，请直接写出其内容",
    "定義中不能使用「{keyword}」，請直接寫出其內容",
  ),
  not_yet: text('"{keyword}" is not supported yet', "尚不支持“{keyword}”", "尚不支援「{keyword}」"),
  in_use: text(
    "is used by {count} {object} record(s)",
    "被 {count} 条 {object} 记录使用",
    "被 {count} 筆 {object} 記錄使用",
  ),
  in_use_deleted: text(
    "is named by {count} deleted {object} record(s), which could be restored",
    "被 {count} 条已删除（仍可恢复）的 {object} 记录引用",
    "被 {count} 筆已刪除（仍可復原）的 {object} 記錄參照",
  ),
  data_loss: text(
    "holds {count} value(s); repeat with allow={allow} to lose them",
    "含有 {count} 个值；如可丢失请加 allow={allow}",
    "含有 {count} 個值；如可捨棄請加 allow={allow}",
  ),
  parameter: text("{message}", "{message}", "{message}"),
} as const satisfies Record<string, Text>;

export type IssueCode = keyof typeof issueCatalogue;

/** One fault: where (JSON pointer into the request body, or a parameter's name), which, and its numbers. */
export interface Issue {
  readonly path: string;
  readonly code: IssueCode;
  readonly params?: Readonly<Record<string, unknown>>;
  /** The message in the words of whoever defined the rule, instead of the catalogue's. */
  readonly text?: Text;
  /** Characters from the start of an expression. */
  readonly position?: number;
  /** 1-based place in a script. */
  readonly line?: number;
  readonly column?: number;
}

export interface ErrorOptions {
  readonly detail?: string;
  readonly issues?: readonly Issue[];
  /** Seconds after which a retry is worthwhile. */
  readonly retryAfter?: number;
  readonly cause?: unknown;
}

/** The only error that crosses a package's border on purpose; everything else is a bug and answers 500. */
export class GuanxiError extends Error {
  readonly code: ErrorCode;
  readonly detail: string | undefined;
  readonly issues: readonly Issue[];
  readonly retryAfter: number | undefined;

  constructor(code: ErrorCode, options: ErrorOptions = {}) {
    super(options.detail ?? errorCatalogue[code].title.en, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "GuanxiError";
    this.code = code;
    this.detail = options.detail;
    this.issues = options.issues ?? [];
    this.retryAfter = options.retryAfter;
  }

  get status(): number {
    return errorCatalogue[this.code].status;
  }
}

export const isGuanxiError = (e: unknown, code?: ErrorCode): e is GuanxiError =>
  e instanceof GuanxiError && (code === undefined || e.code === code);

export function issueMessage(issue: Issue, locale: Locale): string {
  return render(issue.text ?? issueCatalogue[issue.code], locale, issue.params);
}

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail?: string;
  readonly instance: string;
  readonly errors?: readonly {
    path: string;
    code: string;
    message: string;
    position?: number;
    line?: number;
    column?: number;
  }[];
}

/** The error as an RFC 9457 body in the reader's language. `instance` is the request id. */
export function toProblem(error: GuanxiError, locale: Locale, instance: string): Problem {
  return {
    type: `https://guanxi.dev/errors/GX-${error.code}`,
    title: render(errorCatalogue[error.code].title, locale),
    status: error.status,
    code: `GX-${error.code}`,
    ...(error.detail === undefined ? {} : { detail: error.detail }),
    instance,
    ...(error.issues.length === 0
      ? {}
      : {
          errors: error.issues.map((i) => ({
            path: i.path,
            code: i.code,
            message: issueMessage(i, locale),
            ...(i.position === undefined ? {} : { position: i.position }),
            ...(i.line === undefined ? {} : { line: i.line }),
            ...(i.column === undefined ? {} : { column: i.column }),
          })),
        }),
  };
}
