// Every kind of faulty definition that packages/meta knows of, sent over HTTP: refused at its place, in words, and nothing is made.
import { createTestApp, type TestApp } from "@guanxi/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { badDefinitions, name } from "../packages/meta/test/bad-definitions.ts";

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

interface Fault {
  readonly path: string;
  readonly code: string;
  readonly message: string;
}
type Kind = (typeof badDefinitions)[number];

/** What is wrong with the body itself is told before any definition is looked at, and an extension is put together with what it extends. */
const isApart = (definition: unknown): boolean =>
  /\\u0000|"__proto__"|"extends"|^"|^\[|^null/.test(JSON.stringify(definition)) ||
  (definition as { name?: unknown }).name !== name ||
  (definition as { plural?: unknown }).plural !== undefined;

/** Names of their own, so that one change set has them all. */
const together = badDefinitions
  .filter(([, definition]) => !isApart(definition))
  .map(([what, definition, ...issues], i): Kind => [
    what,
    { ...(definition as object), name: `${name}_${i}` },
    ...issues,
  ]);
const apart = badDefinitions.filter(([what, definition]) => isApart(definition) && what !== "extends");

async function faultsOf(objects: readonly unknown[], language: string): Promise<readonly Fault[]> {
  const headers = { "accept-language": language };
  const refused = await app.as("admin").post("/api/meta/changes?plan=true", { objects }, headers);
  expect(refused.status, refused.text).toBe(422);
  return refused.body.errors as Fault[];
}

function expectTold(kinds: readonly Kind[], faults: readonly Fault[]): void {
  const told = Map.groupBy(faults, ({ path }) => Number(/^\/objects\/(\d+)/.exec(path)?.[1]));
  for (const [i, [what, , ...issues]] of kinds.entries()) {
    const found = told.get(i) ?? [];
    const wanted = issues.map((issue) => `/objects/${i}${issue}`);
    // No body has a member of this name, whatever it is for.
    if (what.includes("__proto__")) expect(found.map((f) => f.path)).toEqual([expect.stringMatching(/__proto__$/)]);
    else expect(found.map(({ path, code }) => `${path} ${code}`).toSorted(), what).toEqual(wanted.toSorted());
    for (const { message } of found) {
      expect(message.trim(), what).not.toBe("");
      expect(message, what).not.toMatch(/\{[a-z_]+\}|undefined|\[object/);
    }
  }
}

const tables = (): Promise<unknown> =>
  app.store.sql("SELECT table_name FROM information_schema.tables WHERE table_schema = 't_demo' ORDER BY 1");

test("each is refused where it is wrong, for a reason that is told in the reader's language", async () => {
  expect(new Set([...together, ...apart].map(([what]) => what)).size).toBe(badDefinitions.length - 1);
  expect(together.length).toBeGreaterThanOrEqual(100);
  const before = await tables();
  const words: string[][] = [];
  for (const language of ["en", "zh-CN", "zh-TW"]) {
    const faults = await faultsOf(
      together.map(([, definition]) => definition),
      language,
    );
    expectTold(together, faults);
    words.push(faults.map((fault) => fault.message));
  }
  const [english = [], simplified = [], traditional = []] = words;
  expect(english.filter((message, i) => message === simplified[i])).toEqual([]);
  expect(simplified.filter((message, i) => message !== traditional[i]).length).toBeGreaterThan(english.length / 2);
  for (const kind of apart) expectTold([kind], await faultsOf([kind[1]], "en"));
  expect(await tables()).toEqual(before);
});
