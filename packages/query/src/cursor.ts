import { text } from "@guanxi/base";
import { queryError } from "./errors.ts";
import type { Cursor, OrderTerm } from "./plan.ts";

const signature = (order: readonly OrderTerm[]): string =>
  order.map((t) => `${t.descending ? "-" : ""}${t.source}.${t.field.id}`).join(",");

const invalid = () =>
  queryError("cursor", text("this cursor belongs to another query", "此游标属于另一个查询", "此游標屬於另一個查詢"));

/** An opaque cursor: the order it belongs to and the sort values of the page's last row. */
export const encodeCursor = (order: readonly OrderTerm[], values: Cursor): string =>
  Buffer.from(JSON.stringify([signature(order), ...values])).toString("base64url");

export function decodeCursor(order: readonly OrderTerm[], cursor: string): Cursor {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(cursor, "base64url").toString());
  } catch {
    throw invalid();
  }
  if (!Array.isArray(parts) || parts.length !== order.length + 1 || parts[0] !== signature(order)) throw invalid();
  const values: unknown[] = parts.slice(1);
  const isValue = (v: unknown): v is string | null =>
    v === null || (typeof v === "string" && v.length <= 10_000 && !v.includes("\0"));
  if (!values.every(isValue)) throw invalid();
  return values;
}
