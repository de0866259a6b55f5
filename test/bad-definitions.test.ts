// Every kind of faulty definition that packages/meta knows of, sent over HTTP: refused at its place, in words, and nothing is made.
import { createTestApp, type TestApp } from "@guanxi/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { badDefinitions } from "../packages/meta/test/bad-definitions.ts";

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

const send = (definition: unknown, language: string) =>
  app.as("admin").post("/api/meta/changes?plan=true", { objects: [definition] }, { "accept-language": language });

interface Fault {
  readonly path: string;
  readonly code: string;
  readonly message: string;
}

const tables = async (): Promise<unknown> =>
  app.store.sql("SELECT table_name FROM information_schema.tables WHERE table_schema = 't_demo' ORDER BY 1");

test("each is refused where it is wrong, for a reason that is told", async () => {
  const before = await tables();
  const kinds = new Set<string>();
  for (const [what, definition, ...issues] of badDefinitions) {
    // What extends another is put together with it first.
    if (what === "extends") continue;
    const languages = [await send(definition, "en"), await send(definition, "zh-CN"), await send(definition, "zh-TW")];
    for (const refused of languages) {
      expect(refused.status, `${what}: ${refused.text}`).toBe(422);
      const faults = refused.body.errors as Fault[];
      // No body has such a member, whatever it is for.
      if (what.includes("__proto__")) continue;
      expect(faults.map(({ path, code }) => `${path} ${code}`).toSorted(), what).toEqual(
        issues.map((issue) => `/objects/0${issue}`).toSorted(),
      );
      for (const { message } of faults) {
        expect(message.trim(), what).not.toBe("");
        expect(message, what).not.toMatch(/\{[a-z_]+\}|undefined|\[object/);
      }
    }
    const [english, simplified] = languages.map((refused) => (refused.body.errors as Fault[]).map((f) => f.message));
    expect(simplified, what).not.toEqual(english);
    kinds.add(what);
  }
  expect(kinds.size).toBe(badDefinitions.length - 1);
  expect(kinds.size).toBeGreaterThanOrEqual(100);
  expect(await tables()).toEqual(before);
});
