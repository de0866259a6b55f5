import type { RecordAnswer, RouteAnswer } from "@guanxi/kernel";
import type { Call } from "./call.ts";
import { apiVersion } from "./settings.ts";

/** An answer before it is written: inert data, with finished JSON text or a value. */
export type Answer = RouteAnswer;

export const answer = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Answer => ({
  status,
  body,
  headers,
});

/** JSON that the database has built is passed on as it is. */
export const passed = (text: string, headers: Readonly<Record<string, string>> = {}): Answer => ({
  status: 200,
  text,
  headers,
});

export const noContent: Answer = { status: 204 };

export const recordAnswer = (record: RecordAnswer): Answer => passed(record.text, { etag: `"${record.etag}"` });

export const createdAnswer = (record: RecordAnswer, location: string): Answer => ({
  status: 201,
  text: record.text,
  headers: { etag: `"${record.etag}"`, location },
});

const bodiless: ReadonlySet<number> = new Set([204, 304]);

/** The answer as HTTP. Headers go in as one plain object, which the Node adapter writes without a detour. */
export function toResponse(call: Call, given: Answer): Response {
  const headers: Record<string, string> = {
    "x-request-id": call.id,
    "guanxi-version": apiVersion,
    "x-content-type-options": "nosniff",
    // Every answer is one caller's view; shared and private caches keep none of it.
    "cache-control": "private, no-store",
  };
  const body = bodiless.has(given.status)
    ? null
    : (given.stream ?? given.text ?? (given.body === undefined ? null : JSON.stringify(given.body)));
  if (body !== null) headers["content-type"] = "application/json; charset=utf-8";
  for (const name in given.headers) headers[name.toLowerCase()] = given.headers[name] ?? "";
  return new Response(body, { status: given.status, headers });
}
