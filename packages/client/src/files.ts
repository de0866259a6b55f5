import { part, queryText } from "./address.ts";
import { readJson } from "./problem.ts";
import type { CallOptions, FileBody, FileCall, Transfer } from "./transport.ts";

/** The record of a file. */
export interface StoredFile {
  readonly id: string;
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly content_type: string;
  /** In hexadecimal. */
  readonly sha256: string;
  readonly owner: string | null;
  readonly version: number;
}

export interface UploadOptions extends CallOptions {
  readonly name: string;
  /** What it is; the server looks for itself where its bytes tell. */
  readonly type?: string;
}

export interface DownloadOptions extends CallOptions {
  /** The bytes from `first` to `last`, both included, counted from 0. */
  readonly range?: { readonly first: number; readonly last?: number };
}

export interface FileCalls {
  /** Stores a file, which a record may name from then on. It is sent once, whatever happens. */
  upload(file: FileBody, options: UploadOptions): Promise<StoredFile>;
  /** The content of a file. One that breaks off is an error of the stream. */
  download(id: string, options?: DownloadOptions): Promise<ReadableStream<Uint8Array>>;
}

export const fileCalls = (transfer: Transfer): FileCalls => ({
  async upload(body, options) {
    const response = await transfer(uploadCall(body, options));
    return readJson(response, await response.text()) as StoredFile;
  },
  async download(id, { range, signal } = {}) {
    const headers: Readonly<Record<string, string>> = range
      ? { range: `bytes=${range.first}-${range.last ?? ""}` }
      : {};
    const { body } = await transfer({ method: "GET", path: `/api/files/${part(id)}/content`, headers, signal });
    return body ?? new Blob([]).stream();
  },
});

function uploadCall(body: FileBody, { name, type, signal }: UploadOptions): FileCall {
  const own = body instanceof Blob ? body.type : "";
  const headers = { "content-type": type ?? (own || "application/octet-stream") };
  return { method: "POST", path: `/api/files${queryText({ name })}`, headers, body, signal };
}
