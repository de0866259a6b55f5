import { openAsBlob } from "node:fs";
import { open } from "node:fs/promises";

/** Bytes that tell text from anything else. */
const lookedAt = 4_096;
/** Bytes that no text has (WHATWG MIME Sniffing, "binary data byte"). */
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const binary = /[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]/;
const utf16 = /^(?:\xff\xfe|\xfe\xff)/;

const unknown = "application/octet-stream";
/** What clients say who have nothing to say. */
const unsaid: ReadonlySet<string> = new Set(["", unknown, "application/x-www-form-urlencoded"]);

/** Types that are text by another name. */
const isText = (type: string): boolean =>
  type.startsWith("text/") ||
  /^application\/(?:.+\+)?(?:json|xml)$/.test(type) ||
  ["image/svg+xml", "application/javascript", "application/x-ndjson", "message/rfc822"].includes(type);

/** What is a container to the eye may be what its sender says: old Office documents, and kinds of XML. */
const kinds: Readonly<Record<string, (said: string) => boolean>> = {
  "application/x-cfb": (said) => /^application\/(?:msword|vnd\.ms-.+|vnd\.visio|x-msi)$/.test(said),
  "application/zip": (said) => /^application\/(?:.+\+zip|vnd\.(?:openxmlformats|oasis)-?.+|java-archive)$/.test(said),
  "application/xml": (said) => isText(said) && said !== "text/plain",
};

/** `Text/CSV; charset=utf-8` → `text/csv`; empty where it is no type. */
const plain = (said: string): string => {
  const type = (said.split(";")[0] ?? "").trim().toLowerCase();
  return /^[a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+$/.test(type) && !unsaid.has(type) ? type : "";
};

/** The content type of a file, by its bytes; what its sender `said` counts only where the bytes do not speak against it. */
export async function contentTypeOf(path: string, said: string): Promise<string> {
  // What tells hundreds of formats apart takes 30 ms to load, so it waits for the first upload.
  const { fileTypeFromBlob, supportedMimeTypes } = await import("file-type");
  const stated = plain(said);
  const found = (await fileTypeFromBlob(await openAsBlob(path)))?.mime;
  if (found !== undefined) return kinds[found]?.(stated) ? stated : found;
  const head = await headOf(path);
  if (utf16.test(head) || !binary.test(head)) return isText(stated) ? stated : "text/plain";
  // One that is known by its bytes was not found in them.
  return stated === "" || isText(stated) || supportedMimeTypes.has(stated) ? unknown : stated;
}

async function headOf(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(lookedAt), 0, lookedAt, 0);
    return buffer.toString("latin1", 0, bytesRead);
  } finally {
    await file.close();
  }
}
