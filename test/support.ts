import type { Api, ApiAnswer, TestApp } from "@guanxi/testing";
import { expect } from "vitest";

/** The body of an answer that must have this status. The text is shown when it has not. */
// oxlint-disable-next-line typescript/no-explicit-any -- bodies of every shape
export function body(answer: ApiAnswer, status: number): any {
  expect(answer.status, answer.text).toBe(status);
  return answer.body;
}

/** A problem answer: its code and, where given, the paths of its issues in any order. */
export function problem(answer: ApiAnswer, status: number, code: string, paths?: readonly string[]): void {
  expect(answer.status, answer.text).toBe(status);
  expect(answer.body.code, answer.text).toBe(`GX-${code}`);
  expect(answer.headers.get("content-type")).toContain("application/problem+json");
  noInternals(answer);
  if (paths) expect(pathsOf(answer)).toEqual([...paths].sort());
}

export const pathsOf = (answer: ApiAnswer): string[] =>
  ((answer.body.errors ?? []) as { path: string }[]).map((e) => e.path).sort();

/** No SQL, stack, file or schema name reaches a caller. */
export function noInternals(answer: ApiAnswer): void {
  expect(answer.text).not.toMatch(/SQLSTATE|SELECT |INSERT |UPDATE |t_demo|node_modules|\.ts:\d|postgres|at \w+ \(/);
}

export const ids = (answer: ApiAnswer): string[] => (body(answer, 200).data as { id: string }[]).map((r) => r.id);

/** An id that no record has. */
export const nobody = "0198a3f0-1111-7000-8000-000000000001";

/** Puts an object's definition as the administrator. */
export async function define(app: TestApp, definition: Record<string, unknown>): Promise<void> {
  const answer = await app.as("admin").put(`/api/meta/objects/${String(definition["name"])}`, definition);
  expect([200, 201], answer.text).toContain(answer.status);
}

/** Every page of a list, one after the other; `between` runs after each. */
export async function pages(
  api: Api,
  path: (cursor: string | undefined) => string,
  between: (page: number) => Promise<void> = async () => {},
): Promise<Record<string, unknown>[][]> {
  const all: Record<string, unknown>[][] = [];
  let cursor: string | undefined;
  do {
    const page = body(await api.get(path(cursor)), 200);
    all.push(page.data);
    await between(all.length);
    cursor = page.next ?? undefined;
    expect(all.length).toBeLessThan(200);
  } while (cursor !== undefined);
  return all;
}
