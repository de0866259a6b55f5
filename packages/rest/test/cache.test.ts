import type { Session } from "@guanxi/kernel";
import { expect, test } from "vitest";
import { cachedView } from "../src/openapi/cache.ts";
import { rights } from "./driver.ts";

const snapshot = { objects: new Map([["lead", {}]]) };
const sessionOf = (all: boolean, of: object = snapshot): Session =>
  ({ snapshot: of, actor: { rights: rights(all) } }) as unknown as Session;

test("a description is made once per snapshot, rights and language, and the last ones asked for are kept", () => {
  const made: string[] = [];
  const view = cachedView(2, (session, locale) => {
    made.push(`${locale} ${session.actor.rights.all}`);
    return made.length;
  });
  const asked = () => [view(sessionOf(true), "en"), view(sessionOf(false), "en")];
  expect(asked()).toEqual([1, 2]);
  expect(asked()).toEqual([1, 2]);
  expect(view(sessionOf(true, { ...snapshot }), "en")).toBe(3);
  view(sessionOf(true), "en");
  expect(view(sessionOf(true), "zh-CN")).toBe(4);
  expect([view(sessionOf(true), "en"), view(sessionOf(false), "en")], "the one not asked for lately went").toEqual([
    1, 5,
  ]);
});

test("a failure is told to those who wait for it and is not kept", async () => {
  let times = 0;
  const view = cachedView(2, async () => {
    times++;
    if (times === 1) throw new Error("the compiler could not be loaded");
    return "types";
  });
  const together = await Promise.allSettled([view(sessionOf(true), "en"), view(sessionOf(true), "en")]);
  expect(together.map((r) => r.status)).toEqual(["rejected", "rejected"]);
  expect(await view(sessionOf(true), "en")).toBe("types");
  expect(await view(sessionOf(true), "en")).toBe("types");
  expect(times).toBe(2);
});
