import { GuanxiError, isGuanxiError } from "@guanxi/base";

/** ms after which a sender that lets nothing through is given up: what it holds may be wanted by others. */
export const stallMs = 300_000;

/** A body's bytes as they arrive; `what` says in a refusal what it should be. MALFORMED where it is empty, breaks off or stands still. */
export async function* arriving(body: ReadableStream<Uint8Array>, what: string): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  let empty = true;
  try {
    for (;;) {
      const { done, value } = await inTime(reader.read());
      if (done && empty) throw new GuanxiError("MALFORMED", { detail: `${what}; it is empty.` });
      if (done) return;
      empty &&= value.length === 0;
      yield value;
    }
  } finally {
    // What nobody reads any more need not be sent; a body that has ended or failed minds no cancelling.
    await reader.cancel().catch(() => undefined);
  }
}

async function inTime<T>(read: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new GuanxiError("MALFORMED", { detail: `The body stood still for ${stallMs} ms.` })),
    stallMs,
  );
  try {
    return await Promise.race([read, late.promise]);
  } catch (cause) {
    throw isGuanxiError(cause) ? cause : new GuanxiError("MALFORMED", { detail: "the body broke off", cause });
  } finally {
    clearTimeout(timer);
  }
}
