import { readdir } from "node:fs/promises";
import type { ApiAnswer, TestApp } from "@guanxi/testing";
import { body } from "../support.ts";

export interface Sent {
  readonly name?: string;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whose files they are; the administrator's where it is not said. */
  readonly by?: string;
}

export type Content = string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;

const keyOf = (app: TestApp, user: string): string => `Bearer ${app.keys[user] ?? user}`;

/** Uploads a file; a stream is sent without its length. */
export async function upload(app: TestApp, content: Content, sent: Sent = {}): Promise<ApiAnswer> {
  const { name = "a.txt", type, headers, by = "admin" } = sent;
  const query = new URLSearchParams(name === "" ? {} : { name }).toString();
  const request = new Request(`http://guanxi.test/api/files?${query}`, {
    method: "POST",
    headers: { authorization: keyOf(app, by), ...(type === undefined ? {} : { "content-type": type }), ...headers },
    body: content,
    duplex: "half",
  } as RequestInit);
  const response = await app.app.fetch(request);
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: text === "" ? undefined : JSON.parse(text) };
}

/** Uploads it and answers its id. */
export const uploaded = async (app: TestApp, content: Content, sent?: Sent): Promise<string> =>
  body(await upload(app, content, sent), 201).id as string;

export interface Downloaded {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
}

export async function download(
  app: TestApp,
  id: string,
  {
    by = "admin",
    headers = {},
    method = "GET",
  }: { by?: string; headers?: Record<string, string>; method?: string } = {},
): Promise<Downloaded> {
  const url = `http://guanxi.test/api/files/${id}/content`;
  const request = new Request(url, { method, headers: { authorization: keyOf(app, by), ...headers } });
  const response = await app.app.fetch(request);
  return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
}

/** Every file that lies in the storage of the app, those on their way included. */
export const stored = async (app: TestApp): Promise<string[]> =>
  (await readdir(app.folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
    .sort();
