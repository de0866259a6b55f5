import { createHash } from "node:crypto";

/** The version, with a hash of the body where the body may change without it. */
export const etagOf = (version: number, body: string, changes: boolean): string =>
  changes ? `${version}-${createHash("sha256").update(body).digest("base64url").slice(0, 12)}` : String(version);
