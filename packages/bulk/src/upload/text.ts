import { GuanxiError } from "@guanxi/base";
import type { Encoding } from "../mapping/definition.ts";

const byteOrderMark = "\uFEFF";

/** The body as text, piece by piece. MALFORMED when it is not in that encoding or breaks off. */
export async function* decoded(body: ReadableStream<Uint8Array>, encoding: Encoding): AsyncGenerator<string> {
  const decoder = new TextDecoder(encoding, { fatal: true });
  let first = true;
  const read = (bytes?: Uint8Array): string => {
    try {
      const piece = bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode();
      if (piece === "") return "";
      const isFirst = first;
      first = false;
      return isFirst && piece.startsWith(byteOrderMark) ? piece.slice(1) : piece;
    } catch (cause) {
      throw new GuanxiError("MALFORMED", {
        detail: `The file is not valid ${encoding.toUpperCase()}. Say which encoding it has in the Content-Type or the mapping: utf-8 or gb18030.`,
        cause,
      });
    }
  };
  for await (const bytes of arriving(body)) {
    const piece = read(bytes);
    if (piece !== "") yield piece;
  }
  const rest = read();
  if (rest !== "") yield rest;
}

/** A body that breaks off is the sender's doing, not ours. */
async function* arriving(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        throw new GuanxiError("MALFORMED", { detail: "the body broke off", cause });
      });
      if (done) return;
      yield value;
    }
  } finally {
    // What nobody reads any more need not be sent; a body that has ended or failed minds no cancelling.
    await reader.cancel().catch(() => undefined);
  }
}
