import { createHash } from "node:crypto";
import { perKey } from "@guanxi/base";
import type { Field, ObjectType } from "@guanxi/meta";

/** A field whose value may change without a write of its record. */
export const movesAlone = ({ formula, type }: Field): boolean => formula !== undefined || type === "rollup";

/** Whether the whole of a record may change without a write of it. */
export const changesAlone = perKey((object: ObjectType): boolean => [...object.fields.values()].some(movesAlone));

/** The version, with a hash of the body where the body may change without it. */
export const etagOf = (version: number, body: string, changes: boolean): string =>
  changes ? `${version}-${createHash("sha256").update(body).digest("base64url").slice(0, 12)}` : String(version);
