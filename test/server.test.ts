import { afterAll, expect, test } from "vitest";
import { belongingsOf, boot, endAll, leftOf } from "./support/server.ts";
afterAll(endAll);
test("boot and stop", async () => {
  const s = await boot();
  const before = await belongingsOf(s);
  console.log(s.bootMs, before.map(b=>b.command.slice(0,100)));
  expect(await s.stop("SIGINT")).toEqual({code:0, signal:null});
  expect(await leftOf(s, before)).toEqual([]);
});
