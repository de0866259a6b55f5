import { PassThrough, Readable, type Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createZstdCompress, createZstdDecompress } from "node:zlib";
import { GuanxiError, isGuanxiError } from "@guanxi/base";
import { damaged, notABackup } from "@guanxi/store";

/** zstd's own default: on rows of records a third of gzip's time at a size slightly below its. */
const compressionLevel = 3;
/** ms after which a receiver or sender that lets nothing through is given up: it holds a tenant's tables, or the only restore. */
const stallMs = 300_000;
/** Bytes between a dump and a load of the same process. */
const pipeBytes = 1_000_000;

export const createCompressor = (): Transform =>
  createZstdCompress({
    params: { [constants.ZSTD_c_compressionLevel]: compressionLevel, [constants.ZSTD_c_checksumFlag]: 1 },
  });

export const createPipe = (): Transform => new PassThrough({ highWaterMark: pipeBytes });

/** What comes out of `source`, one piece at a time, as fast as it is taken. When nobody takes it any more, `source` is destroyed. */
export function toWeb(source: Readable): ReadableStream<Uint8Array> {
  const pieces = source[Symbol.asyncIterator]();
  const giveUp = (): void => void source.destroy(new Error(`the receiver of a backup took nothing for ${stallMs} ms`));
  let patience = setTimeout(giveUp, stallMs).unref();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        clearTimeout(patience);
        const { done, value } = (await pieces.next()) as IteratorResult<Uint8Array, undefined>;
        if (done) return controller.close();
        controller.enqueue(value);
        patience = setTimeout(giveUp, stallMs).unref();
      },
      cancel() {
        clearTimeout(patience);
        source.destroy();
      },
    },
    { highWaterMark: 0 },
  );
}

/** The text of a compressed backup. MALFORMED where it is none, damaged, cut off, or its sender stands still. */
export async function* decompressed(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const zstd = createZstdDecompress();
  const fed = pipeline(Readable.from(arriving(body), { objectMode: false }), zstd);
  // Its error is thrown by what comes out, too.
  fed.catch(() => undefined);
  try {
    yield* zstd as AsyncIterable<Uint8Array>;
  } catch (e) {
    throw isGuanxiError(e) ? e : unreadable(e);
  } finally {
    zstd.destroy();
    await fed.catch(() => undefined);
  }
}

function unreadable(cause: unknown): GuanxiError {
  const { code } = cause as { code?: string };
  if (code === "ZSTD_error_prefix_unknown") return notABackup();
  return code === "Z_BUF_ERROR"
    ? damaged("it was cut off: its end is missing.", cause)
    : damaged("it cannot be decompressed, hence it is damaged.", cause);
}

async function* arriving(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  let empty = true;
  try {
    for (;;) {
      const { done, value } = await inTime(reader.read());
      if (done && empty)
        throw new GuanxiError("MALFORMED", { detail: "The body is the file of a backup; it is empty." });
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
