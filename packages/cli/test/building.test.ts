// Changes of definitions that go on after their answer: commands wait for them.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exitCodes } from "@guanxi/cli";
import { type TestApp, until } from "@guanxi/testing";
import { beforeAll, expect, test } from "vitest";
import { type Served, useServer } from "./support.ts";

let server: Served;
let app: TestApp;
let folder: string;
// Whatever goes through a table that has rows is answered before it is done.
const settings = { GUANXI_LARGE_TABLE_KB: "0", GUANXI_CHANGE_WAIT_MS: "0" };
const guanxi = useServer((used) => ({ server, app, folder } = used), settings);

const text = { type: "string" };
const oar = (more: object = {}) => ({
  name: "oar",
  properties: { code: { ...text, ...more }, length: { type: "integer" } },
});

beforeAll(async () => {
  expect((await server.admin.put("/api/meta/objects/oar", oar())).status).toBe(201);
  await server.admin.post("/api/oars", [{ code: "a" }, { code: "b" }]);
});

const file = async (definition: object): Promise<string> => {
  const path = join(folder, "oar.json");
  await writeFile(path, JSON.stringify(definition));
  return path;
};

test("objects put waits until it is applied, and says why it is not", async () => {
  const put = await guanxi(["objects", "put", await file(oar({ unique: true }))]);
  expect([put.code, put.err, put.out]).toEqual([exitCodes.ok, "", expect.stringContaining("oar: changed")]);
  expect((await server.admin.post("/api/oars", { code: "a" })).status).toBe(409);

  const refused = await guanxi(["objects", "put", await file({ ...oar({ unique: true }), required: ["length"] })]);
  expect(refused.code).toBe(exitCodes.failed);
  expect(refused.err).toMatch(/oar\.json: .*require oar\.length.*2 record\(s\)/s);
  expect((await server.admin.get("/api/meta/objects/oar")).body).not.toHaveProperty("required");
});

test("push waits, too, and shows how far it is; interrupted it says that the server goes on", async () => {
  const project = join(folder, "project");
  expect((await guanxi(["pull", project])).code).toBe(exitCodes.ok);
  const definition = { ...oar({ unique: true }), indexes: [["length"]] };
  await writeFile(join(project, "objects", "oar.json"), JSON.stringify(definition));
  const stop = new AbortController();
  await app.store.ownConnection((own) =>
    own.transaction("ISOLATION LEVEL REPEATABLE READ", async (tx) => {
      // An index is not done before the transactions that are older.
      await tx.sql("SELECT count(*) FROM t_demo.role");
      const pushing = guanxi(["push", project], { interrupted: stop.signal, tty: true });
      const building =
        "SELECT FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%' AND state = 'active'";
      await until("the index to be built", async () => (await app.store.sql(building)).length > 0);
      setTimeout(() => stop.abort(), 700);
      const interrupted = await pushing;
      expect(interrupted.code).toBe(exitCodes.interrupted);
      expect(interrupted.err).toMatch(/of 1\.0 steps[^]*the server goes on with the change set [0-9a-f-]{36}/);
    }),
  );
  const indexes = async () => (await server.admin.get("/api/meta/objects/oar")).body.indexes;
  await until("the change set to be applied", indexes);
  expect(await indexes()).toEqual([["length"]]);
  expect((await guanxi(["push", project])).err).toContain("Nothing to change");
});
