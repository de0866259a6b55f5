import { describe, expect, test } from "vitest";
import { edge, problemOf } from "./driver.ts";

describe("bodies", () => {
  const post = async (
    body: string | Uint8Array<ArrayBuffer> | ReadableStream,
    headers: Record<string, string> = {},
  ): Promise<Response> =>
    edge({ settings: { bodyLimitBytes: 1_000 } }).app.request("/api/leads", {
      method: "POST",
      headers: { authorization: "Bearer key", "content-type": "application/json", ...headers },
      body,
      duplex: "half",
    } as RequestInit);

  test("broken JSON says where", async () => {
    const problem = await problemOf(await post('{"a":1,\n"b":}'));
    expect(problem).toMatchObject({ status: 400, code: "GX-MALFORMED" });
    expect(problem.errors).toMatchObject([{ path: "", code: "syntax", position: 12, line: 2, column: 5 }]);
  });

  test.each([
    ["text/plain", 415],
    ["application/x-www-form-urlencoded", 415],
    ["application/merge-patch+json", 415],
    ["application/jsonp", 415],
    ["", 415],
    ["application/json; charset=gbk", 415],
    ['Application/JSON;Charset="utf-8"', 201],
    ["application/json; charset=UTF-8", 201],
  ])("%s → %d", async (type, status) => {
    const response = await post("{}", { "content-type": type });
    expect(response.status).toBe(status);
  });

  test("a compressed body is not guessed at", async () => {
    expect((await post("{}", { "content-encoding": "gzip" })).status).toBe(415);
    expect((await post("{}", { "content-encoding": "identity" })).status).toBe(201);
  });

  test.each([
    ["cut off in a character", Uint8Array.of(0x22, 0xe5, 0x85)],
    ["an encoded surrogate", Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22)],
    ["not UTF-8", Uint8Array.of(0x22, 0xff, 0x22)],
  ])("bytes that are no UTF-8 are a 400: %s", async (_title, bytes) => {
    expect(await problemOf(await post(bytes))).toMatchObject({ status: 400, code: "GX-MALFORMED" });
  });

  test("the limit is the last byte that is accepted", async () => {
    const exactly = JSON.stringify({ a: "x".repeat(1_000 - 8) });
    expect(exactly.length).toBe(1_000);
    expect((await post(exactly)).status).toBe(201);
    expect(await problemOf(await post(`${exactly} `))).toMatchObject({ status: 413, code: "GX-TOO_LARGE" });
  });

  /** Twice the limit in pieces of 100 bytes, and how much of it was taken. */
  function pieces(): { stream: ReadableStream; taken: () => number; cancelled: () => boolean } {
    let pulled = 0;
    let cancelled = false;
    const pull = (c: ReadableStreamDefaultController): void =>
      ++pulled > 20 ? c.close() : c.enqueue(new Uint8Array(100));
    const stream = new ReadableStream({ pull, cancel: () => void (cancelled = true) }, { highWaterMark: 0 });
    return { stream, taken: () => pulled, cancelled: () => cancelled };
  }

  test("a declared length is refused before a byte is read", async () => {
    const { stream, taken } = pieces();
    expect((await post(stream, { "content-length": "1001" })).status).toBe(413);
    expect(taken()).toBe(0);
  });

  test("a body of unknown length is given up at the limit", async () => {
    const { stream, taken, cancelled } = pieces();
    expect((await post(stream)).status).toBe(413);
    expect([taken(), cancelled()]).toEqual([11, true]);
  });

  test("a length that was declared too small lets nothing through", async () => {
    const { stream } = pieces();
    expect((await post(stream, { "content-length": "5" })).status).toBe(413);
  });

  test("a body that breaks off is the caller's fault", async () => {
    const stream = new ReadableStream({ pull: (c) => c.error(new Error("gone")) });
    expect((await post(stream)).status).toBe(400);
  });
});
