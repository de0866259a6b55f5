import { text } from "@guanxi/base";
import { checkExpression, type CheckedExpression } from "@guanxi/expr";
import type { Field, ObjectType, Snapshot, StoredField } from "@guanxi/meta";
import { decodeCursor } from "./cursor.ts";
import { inParameter, noField, queryError, refuseWhole } from "./errors.ts";
import { resolveOutputs } from "./outputs.ts";
import { splitPath, splitTerms } from "./paths.ts";
import type { GetPlan, ListPlan, OrderTerm, Output } from "./plan.ts";
import { filterScope, relationsOf } from "./scope.ts";
import { Sources } from "./sources.ts";

/** Rows of a page when the caller does not say; a screen's worth. */
export const defaultLimit = 50;
/** Rows of a page at most, so that one answer stays well under a megabyte or two. */
export const maxLimit = 500;

export interface ListRequest {
  readonly select?: string | undefined;
  readonly filter?: string | undefined;
  readonly order?: string | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
  readonly count?: string | undefined;
  readonly expand?: string | undefined;
  readonly deleted?: string | undefined;
}

export function resolveFilter(
  filter: string | undefined,
  snapshot: Snapshot,
  object: ObjectType,
  sources: Sources,
): CheckedExpression | undefined {
  if (filter === undefined || filter.trim() === "") return undefined;
  const checked = inParameter("filter", () => checkExpression(filter, filterScope(snapshot, object), "bool"));
  sources.follow(checked);
  return checked;
}

/** Beyond the first few, sort keys decide nothing; each stands in every cursor. */
const maxOrderTerms = 16;

/** Sorted by what was asked, then by id so that the order is total. */
function resolveOrder(order: string | undefined, object: ObjectType, sources: Sources): OrderTerm[] {
  const terms: OrderTerm[] = [];
  const asked = order === undefined ? [] : splitTerms("order", order);
  if (asked.length > maxOrderTerms) {
    throw queryError(
      "order",
      text(`at most ${maxOrderTerms} names`, `最多 ${maxOrderTerms} 个名称`, `最多 ${maxOrderTerms} 個名稱`),
    );
  }
  for (const term of asked) {
    const descending = term.source.startsWith("-");
    const path = splitPath("order", descending ? { source: term.source.slice(1), position: term.position + 1 } : term);
    const found = sources.field(path);
    if (!found) throw noField("order", path.join("."), term.position);
    refuseWhole("order", path.join("."), found.field, term.position);
    if (["json", "parts", "list"].includes(found.field.exprType.kind)) {
      throw queryError(
        "order",
        text(
          `"${path.join(".")}" cannot be sorted by`,
          `不能按“${path.join(".")}”排序`,
          `不能依「${path.join(".")}」排序`,
        ),
        term.position,
      );
    }
    terms.push({ ...found, descending });
  }
  const id = object.fields.get("id") as Field;
  if (!terms.some((t) => t.source === "t0" && t.field.name === "id")) {
    terms.push({ source: "t0", field: id, descending: terms.length > 0 && terms.every((t) => t.descending) });
  }
  return terms;
}

/** Rows of a page. Throws QUERY where `limit` is not from 1 to `maxLimit`. */
export function resolveLimit(limit: number | undefined): number {
  if (limit === undefined) return defaultLimit;
  if (!Number.isInteger(limit) || limit < 1 || limit > maxLimit) {
    throw queryError(
      "limit",
      text(
        `must be a whole number from 1 to ${maxLimit}`,
        `必须是 1 到 ${maxLimit} 的整数`,
        `必須是 1 到 ${maxLimit} 的整數`,
      ),
    );
  }
  return limit;
}

function oneOf(parameter: string, value: string | undefined, allowed: string): boolean {
  if (value === undefined) return false;
  if (value !== allowed)
    throw queryError(parameter, text(`must be "${allowed}"`, `必须是“${allowed}”`, `必須是「${allowed}」`));
  return true;
}

/** Records that one page shows in lists; as many whole records take PostgreSQL some hundred milliseconds and are several megabytes. */
const mostListed = 10_000;

/** Lists are never shown in part, so the longest that they may be must fit: rows of a page beside this output. */
const fitting = (output: Output): number =>
  output.kind === "list" ? Math.floor(mostListed / (output.field.schema["maxItems"] as number)) : maxLimit;

function checkListed(outputs: readonly Output[], limit: number): void {
  for (const output of outputs) {
    const fits = fitting(output);
    if (limit <= fits) continue;
    throw queryError(
      "expand",
      text(
        `"${output.name}" can be expanded on pages of at most ${fits} records: say limit=${fits}`,
        `展开“${output.name}”时每页最多 ${fits} 条记录，请使用 limit=${fits}`,
        `展開「${output.name}」時每頁最多 ${fits} 筆記錄，請使用 limit=${fits}`,
      ),
    );
  }
}

/** The most rows that a page of such records may have. Throws as `resolveList`. */
export const largestPage = (
  snapshot: Snapshot,
  object: ObjectType,
  request: Pick<ListRequest, "select" | "expand">,
): number => Math.min(maxLimit, ...resolveOutputs(request, object, new Sources(snapshot, object, "live")).map(fitting));

/** A list request on a snapshot; throws QUERY (400) naming the parameter and the place. */
export function resolveList(snapshot: Snapshot, object: ObjectType, request: ListRequest): ListPlan {
  const sources = new Sources(snapshot, object, oneOf("deleted", request.deleted, "only") ? "only" : "live");
  const outputs = resolveOutputs(request, object, sources);
  const filter = resolveFilter(request.filter, snapshot, object, sources);
  const order = resolveOrder(request.order, object, sources);
  const limit = resolveLimit(request.limit);
  checkListed(outputs, limit);
  return {
    kind: "list",
    object,
    outputs,
    filter,
    relations: relationsOf(filter, snapshot, object),
    order,
    limit,
    cursor: request.cursor === undefined ? undefined : decodeCursor({ object, order }, request.cursor),
    count: oneOf("count", request.count, "exact"),
    sources: sources.list,
  };
}

export interface GetRequest {
  readonly select?: string | undefined;
  readonly expand?: string | undefined;
}

/** One record by a unique field (`id` for most). */
export function resolveGet(snapshot: Snapshot, object: ObjectType, by: StoredField, request: GetRequest): GetPlan {
  const sources = new Sources(snapshot, object, "live");
  const outputs = resolveOutputs(request, object, sources);
  return { kind: "get", object, outputs, filter: undefined, relations: undefined, by, sources: sources.list };
}
