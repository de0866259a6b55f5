import { GuanxiError } from "@guanxi/base";
import { type Call, notYet } from "./call.ts";

const tagList = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"(?:[ \t]*,[ \t]*(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*")*$/;
const tagParts = /(W\/)?"([^"]*)"/g;
const versionPart = /^(\d{1,15})(?!\d)/;

/** The opaque parts of `"3", W/"4-ab"` without quotes; MALFORMED when the header is not a list of entity tags. */
function readTags(header: "If-Match" | "If-None-Match", value: string): string[] {
  if (!tagList.test(value))
    throw new GuanxiError("MALFORMED", { detail: `${header} must be * or entity tags such as "3"` });
  return Array.from(value.matchAll(tagParts), (m) => m[2] ?? "");
}

/**
 * The version that a write must find, from If-Match; undefined when any will do.
 * A weak tag counts by its version as well: proxies that compress weaken tags, and the version is exact all the same.
 * Of several tags the one of the present version is taken (`current` reads it), and the write checks it once more.
 */
export async function expectedVersion(call: Call, current: () => Promise<number>): Promise<number | undefined> {
  const value = call.request.headers.get("if-match");
  if (value === null || value.trim() === "*") return undefined;
  const versions = readTags("If-Match", value.trim())
    .flatMap((tag) => versionPart.exec(tag)?.[1] ?? [])
    .map(Number);
  const [first] = versions;
  if (first === undefined) throw new GuanxiError("PRECONDITION");
  if (versions.length === 1) return first;
  const present = await current();
  if (!versions.includes(present)) throw new GuanxiError("PRECONDITION");
  return present;
}

/** Whether the caller already has what `etag` (without quotes) names: If-None-Match, compared weakly (RFC 9110 §13.1.2). */
export function isFresh(call: Call, etag: string): boolean {
  const value = call.request.headers.get("if-none-match");
  if (value === null) return false;
  return value.trim() === "*" || readTags("If-None-Match", value.trim()).includes(etag);
}

export type Condition = "If-Match" | "If-None-Match";
const conditions: readonly Condition[] = ["If-Match", "If-None-Match"];

/** A condition on a call that does not check it would be a broken promise. */
export function refuseOtherConditions(call: Call, honoured: readonly Condition[]): void {
  for (const condition of conditions)
    if (!honoured.includes(condition) && call.request.headers.has(condition)) throw notYet(condition);
}
