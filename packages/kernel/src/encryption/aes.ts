import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from "node:crypto";

/** NIST SP 800-38D: 96 bits of chance for each text, and a tag of 128. */
const ivBytes = 12;
const tagBytes = 16;
export const keyBytes = 32;

/** AES-256-GCM: iv, tag and cipher text in a row. `bound` must be the same when it is opened. */
export function seal(key: Uint8Array, plain: Uint8Array, bound: string): Buffer {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(Buffer.from(bound));
  const body = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), body]);
}

/** Throws where the key is another, or anything has been changed. */
export function open(key: Uint8Array, sealed: Uint8Array, bound: string): Buffer {
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, ivBytes)).setAAD(Buffer.from(bound));
  decipher.setAuthTag(sealed.subarray(ivBytes, ivBytes + tagBytes));
  return Buffer.concat([decipher.update(sealed.subarray(ivBytes + tagBytes)), decipher.final()]);
}

export interface MasterKey {
  /** Tells it from others without telling anything of it. */
  readonly id: string;
  readonly key: Uint8Array;
}

/** From a secret text of any length. */
export function masterKey(secret: string): MasterKey {
  const key = new Uint8Array(hkdfSync("sha256", secret, "", "guanxi master key", keyBytes));
  return { id: createHash("sha256").update(key).digest("hex").slice(0, 16), key };
}
