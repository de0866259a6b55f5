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

/** Makes a user with a role of these rights; → their id and a client that speaks as them. */
export async function hire(
  app: TestApp,
  name: string,
  role: {
    rights?: Record<string, string[]>;
    default_rights?: string[];
    system_rights?: string[];
    administrator?: boolean;
  },
): Promise<{ user: string; api: Api }> {
  const admin = app.as("admin");
  const user = body(await admin.post("/api/users", { name, email: `${name}@demo.example` }), 201).id as string;
  const made = body(await admin.post("/api/roles", { name: `role of ${name}`, ...role }), 201).id as string;
  body(await admin.post("/api/user_roles", { assignee: user, role: made }), 201);
  const { key } = body(await admin.post("/api/keys", { name, user }), 201);
  return { user, api: app.as(key) };
}

/** Ids of the demo's users by name. */
export async function demoUsers(app: TestApp): Promise<Record<string, string>> {
  const { data } = body(await app.as("admin").get("/api/users?limit=500&select=email"), 200);
  return Object.fromEntries(
    (data as { id: string; email: string }[]).map((u) => [u.email.replace("@demo.example", ""), u.id]),
  );
}
