import { randomBytes } from "node:crypto";
import { v7 } from "uuid";

/** A new record id: UUID version 7 (RFC 9562), so ids of one process sort by time of creation. */
export const newId = (): string => v7();

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export const isId = (value: unknown): value is string => typeof value === "string" && uuidPattern.test(value);

/** `bytes` of chance in base64url, for keys and passwords. */
export const secret = (bytes = 24): string => randomBytes(bytes).toString("base64url");
