import { createHash } from "node:crypto";
import { type Api, type ApiAnswer, contents, type TestApp } from "@guanxi/testing";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { expect } from "vitest";
import { body } from "../support.ts";

export const mediaType = "application/vnd.guanxi.backup";
const base = "http://guanxi.test";

/** The file that `GET path` gives the operator. */
export async function download(app: TestApp, path: string): Promise<Buffer> {
  const answer = await request(app, "GET", path);
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-type")).toBe(mediaType);
  return Buffer.from(await answer.arrayBuffer());
}

const request = async (
  app: TestApp,
  method: string,
  path: string,
  file?: Uint8Array | ReadableStream,
): Promise<Response> =>
  app.app.fetch(
    new Request(base + path, {
      method,
      headers: {
        authorization: "Bearer operator-key-of-the-tests",
        ...(file === undefined ? {} : { "content-type": mediaType }),
      },
      ...(file === undefined ? {} : { body: file as ReadableStream, duplex: "half" }),
    }),
  );

/** `POST /platform/restore` with a file; the answer as the other clients give it. */
export async function restore(app: TestApp, file: Uint8Array | ReadableStream, query = ""): Promise<ApiAnswer> {
  const response = await request(app, "POST", `/platform/restore${query}`, file);
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: JSON.parse(text) };
}

/** The lines of a backup that are JSON, and the bytes of its rows between them. */
export type Piece = Readonly<Record<string, unknown>> | Buffer;

export function unpack(file: Uint8Array): Piece[] {
  let rest = zstdDecompressSync(file);
  const pieces: Piece[] = [];
  while (rest.length > 0) {
    const end = rest.indexOf(10);
    const line = JSON.parse(rest.toString("utf8", 0, end)) as { kind: string; bytes?: number };
    rest = rest.subarray(end + 1);
    pieces.push(line);
    if (line.kind !== "data") continue;
    pieces.push(rest.subarray(0, line.bytes));
    rest = rest.subarray(line.bytes);
  }
  return pieces;
}

const bytesOf = (piece: Piece): Buffer => (Buffer.isBuffer(piece) ? piece : Buffer.from(`${JSON.stringify(piece)}\n`));

export const pack = (pieces: readonly Piece[]): Buffer => zstdCompressSync(Buffer.concat(pieces.map(bytesOf)));

/** A file of these pieces whose lengths and sums are right: what somebody else's program might have written. */
export function forge(pieces: readonly Piece[]): Buffer {
  const hash = createHash("sha256");
  const sound = pieces.map((piece, i): Piece => {
    const next = pieces[i + 1];
    const measured = Buffer.isBuffer(next) ? { ...piece, bytes: next.length } : piece;
    const summed = "sha256" in measured ? { ...measured, sha256: hash.copy().digest("hex") } : measured;
    hash.update(bytesOf(summed));
    return summed;
  });
  return pack(sound);
}

/** Digests of a tenant's tables by name, and of its shared rows not. */
export async function tablesOf(app: TestApp, tenant: string): Promise<Record<string, string>> {
  const all = Object.entries(await contents(app)).filter(([name]) => name.startsWith(`t_${tenant}.`));
  return Object.fromEntries(all.map(([name, digest]) => [name.slice(`t_${tenant}.`.length), digest]));
}

/** Schemas and tenants of the database, whatever their state. */
export async function places(app: TestApp): Promise<string[]> {
  const rows = await app.store.sql<{ name: string }>(
    `SELECT nspname AS name FROM pg_namespace WHERE nspname ~ '^(t_|guanxi_restore_)' UNION ALL SELECT 'tenant ' || id FROM guanxi.tenant ORDER BY 1`,
  );
  return rows.map((r) => r.name);
}

export async function makeTenant(app: TestApp, id: string, plugins: string[] = []): Promise<Api> {
  const made = await app.as("operator").post("/platform/tenants", {
    ...{ id, name: `Tenant ${id}`, plugins, admin: { email: "a@example.com", name: "Ada" } },
    ...{ timeZone: "Asia/Shanghai", locale: "zh-CN", currency: "CNY" },
  });
  return app.as(body(made, 201).admin.key);
}

/** An object with a number of its own, a reference to itself, and values that text forms stumble over. */
export const ticket = {
  name: "ticket",
  plural: "tickets",
  type: "object",
  required: ["title"],
  nameField: "title",
  history: true,
  properties: {
    number: { fieldType: "autonumber", pattern: "T-{0000}" },
    title: { type: "string", maxLength: 200 },
    code: { type: "string", unique: true },
    amount: { fieldType: "currency" },
    exact: { fieldType: "number", precision: 30, scale: 10 },
    tags: { type: "array", items: { enum: ["red", "blue, green", 'a"b'] } },
    extra: { fieldType: "json" },
    took: { fieldType: "duration" },
    site: { fieldType: "address" },
    mark: { fieldType: "rating" },
    others: { fieldType: "references", target: "ticket", relation: "other_tickets" },
    met_at: { type: "string", format: "date-time" },
    day: { type: "string", format: "date" },
    parent: { fieldType: "reference", target: "ticket" },
  },
};
export const awkward = [
  "tab\tline\nbackslash\\ end",
  "\\.",
  "\\N",
  "关系 關係 🧡",
  '"quoted", {braces}',
  "",
  "null",
  "\r\n",
];
