import { stallMs } from "./arriving.ts";

/**
 * These pieces as a body, one at a time, as fast as they are taken. `giveUp` is told when nobody takes them any more: with an error when
 * the receiver stood still.
 */
export function leaving(
  pieces: AsyncIterator<Uint8Array>,
  giveUp: (error?: Error) => void,
): ReadableStream<Uint8Array> {
  const late = (): void => giveUp(new Error(`the receiver took nothing for ${stallMs} ms`));
  let patience = setTimeout(late, stallMs).unref();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        clearTimeout(patience);
        const { done, value } = (await pieces.next()) as IteratorResult<Uint8Array, undefined>;
        if (done) return controller.close();
        controller.enqueue(value);
        patience = setTimeout(late, stallMs).unref();
      },
      cancel() {
        clearTimeout(patience);
        giveUp();
      },
    },
    { highWaterMark: 0 },
  );
}
