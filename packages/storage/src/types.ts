import type { Readable } from "node:stream";

/** Whose content it is, and the id of its file record. What is stored under a key never changes. */
export interface ContentKey {
  readonly tenant: string;
  readonly id: string;
}

/** Bytes from `first` to `last`, both included, as in HTTP. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** A content that has come whole and lies on this machine's disk, until it is kept or discarded. */
export interface Received {
  readonly path: string;
  readonly bytes: number;
  /** In hexadecimal. */
  readonly sha256: string;
}

/** Where contents are kept for good. Throws UNAVAILABLE where that does not answer. */
export interface Backend {
  /** All of it or nothing; the same again is no error. */
  keep(key: ContentKey, content: Received): Promise<void>;
  /** Undefined where there is none. */
  read(key: ContentKey, range?: ByteRange): Promise<Readable | undefined>;
  /** Nothing to delete is no error. */
  delete(key: ContentKey): Promise<void>;
  deleteTenant(tenant: string): Promise<void>;
}

/** The contents of files. */
export interface Storage extends Backend {
  /** Takes a content to disk as it arrives. TOO_LARGE beyond `mostBytes`; nothing of it stays when this throws. */
  receive(body: AsyncIterable<Uint8Array>, mostBytes: number): Promise<Received>;
  /** For one that is not kept. */
  discard(content: Received): Promise<void>;
}
