import { text } from "@guanxi/base";
import { queryError } from "./errors.ts";
import type { Cursor, ListPlan } from "./plan.ts";

type Sorted = Pick<ListPlan, "object" | "order">;

/** By ids, so that a cursor outlives renames. System fields have the same ids everywhere, so the object's belongs to it. */
const signature = ({ object, order }: Sorted): string =>
  [
    object.id,
    ...order.map(
      (t) =>
        `${t.descending ? "-" : ""}${t.source}.${t.field.id}${t.field.part === undefined ? "" : `.${t.field.part}`}`,
    ),
  ].join(",");

const invalid = () =>
  queryError("cursor", text("this cursor belongs to another query", "此游标属于另一个查询", "此游標屬於另一個查詢"));

/** An opaque cursor: the object and order it belongs to and the sort values of the page's last row. */
export const encodeCursor = (sorted: Sorted, values: Cursor): string =>
  Buffer.from(JSON.stringify([signature(sorted), ...values])).toString("base64url");

export function decodeCursor(sorted: Sorted, cursor: string): Cursor {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(cursor, "base64url").toString());
  } catch {
    throw invalid();
  }
  if (!Array.isArray(parts) || parts.length !== sorted.order.length + 1 || parts[0] !== signature(sorted))
    throw invalid();
  const values: unknown[] = parts.slice(1);
  // As long as any text that a record may be sorted by.
  const isValue = (v: unknown): v is string | null => v === null || (typeof v === "string" && !v.includes("\0"));
  if (!values.every(isValue)) throw invalid();
  return values;
}
