import { isId } from "@guanxi/base";

/** What may stand after `/api/{plural}`. */
export type Tail =
  | ""
  | "/query"
  | "/aggregate"
  | "/{id}"
  | "/{id}/restore"
  | "/{id}/history"
  | "/{id}/reveal"
  | "/{id}/content"
  | "/by/{field}/{value}";

export interface RecordAddress {
  readonly plural: string;
  readonly tail: Tail;
  /** `{id}`, `{field}` and `{value}`, "" where the tail has none. */
  readonly id: string;
  readonly field: string;
  readonly value: string;
}

/** What the decoded parts after `/api` address; undefined when no generated route looks like that. */
export function readAddress([plural = "", ...tail]: readonly string[]): RecordAddress | undefined {
  const [first = "", second = "", third = ""] = tail;
  const at = (shape: Tail, parts: Partial<RecordAddress> = {}): RecordAddress => ({
    plural,
    tail: shape,
    id: "",
    field: "",
    value: "",
    ...parts,
  });
  if (tail.length === 0) return at("");
  if (tail.length === 1 && (first === "query" || first === "aggregate")) return at(`/${first}`);
  if (tail.length === 3 && first === "by") return at("/by/{field}/{value}", { field: second, value: third });
  if (!isId(first)) return undefined;
  if (tail.length === 1) return at("/{id}", { id: first });
  if (
    tail.length === 2 &&
    (second === "restore" || second === "history" || second === "reveal" || second === "content")
  )
    return at(`/{id}/${second}`, { id: first });
  return undefined;
}
