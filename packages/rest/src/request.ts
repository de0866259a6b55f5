import { GuanxiError } from "@guanxi/base";
import type { Call } from "./call.ts";
import { parseJson } from "./json/parse.ts";

export const json: readonly string[] = ["application/json"];
export const mergePatch: readonly string[] = ["application/json", "application/merge-patch+json"];

/** The body's value. Throws MEDIA_TYPE, TOO_LARGE, MALFORMED (with the place) and VALIDATION (numbers no double can hold). */
export async function readJson(call: Call, accepted: readonly string[] = json): Promise<unknown> {
  checkContentType(call.request.headers, accepted);
  return parseJson(decode(await readBytes(call)), call.settings.nestingLimit);
}

/** The body's bytes as they arrive, without a limit of size; null when there is none. MEDIA_TYPE unless they are of an accepted type. */
export function bodyOf(call: Call, accepted: readonly string[]): ReadableStream<Uint8Array> | null {
  checkContentType(call.request.headers, accepted);
  return call.request.body;
}

/** The bytes as they arrive, or those that were read already for the sake of an `Idempotency-Key`. */
export function bytesOf(call: Call): ReadableStream<Uint8Array> | null {
  const read = call.body;
  if (read === undefined) return call.request.body;
  return new ReadableStream({
    async start(controller) {
      controller.enqueue(await read);
      controller.close();
    },
  });
}

function checkContentType(headers: Headers, accepted: readonly string[]): void {
  const [type = "", ...parameters] = (headers.get("content-type") ?? "").toLowerCase().split(";");
  if (!accepted.includes(type.trim())) throw new GuanxiError("MEDIA_TYPE", { detail: `send ${accepted.join(" or ")}` });
  for (const parameter of parameters) {
    const [name, value] = parameter.trim().replaceAll('"', "").split("=");
    if (name === "charset" && value !== "utf-8" && value !== "utf8")
      throw new GuanxiError("MEDIA_TYPE", { detail: "send UTF-8" });
  }
  const encoding = headers.get("content-encoding");
  if (encoding !== null && encoding.toLowerCase() !== "identity")
    throw new GuanxiError("MEDIA_TYPE", { detail: "send the body without a content encoding" });
}

export const readBytes = (call: Call): Promise<Uint8Array> => (call.body ??= receive(call));

/** A declared length is refused before anything is read and then enforced by HTTP; without one, the bytes are counted as they come. */
async function receive(call: Call): Promise<Uint8Array> {
  const { request, settings } = call;
  const declared = request.headers.get("content-length");
  if (Number(declared) > settings.bodyLimitBytes) throw tooLarge(settings.bodyLimitBytes);
  const bytes =
    declared === null
      ? await collect(request, settings.bodyLimitBytes)
      : new Uint8Array(await received(() => request.arrayBuffer()));
  if (bytes.byteLength > settings.bodyLimitBytes) throw tooLarge(settings.bodyLimitBytes);
  return bytes;
}

async function collect(request: Request, limit: number): Promise<Uint8Array> {
  const reader = request.body?.getReader();
  if (!reader) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await received(() => reader.read());
    if (done) return Buffer.concat(chunks, size);
    size += value.byteLength;
    if (size > limit) {
      await received(() => reader.cancel());
      throw tooLarge(limit);
    }
    chunks.push(value);
  }
}

/** A body that breaks off is the sender's doing, not ours. */
async function received<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    throw new GuanxiError("MALFORMED", { detail: "the body broke off", cause });
  }
}

const tooLarge = (limit: number): GuanxiError =>
  new GuanxiError("TOO_LARGE", { detail: `a body may have ${limit} bytes` });

const utf8 = new TextDecoder("utf-8", { fatal: true });

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new GuanxiError("MALFORMED", { detail: "the body is not valid UTF-8", cause });
  }
}

/** The query's pairs. MALFORMED when they are not percent-encoded UTF-8, where URLSearchParams would put replacement characters. */
export function readQuery(url: string): URLSearchParams {
  const start = url.indexOf("?");
  const query = start < 0 ? "" : url.slice(start + 1);
  if (query.includes("%")) decodePart(query);
  return new URLSearchParams(query);
}

export function decodePart(part: string): string {
  if (!part.includes("%")) return part;
  try {
    return decodeURIComponent(part);
  } catch (cause) {
    throw new GuanxiError("MALFORMED", { detail: "the address is not percent-encoded UTF-8", cause });
  }
}
