import { type Text, text } from "@guanxi/base";
import type { ObjectRight, SystemRight } from "@guanxi/kernel";
import { isFileObject, type ObjectType } from "@guanxi/meta";
import type { Answer } from "../answer.ts";
import type { Condition } from "../conditions.ts";
import * as takes from "../parameters.ts";
import type { Tail } from "./address.ts";
import * as files from "./files.ts";
import * as handlers from "./handlers.ts";

/** A row of the table of generated routes: what answers, and what OpenAPI says of it. */
export interface RecordRoute {
  /** Its name in OpenAPI, after the object's: `lead.create`. */
  readonly name: string;
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly tail: Tail;
  /** A caller without all of them has no use for it. */
  readonly rights: readonly ObjectRight[];
  /** Nor one without any of these: what it does with the rest depends on what is there. */
  readonly either?: readonly ObjectRight[];
  readonly system?: SystemRight;
  /** The objects that it is for, where not for all. */
  readonly of?: "files" | "others";
  /** `{title}` is the object's. */
  readonly summary: Text;
  readonly parameters: takes.Parameters<unknown>;
  readonly conditions: readonly Condition[];
  readonly body?: "create or array" | "patch" | "patches" | "list parameters" | "names of fields" | "content";
  readonly answers:
    | "record"
    | "created"
    | "content"
    | "created or rows"
    | "upserted"
    | "rows"
    | "page"
    | "totals"
    | "history"
    | "encrypted fields"
    | "nothing";
  readonly handle: (request: handlers.RecordCall) => Promise<Answer>;
}

const read = { rights: ["read"], conditions: [] } as const;

export const recordRoutes: readonly RecordRoute[] = [
  {
    ...read,
    name: "list",
    method: "GET",
    tail: "",
    summary: text("List {title}", "列出{title}", "列出{title}"),
    parameters: takes.listParameters,
    answers: "page",
    handle: handlers.list,
  },
  {
    name: "create",
    method: "POST",
    tail: "",
    rights: ["create"],
    of: "others",
    summary: text("Create {title}: one, or an array of them", "新建{title}（单条或数组）", "新增{title}（單筆或陣列）"),
    parameters: takes.arrayParameters,
    conditions: [],
    body: "create or array",
    answers: "created or rows",
    handle: handlers.create,
  },
  {
    name: "upload",
    method: "POST",
    tail: "",
    rights: ["create"],
    of: "files",
    summary: text(
      "Upload a file: its content is the body",
      "上传文件（请求体即文件内容）",
      "上傳檔案（請求內容即檔案內容）",
    ),
    parameters: takes.uploadParameters,
    conditions: [],
    body: "content",
    answers: "created",
    handle: files.upload,
  },
  {
    name: "update_many",
    method: "PATCH",
    tail: "",
    rights: ["edit"],
    summary: text("Change several {title}", "批量修改{title}", "批次修改{title}"),
    parameters: takes.arrayParameters,
    conditions: [],
    body: "patches",
    answers: "rows",
    handle: handlers.updateMany,
  },
  {
    ...read,
    name: "query",
    method: "POST",
    tail: "/query",
    summary: text("List {title}, parameters as JSON", "以 JSON 参数列出{title}", "以 JSON 參數列出{title}"),
    parameters: takes.noParameters,
    body: "list parameters",
    answers: "page",
    handle: handlers.listByBody,
  },
  {
    ...read,
    name: "aggregate",
    method: "GET",
    tail: "/aggregate",
    summary: text("Count and sum {title}", "汇总{title}", "彙總{title}"),
    parameters: takes.aggregateParameters,
    answers: "totals",
    handle: handlers.aggregate,
  },
  {
    ...read,
    name: "get_by",
    method: "GET",
    tail: "/by/{field}/{value}",
    summary: text("Get {title} by a unique field", "按唯一字段读取{title}", "按唯一欄位讀取{title}"),
    parameters: takes.readParameters,
    conditions: ["If-None-Match"],
    answers: "record",
    handle: handlers.getBy,
  },
  {
    name: "upsert",
    method: "PUT",
    tail: "/by/{field}/{value}",
    rights: ["read"],
    either: ["create", "edit"],
    summary: text(
      "Create or change {title} by a unique field",
      "按唯一字段新建或修改{title}",
      "按唯一欄位新增或修改{title}",
    ),
    parameters: takes.noParameters,
    conditions: [],
    body: "patch",
    answers: "upserted",
    handle: handlers.upsert,
  },
  {
    ...read,
    name: "get",
    method: "GET",
    tail: "/{id}",
    summary: text("Get {title}", "读取{title}", "讀取{title}"),
    parameters: takes.readParameters,
    conditions: ["If-None-Match"],
    answers: "record",
    handle: handlers.get,
  },
  {
    name: "update",
    method: "PATCH",
    tail: "/{id}",
    rights: ["edit"],
    summary: text("Change {title}", "修改{title}", "修改{title}"),
    parameters: takes.noParameters,
    conditions: ["If-Match"],
    body: "patch",
    answers: "record",
    handle: handlers.update,
  },
  {
    name: "delete",
    method: "DELETE",
    tail: "/{id}",
    rights: ["delete"],
    summary: text("Delete {title}; it can be restored", "删除{title}（可恢复）", "刪除{title}（可復原）"),
    parameters: takes.deleteParameters,
    conditions: ["If-Match"],
    answers: "nothing",
    handle: handlers.remove,
  },
  {
    name: "restore",
    method: "POST",
    tail: "/{id}/restore",
    rights: ["delete"],
    summary: text("Restore deleted {title}", "恢复已删除的{title}", "復原已刪除的{title}"),
    parameters: takes.noParameters,
    conditions: [],
    answers: "record",
    handle: handlers.restore,
  },
  {
    ...read,
    name: "history",
    method: "GET",
    tail: "/{id}/history",
    summary: text("Who changed {title}, when and how", "{title}的修改历史", "{title}的修改歷史"),
    parameters: takes.historyParameters,
    answers: "history",
    handle: handlers.history,
  },
  {
    name: "reveal",
    method: "POST",
    tail: "/{id}/reveal",
    rights: ["read"],
    system: "reveal_encrypted",
    summary: text("Encrypted fields of {title} in clear", "以明文读取{title}的加密字段", "以明文讀取{title}的加密欄位"),
    parameters: takes.noParameters,
    conditions: [],
    body: "names of fields",
    answers: "encrypted fields",
    handle: handlers.reveal,
  },
  {
    ...read,
    name: "content",
    method: "GET",
    tail: "/{id}/content",
    of: "files",
    summary: text("Download the content, or a range of it", "下载文件内容或其中一段", "下載檔案內容或其中一段"),
    parameters: takes.noParameters,
    conditions: ["If-None-Match"],
    answers: "content",
    handle: files.content,
  },
];

/** The pattern of a tail for logs and metrics, in the notation of the fixed addresses. */
const patterns: Readonly<Record<Tail, string>> = {
  "": "/api/:plural",
  "/query": "/api/:plural/query",
  "/aggregate": "/api/:plural/aggregate",
  "/{id}": "/api/:plural/:id",
  "/{id}/restore": "/api/:plural/:id/restore",
  "/{id}/history": "/api/:plural/:id/history",
  "/{id}/reveal": "/api/:plural/:id/reveal",
  "/{id}/content": "/api/:plural/:id/content",
  "/by/{field}/{value}": "/api/:plural/by/:field/:value",
};

export const patternOf = (tail: Tail): string => patterns[tail];

const byMethodAndTail = Map.groupBy(recordRoutes, (route) => `${route.method} ${route.tail}`);

/** What may answer there, by the object; nothing where the method does not fit. */
export const recordRoutesAt = (method: string, tail: Tail): readonly RecordRoute[] =>
  byMethodAndTail.get(`${method} ${tail}`) ?? [];

export const isFor = ({ of }: RecordRoute, object: ObjectType): boolean =>
  of === undefined || (of === "files") === isFileObject(object);

export const methodsOf = (tail: Tail): readonly string[] =>
  recordRoutes.filter((r) => r.tail === tail).map((r) => r.method);
