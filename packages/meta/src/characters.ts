import { Fault } from "./field-types/contract.ts";
import { escapeToken } from "./report.ts";

/** PostgreSQL's jsonb and every recursion over a value stop well above this. */
const deepest = 64;

const storable = (text: string): boolean => !text.includes("\u0000") && text.isWellFormed();

/**
 * The first place in a value that no JSON text in UTF-8 and no PostgreSQL column could hold: NUL or a lone surrogate
 * in a text or key, a number that is not finite, or nesting without measure.
 */
export function unstorable(value: unknown, path = "", depth = 0): Fault | undefined {
  if (typeof value === "string") return storable(value) ? undefined : new Fault("characters", {}, path);
  if (typeof value === "number")
    return Number.isFinite(value) ? undefined : new Fault("type", { type: "number" }, path);
  if (typeof value !== "object" || value === null) return undefined;
  if (depth >= deepest) return new Fault("depth", { limit: deepest }, path);
  for (const [key, inner] of Object.entries(value)) {
    // A key that cannot be stored cannot be shown in a path either.
    if (!storable(key)) return new Fault("characters", {}, path);
    const fault = unstorable(inner, `${path}/${escapeToken(key)}`, depth + 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
