// When contents of files go, and that they go with their tenant: into backups, into copies, and away.
import { access, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Api, createTestApp, type TestApp, withChanges } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, define, nobody, problem } from "./support.ts";
import { download as downloadBackup, pack, restore, unpack } from "./support/backups.ts";
import { download, stored, uploaded } from "./support/files.ts";

let app: TestApp;
let admin: Api;

const contract = {
  name: "contract",
  properties: {
    scan: { fieldType: "file" },
    letter: { fieldType: "reference", target: "file" },
    papers: { fieldType: "references", target: "file", relation: "bundles" },
  },
};

beforeAll(async () => {
  // What no record names is due at once.
  app = await createTestApp({ files: { keepMs: 0 } });
  admin = app.as("admin");
  await define(app, contract);
});
afterAll(() => app.close());

const pathOf = (id: string, tenant = "demo"): string => join(app.folder, tenant, id.slice(-2), id);
const isThere = (id: string, tenant?: string): Promise<boolean> =>
  access(pathOf(id, tenant)).then(
    () => true,
    () => false,
  );
const tidy = (): Promise<void> => app.kernel.files.tidy("demo");
const sign = async (values: Record<string, unknown>): Promise<string> =>
  body(await admin.post("/api/contracts", values), 201).id as string;
const rows = async (sql: string): Promise<number> => (await app.store.sql(sql)).length;

/** A tenant with contracts, and its administrator's key. */
async function tenantOf(id: string): Promise<{ key: string; api: Api }> {
  const made = await app.as("operator").post("/platform/tenants", { id, admin: { email: "a@example.com" } });
  const { key } = body(made, 201).admin;
  const api = app.as(key);
  body(await api.put("/api/meta/objects/contract", contract), 201);
  return { key, api };
}

describe("the sweep", () => {
  test("deletes the file that no record names, and tells of it", async () => {
    const named = await uploaded(app, "named");
    const referred = await uploaded(app, "referred");
    const listed = await uploaded(app, "listed");
    const lonely = await uploaded(app, "lonely");
    await sign({ scan: named, letter: referred, papers: [listed] });
    const { changes } = await withChanges(app, tidy);
    expect(changes).toMatchObject([
      { object: "file", record: lonely, op: "delete", version: 2 },
      { object: "file", record: lonely, op: "purge", version: 3, data: {} },
    ]);
    problem(await admin.get(`/api/files/${lonely}`), 404, "NOT_FOUND");
    problem(await admin.post(`/api/files/${lonely}/restore`), 404, "NOT_FOUND");
    expect(await stored(app)).toEqual([named, referred, listed].sort());
    expect((await download(app, named)).bytes.toString()).toBe("named");
    expect(await rows("SELECT id FROM t_demo._loose_content UNION SELECT id FROM t_demo._unnamed_file")).toBe(0);
    expect((await withChanges(app, tidy)).changes).toEqual([]);
  });

  test("waits for those that have not been alone for long, and forgets of those that are named again", async () => {
    const other = await createTestApp({ on: app });
    const id = await uploaded(app, "waits");
    await other.kernel.files.tidy("demo");
    expect(await rows(`SELECT id FROM t_demo._unnamed_file WHERE id = '${id}'`)).toBe(1);
    expect((await download(app, id)).status).toBe(200);
    const record = await sign({ scan: id });
    await other.kernel.files.tidy("demo");
    expect(await rows(`SELECT id FROM t_demo._unnamed_file WHERE id = '${id}'`)).toBe(0);
    body(await admin.patch(`/api/contracts/${record}`, { scan: null }), 200);
    await app.store.sql("UPDATE t_demo._unnamed_file SET since = now() - interval '1 day'");
    await other.kernel.files.tidy("demo");
    expect((await download(app, id)).status, "it is alone anew").toBe(200);
    await app.store.sql("UPDATE t_demo._unnamed_file SET since = now() - interval '1 day'");
    await other.kernel.files.tidy("demo");
    expect(await isThere(id)).toBe(false);
    await other.close();
  });

  test("keeps the file of a deleted record, which may be restored", async () => {
    const id = await uploaded(app, "kept");
    const record = await sign({ scan: id });
    expect((await admin.delete(`/api/contracts/${record}`)).status).toBe(204);
    await tidy();
    body(await admin.post(`/api/contracts/${record}/restore`), 200);
    expect((await download(app, id)).bytes.toString()).toBe("kept");
  });

  test("deletes a deleted file, without telling twice", async () => {
    const id = await uploaded(app, "deleted");
    expect((await admin.delete(`/api/files/${id}`)).status).toBe(204);
    expect((await withChanges(app, tidy)).changes).toMatchObject([{ record: id, op: "purge", data: {} }]);
    expect(await isThere(id)).toBe(false);
  });

  test("deletes the content that a killed process has left without a record", async () => {
    const left = await uploaded(app, "left");
    await app.store.sql("DELETE FROM t_demo.file WHERE id = $1", [left]);
    // The second one was killed before it had any.
    await app.store.sql("INSERT INTO t_demo._loose_content (id) VALUES ($1), ($2)", [left, nobody]);
    expect(await isThere(left)).toBe(true);
    await tidy();
    expect(await rows("SELECT id FROM t_demo._loose_content")).toBe(0);
    expect(await isThere(left)).toBe(false);
  });

  test("takes no file from a record that names it at that moment", async () => {
    const ids = await Promise.all(Array.from({ length: 40 }, (_, i) => uploaded(app, `raced ${i}`)));
    const signing = ids.map((id, i) => admin.post("/api/contracts", i % 2 === 0 ? { scan: id } : { papers: [id] }));
    const sweeps = [tidy(), tidy(), tidy()];
    const statuses = (await Promise.all(signing)).map(({ status }) => status);
    await Promise.all(sweeps);
    await tidy();
    expect(statuses.filter((status) => status !== 201 && status !== 422)).toEqual([]);
    expect(await Promise.all(ids.map((id) => isThere(id)))).toEqual(statuses.map((status) => status === 201));
  });
});

describe("a backup", () => {
  test("has the contents, and gives them back under any id; a copy has them too", async () => {
    const { key, api } = await tenantOf("orig");
    const long = Buffer.alloc(300_000, "关系 guanxi\n");
    const ids = [await uploaded(app, long, { by: key, name: "长.txt" }), await uploaded(app, "short", { by: key })];
    body(
      await api.post(
        "/api/contracts",
        ids.map((scan) => ({ scan })),
      ),
      200,
    );
    const file = await downloadBackup(app, "/platform/tenants/orig/backup");
    const read = async (by: string): Promise<string[]> =>
      Promise.all(ids.map(async (id) => (await download(app, id, { by })).bytes.toString()));
    const whole = [long.toString(), "short"];

    const [restored] = body(await restore(app, file, "?as=again"), 201).tenants;
    expect(await read(restored.admin.key)).toEqual(whole);
    const copied = body(await app.as("operator").post("/platform/tenants/orig/copy", { id: "twin" }), 201);
    expect(await read(copied.admin.key)).toEqual(whole);

    expect((await app.as("operator").delete("/platform/tenants/orig")).status).toBe(204);
    expect(await Promise.all(ids.map((id) => isThere(id, "orig")))).toEqual([false, false]);
    expect(await read(copied.admin.key), "nobody else's go").toEqual(whole);
    body(await restore(app, file), 201);
    expect(await read(key)).toEqual(whole);
  });

  test("whose content is damaged restores nothing, and leaves no content", async () => {
    const before = await stored(app);
    const file = await downloadBackup(app, "/platform/tenants/orig/backup");
    const pieces = unpack(file);
    const at = pieces.findLastIndex((piece) => Buffer.isBuffer(piece));
    const bytes = Buffer.from(pieces[at] as Buffer);
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    pieces[at] = bytes;
    problem(await restore(app, pack(pieces), "?as=broken"), 400, "MALFORMED");
    expect(await stored(app)).toEqual(before);
  });

  test("goes on where the storage has lost a content, and says so", async () => {
    const { key } = await tenantOf("lossy");
    const id = await uploaded(app, "lost", { by: key });
    await rm(pathOf(id, "lossy"));
    expect((await download(app, id, { by: key })).status).toBe(500);
    const file = await downloadBackup(app, "/platform/tenants/lossy/backup");
    expect(unpack(file)).toContainEqual({ kind: "content", id, there: false });
    const [restored] = body(await restore(app, file, "?as=found"), 201).tenants;
    expect(body(await app.as(restored.admin.key).get(`/api/files/${id}`), 200).name).toBe("a.txt");
  });
});
