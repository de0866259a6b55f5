import { randomBytes, randomFillSync } from "node:crypto";
import { v7 } from "uuid";

/** Chance for many ids at once: asking for it costs four times what the rest of an id does. */
const chance = new Uint8Array(4_096);
const bytesPerId = 16;
let used = chance.length;
/** The last id's time in ms, and its number of 31 bits, which counts on within the same ms. */
const last = { msecs: 0, seq: 0 };
const maxSeq = 0x7fff_ffff;

/** A new record id: UUID version 7 (RFC 9562), so ids of one process sort by time of creation. */
export function newId(): string {
  if (used === chance.length) {
    randomFillSync(chance);
    used = 0;
  }
  const random = chance.subarray(used, (used += bytesPerId));
  const now = Date.now();
  if (now > last.msecs || last.seq === maxSeq) {
    last.msecs = Math.max(now, last.msecs + 1);
    // These bytes stand nowhere else in the id. Half of the range is left to count on in.
    last.seq = new DataView(random.buffer, random.byteOffset).getUint32(6) >>> 2;
  } else last.seq++;
  return v7({ random, msecs: last.msecs, seq: last.seq });
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export const isId = (value: unknown): value is string => typeof value === "string" && uuidPattern.test(value);

/** `bytes` of chance in base64url, for keys and passwords. */
export const secret = (bytes = 24): string => randomBytes(bytes).toString("base64url");
