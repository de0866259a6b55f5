import { PassThrough, Readable, type Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createZstdCompress, createZstdDecompress } from "node:zlib";
import { type GuanxiError, isGuanxiError } from "@guanxi/base";
import { damaged, notABackup } from "@guanxi/store";
import { arriving } from "./arriving.ts";
import { leaving } from "./leaving.ts";

/** zstd's own default: on rows of records a third of gzip's time at a size slightly below its. */
const compressionLevel = 3;
/** Bytes between a dump and a load of the same process. */
const pipeBytes = 1_000_000;

export const createCompressor = (): Transform =>
  createZstdCompress({
    params: { [constants.ZSTD_c_compressionLevel]: compressionLevel, [constants.ZSTD_c_checksumFlag]: 1 },
  });

export const createPipe = (): Transform => new PassThrough({ highWaterMark: pipeBytes });

/** What comes out of `source`. When nobody takes it any more, `source` is destroyed. */
export const toWeb = (source: Readable): ReadableStream<Uint8Array> =>
  leaving(source[Symbol.asyncIterator](), (error) => void source.destroy(error));

/** The text of a compressed backup. MALFORMED where it is none, damaged, cut off, or its sender stands still. */
export async function* decompressed(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const zstd = createZstdDecompress();
  const fed = pipeline(Readable.from(arriving(body, "The body is the file of a backup"), { objectMode: false }), zstd);
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
