import { expect, test } from "vitest";
import { customisationOf } from "../src/changes/customisation.ts";
import { draftTenant } from "../src/changes/offline.ts";

test("what the core brings and a tenant has not yet is not told as deleted", async () => {
  const { session } = await draftTenant({}, [], []);
  const whole = await customisationOf(session, new Map(), []);
  expect([whole.objects, whole.delete, whole.brought]).toEqual([[], {}, {}]);
  const objects = new Map([...session.snapshot.objects].filter(([name]) => name !== "file"));
  expect(await customisationOf({ ...session, snapshot: { ...session.snapshot, objects } }, new Map(), [])).toEqual(
    whole,
  );
});
