import { GuanxiError } from "@guanxi/base";
import type { StoredFile } from "@guanxi/kernel";
import { create as contentDisposition } from "content-disposition";
import { type Answer, createdAnswer } from "../answer.ts";
import { isFresh } from "../conditions.ts";
import * as takes from "../parameters.ts";
import { problemAnswer } from "../problem.ts";
import { bytesOf, readQuery } from "../request.ts";
import type { RecordCall } from "./handlers.ts";

/** `POST /api/files?name=…`: the body is the file. */
export async function upload({ call, kernel, session, object }: RecordCall): Promise<Answer> {
  const { name } = takes.readFromQuery(readQuery(call.request.url), takes.uploadParameters);
  if (name === undefined) throw new GuanxiError("QUERY", { issues: [{ path: "name", code: "required" }] });
  const { headers } = call.request;
  const contentType = headers.get("content-type") ?? "";
  if (/^multipart\//i.test(contentType))
    throw new GuanxiError("MEDIA_TYPE", { detail: "send the file itself as the body, not a form" });
  if (!/^(?:identity)?$/i.test(headers.get("content-encoding") ?? ""))
    throw new GuanxiError("MEDIA_TYPE", { detail: "send the body without a content encoding" });
  const { mostBytes } = kernel.files;
  if (Number(headers.get("content-length")) > mostBytes)
    throw new GuanxiError("TOO_LARGE", { detail: `a file may have ${mostBytes} bytes` });
  const body = bytesOf(call);
  if (body === null)
    throw new GuanxiError("MALFORMED", { detail: "The body is the content of the file; there is none." });
  const record = await kernel.files.upload(session, { name, contentType, body });
  return createdAnswer(record, `/api/${object.plural}/${record.id}`);
}

/** `GET /api/files/{id}/content`, whole or a range of it. */
export async function content({ call, kernel, session, address }: RecordCall): Promise<Answer> {
  takes.readFromQuery(readQuery(call.request.url), takes.noParameters);
  const file = await kernel.files.find(session, address.id);
  const headers = headersOf(file);
  if (isFresh(call, file.sha256)) return { status: 304, headers: { etag: headers.etag } };
  const range = rangeOf(call.request.headers, file, headers.etag);
  if (range === "none")
    return problemAnswer(call, new GuanxiError("RANGE"), { "content-range": `bytes */${file.size}` });
  const stream = call.request.method === "HEAD" ? {} : { stream: await kernel.files.open(session, file, range) };
  if (!range) return { status: 200, ...stream, headers: { ...headers, "content-length": String(file.size) } };
  const { first, last } = range;
  return {
    status: 206,
    ...stream,
    headers: {
      ...headers,
      "content-length": String(last - first + 1),
      "content-range": `bytes ${first}-${last}/${file.size}`,
    },
  };
}

/** What browsers show and never run. */
const shown = /^(?:image\/(?:png|jpeg|gif|webp|avif|bmp)|audio\/.+|video\/.+|text\/plain)$/;

const headersOf = ({ name, contentType, sha256 }: StoredFile) => ({
  "content-type": contentType,
  "content-disposition": contentDisposition(name, { type: shown.test(contentType) ? "inline" : "attachment" }),
  // Whoever opens it all the same gets no script, no form and no origin of ours.
  "content-security-policy": "default-src 'none'; sandbox",
  "accept-ranges": "bytes",
  etag: `"${sha256}"`,
});

interface Range {
  readonly first: number;
  readonly last: number;
}

/**
 * RFC 9110 §14.2: the one range that is asked for, `none` where the file has no such bytes. Undefined stands for the whole, also where
 * several ranges are asked for, those of another unit or of another content.
 */
function rangeOf(headers: Headers, { size }: StoredFile, etag: string): Range | "none" | undefined {
  const condition = headers.get("if-range");
  const [, from = "", to = ""] = /^bytes=(\d*)-(\d*)$/.exec((headers.get("range") ?? "").trim()) ?? [];
  if ((from === "" && to === "") || (condition !== null && condition.trim() !== etag)) return undefined;
  const first = from === "" ? Math.max(0, size - Number(to)) : Number(from);
  const last = from === "" || to === "" ? size - 1 : Math.min(Number(to), size - 1);
  if (first >= size) return "none";
  return from !== "" && to !== "" && Number(to) < first ? undefined : { first, last };
}
