// What every storage does, on a folder and on an S3-compatible server that checks signatures and checksums.
import { createHash, randomUUID } from "node:crypto";
import { mkdtemp, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isGuanxiError } from "@guanxi/base";
import S3rver from "@20minutes/s3rver";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createStorage, type S3Settings, type Storage } from "../src/index.ts";

const bucket = "contents";
let folder: string;
let server: InstanceType<typeof S3rver>;
let s3: S3Settings;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "guanxi-storage-"));
  const place = { address: "127.0.0.1", port: 0, silent: true, directory: join(folder, "s3") };
  server = new S3rver({ ...place, configureBuckets: [{ name: bucket, configs: [] }] });
  const { port } = await server.run();
  const endpoint = `http://127.0.0.1:${port}`;
  // The keys that the server knows.
  s3 = { endpoint, bucket, region: "us-east-1", accessKeyId: "S3RVER", secretAccessKey: "S3RVER" };
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

async function* pieces(...all: readonly (string | Buffer)[]): AsyncGenerator<Uint8Array> {
  for (const piece of all) yield Buffer.from(piece);
}

const textOf = async (stream: Readable | undefined): Promise<string | undefined> => stream && text(stream);

const waiting = (): Promise<string[]> => readdir(join(folder, "own", ".arriving"));

describe.each(["folder", "s3"])("%s", (kind) => {
  let storage: Storage;
  beforeAll(async () => {
    storage = await createStorage({ folder: join(folder, "own"), s3: kind === "s3" ? s3 : undefined });
  });
  const key = (tenant = "demo") => ({ tenant, id: randomUUID() });
  async function keep(at: { tenant: string; id: string }, ...content: (string | Buffer)[]): Promise<void> {
    const received = await storage.receive(pieces(...content), 10_000_000);
    await storage.keep(at, received);
    await storage.discard(received);
  }

  test("gives back what it was given, whole and in part", async () => {
    const at = key();
    const received = await storage.receive(pieces("关系", " is ", "guanxi"), 100);
    expect(received).toMatchObject({
      ...{ bytes: 16, sha256: createHash("sha256").update("关系 is guanxi").digest("hex") },
    });
    await storage.keep(at, received);
    await storage.discard(received);
    expect(await textOf(await storage.read(at))).toBe("关系 is guanxi");
    expect(await textOf(await storage.read(at, { first: 7, last: 8 }))).toBe("is");
    expect(await textOf(await storage.read(at, { first: 15, last: 15 }))).toBe("i");
    expect(await waiting()).toEqual([]);
  });

  test("takes megabytes", async () => {
    const at = key();
    const piece = Buffer.alloc(1_000_003, "0123456789abcdef");
    await keep(at, piece, piece, piece);
    const whole = (await textOf(await storage.read(at))) ?? "";
    expect(whole === piece.toString().repeat(3)).toBe(true);
  });

  test("has nothing under another key, and forgets what is deleted", async () => {
    const [one, other] = [key(), key()];
    await keep(one, "one");
    expect(await storage.read(other)).toBeUndefined();
    expect(await storage.read({ ...one, tenant: "another" })).toBeUndefined();
    await storage.delete(one);
    await storage.delete(one);
    expect(await storage.read(one)).toBeUndefined();
  });

  test("deletes a tenant's contents, and no other's", async () => {
    const all = Array.from({ length: 20 }, () => key("gone"));
    // Whose name begins with the other's.
    const stays = key("gone2");
    for (const [i, one] of [...all, stays].entries()) await keep(one, `content ${i}`);
    await storage.deleteTenant("gone");
    await storage.deleteTenant("gone");
    for (const one of all) expect(await storage.read(one)).toBeUndefined();
    expect(await textOf(await storage.read(stays))).toBe("content 20");
  });

  test("refuses what is too long, and keeps nothing of what breaks off", async () => {
    const refused = await storage.receive(pieces("12345", "67890", "1"), 10).catch((e: unknown) => e);
    expect(isGuanxiError(refused, "TOO_LARGE")).toBe(true);
    expect(
      (await storage.receive(pieces("12345", "67890"), 10).then((r) => storage.discard(r).then(() => r))).bytes,
    ).toBe(10);
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("a");
      throw new Error("gone");
    }
    await expect(storage.receive(broken(), 10)).rejects.toThrow("gone");
    expect(await waiting()).toEqual([]);
  });
});

describe("a folder", () => {
  test("is for its owner alone", async () => {
    const own = join(folder, "modes");
    const storage = await createStorage({ folder: own });
    const id = randomUUID();
    await storage.keep({ tenant: "demo", id }, await storage.receive(pieces("a"), 1));
    const modes = [own, join(own, "demo"), join(own, "demo", id.slice(-2), id)];
    expect((await Promise.all(modes.map((path) => stat(path)))).map(({ mode }) => mode & 0o077)).toEqual([0, 0, 0]);
  });

  test("loses what a killed process has left half done, and nothing younger", async () => {
    const arriving = join(folder, "own", ".arriving");
    const [old, young] = [join(arriving, "old"), join(arriving, "young")];
    for (const path of [old, young]) await writeFile(path, "half");
    const yesterday = new Date(Date.now() - 25 * 3_600_000);
    await utimes(old, yesterday, yesterday);
    await createStorage({ folder: join(folder, "own") });
    expect(await waiting()).toEqual(["young"]);
    await rm(young);
  });
});

describe("s3", () => {
  const fault = async (settings: Partial<S3Settings>): Promise<unknown> => {
    const storage = await createStorage({ folder: join(folder, "own"), s3: { ...s3, ...settings } });
    return storage.read({ tenant: "demo", id: "none" }).catch((e: unknown) => e);
  };

  test("says what is refused, and that nobody answers", async () => {
    expect(String(await fault({ secretAccessKey: "wrong" }))).toContain("403 (SignatureDoesNotMatch)");
    expect(String(await fault({ bucket: "no-such-bucket" }))).toContain("404 (NoSuchBucket)");
    expect(isGuanxiError(await fault({ endpoint: "http://127.0.0.1:9" }), "UNAVAILABLE")).toBe(true);
  });

  test("is asked again where it is busy, and an answer that breaks off is an error", async () => {
    const asked: string[] = [];
    const busy = createServer((request, response) => {
      asked.push(request.method ?? "");
      if (asked.length < 3) return void response.writeHead(503).end("<Code>SlowDown</Code>");
      response.writeHead(200, { "content-length": "10" }).write("half");
      setTimeout(() => response.destroy(), 20);
    });
    await new Promise<void>((resolve) => busy.listen(0, "127.0.0.1", resolve));
    const endpoint = `http://127.0.0.1:${(busy.address() as AddressInfo).port}`;
    const storage = await createStorage({ folder: join(folder, "own"), s3: { ...s3, endpoint } });
    const content = await storage.read({ tenant: "demo", id: "busy" });
    expect(asked).toEqual(["GET", "GET", "GET"]);
    await expect(textOf(content)).rejects.toThrow();
    await new Promise((resolve) => busy.close(resolve));
  });

  test("has the bucket in the host's name where that says so", async () => {
    const settings = { ...s3, endpoint: `${s3.endpoint}/{bucket}` };
    const storage = await createStorage({ folder: join(folder, "own"), s3: settings });
    const at = { tenant: "demo", id: randomUUID() };
    await storage.keep(at, await storage.receive(pieces("there"), 10));
    expect(await textOf(await storage.read(at))).toBe("there");
  });
});
