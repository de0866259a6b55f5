import { createTestApp } from "@guanxi/testing";
import { expect, test } from "vitest";
test("smoke", async () => {
  console.time("app"); const app = await createTestApp(); console.timeEnd("app");
  console.time("app2"); const app2 = await createTestApp({ on: app }); console.timeEnd("app2");
  const r = await app.as("rep_a1").get("/api/leads");
  expect(r.status).toBe(200);
  console.log(r.body.data.length, await app.store.sql(`select table_schema, table_name from information_schema.tables where table_schema not in ('pg_catalog','information_schema') order by 1,2`));
  console.log(await app.store.sql(`select object_id, op, version, at, actor, cause from t_demo._change order by seq limit 2`));
  await app2.close(); await app.close();
});
