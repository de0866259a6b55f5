// Several files in one field: their order, what the field takes, who reads them, when they go, and what becomes of them where the definition changes.
import { createTestApp, q, type TestApp, until, withChanges } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, define, hire, nobody, problem } from "./support.ts";
import { stored, uploaded } from "./support/files.ts";

let app: TestApp;
const admin = () => app.as("admin");
const path = "/api/contracts";
const contract = (scans: object, more: object = {}) => ({
  name: "contract",
  history: true,
  properties: { title: { type: "string", externalId: true }, scans, ...more },
});
const limited = { fieldType: "files", maxItems: 3, maxSize: 10, accept: ["text/plain"] };
const open = { fieldType: "files" };

beforeAll(async () => {
  app = await createTestApp({ worker: true, files: { keepMs: 0 } });
  await define(app, contract(limited));
});
afterAll(() => app.close());

const sign = async (values: Record<string, unknown>) => body(await admin().post(path, values), 201);
const several = (...contents: string[]): Promise<string[]> =>
  Promise.all(contents.map((content) => uploaded(app, content, { name: `${content}.txt` })));
const codes = (answer: { body: { errors: { path: string; code: string }[] } }): string[] =>
  answer.body.errors.map((e) => `${e.path} ${e.code}`).sort();

describe("a list of files", () => {
  test("keeps the order in which it was given, by every way of writing and reading", async () => {
    const [a = "", b = "", c = ""] = await several("a", "b", "c");
    const { result, changes } = await withChanges(app, () => admin().post(path, { title: "o1", scans: [c, a, c] }));
    const { id } = body(result, 201);
    expect(changes.map(({ data }) => data["scans"])).toEqual([[c, a]]);
    expect(body(await admin().patch(`${path}/${id}`, { scans: [b, c, a] }), 200).scans).toEqual([b, c, a]);
    expect(body(await admin().patch(path, [{ id, scans: [a.toUpperCase(), b] }]), 200).data[0].scans).toEqual([a, b]);
    // Another order is another value.
    expect(body(await admin().patch(path, [{ id, scans: [b, a] }]), 200).data[0]).toMatchObject({ version: 4 });
    expect(body(await admin().put(`${path}/by/title/o1`, { scans: [b, a] }), 200)).toMatchObject({ version: 4 });
    const history = body(await admin().get(`${path}/${id}/history`), 200).data;
    expect(history[0].changes.scans).toEqual({ from: [a, b], to: [b, a] });
    const rows = body(await admin().post(path, [{ scans: [c, b] }, { scans: [] }, { scans: null }]), 200).data;
    expect(rows.map((r: { scans: unknown }) => r.scans)).toEqual([[c, b], [], null]);
    const found = body(await admin().get(`${path}${q({ filter: "title == 'o1'", expand: "scans" })}`), 200).data;
    expect(found[0].scans.map((f: { name: string }) => f.name)).toEqual(["b.txt", "a.txt"]);
    expect(body(await admin().get(`${path}/${id}?expand=scans`), 200).scans[1]).toMatchObject({ id: a, size: 1 });
    const asked = async (filter: string) => body(await admin().get(`${path}${q({ filter })}`), 200).data.length;
    expect(await asked("title == 'o1' && scans.exists(s, s.name == 'a.txt')")).toBe(1);
    expect(await asked(`title == 'o1' && '${c}' in scans`)).toBe(0);
    problem(await admin().get(`${path}?order=scans`), 400, "QUERY");
  });

  test("is exported and imported in its order", async () => {
    const [a = "", b = ""] = await several("a", "b");
    await sign({ title: "e1", scans: [b, a] });
    const csv = (await admin().get(`/api/export/contracts${q({ select: "title,scans", filter: "title == 'e1'" })}`))
      .text;
    expect(csv).toContain(`e1,${b};${a}`);
    const file = `title,scans
e2,${b};${a}
`;
    const job = body(await admin().post("/api/import/contracts", file, { "content-type": "text/csv" }), 202).id;
    await until("the import", async () => body(await admin().get(`/api/jobs/${job}`), 200).ended_at !== null);
    expect(body(await admin().get(`${path}/by/title/e2`), 200).scans).toEqual([b, a]);
  });

  test("is a value when it is empty, and asked for more by minItems", async () => {
    const scans = { fieldType: "files", requiredWhen: "signed" };
    const deed = { name: "deed", properties: { signed: { type: "boolean" }, scans } };
    await define(app, deed);
    const write = (value: object) => admin().post("/api/deeds", value);
    expect(codes(await write({ signed: true }))).toEqual(["/scans required"]);
    expect(codes(await write({ signed: true, scans: null }))).toEqual(["/scans required"]);
    expect(body(await write({ signed: true, scans: [] }), 201).scans).toEqual([]);
    const always = { ...deed.properties, scans: { fieldType: "files" } };
    await define(app, { ...deed, required: ["scans"], properties: always });
    expect(codes(await write({}))).toEqual(["/scans required"]);
    body(await write({ scans: [] }), 201);
    await define(app, { ...deed, properties: { ...deed.properties, scans: { ...scans, minItems: 1 } } });
    expect(codes(await write({ signed: true, scans: [] }))).toEqual(["/scans minItems"]);
    const [a = ""] = await several("a");
    body(await write({ signed: true, scans: [a] }), 201);
  });

  test("is exported with its records, however many there are", async () => {
    const folder = { name: "folder", properties: { title: { type: "string" }, papers: { fieldType: "files" } } };
    await define(app, folder);
    const [a = "", b = ""] = await several("a", "b");
    // A field that may hold a thousand files lets a page have ten records.
    const titles = Array.from({ length: 23 }, (_, n) => `f${n}`);
    body(
      await admin().post(
        "/api/folders",
        titles.map((title) => ({ title, papers: [b, a] })),
      ),
      200,
    );
    const exported = async (format: string) => {
      const url = `http://guanxi.test/api/export/folders${q({ select: "title,papers", expand: "papers", format })}`;
      const headers = { authorization: `Bearer ${app.keys["admin"]}` };
      return (await app.app.fetch(new Request(url, { headers }))).text();
    };
    const lines = (await exported("ndjson")).trim().split("\n");
    const records = lines.map((line) => JSON.parse(line) as { title: string; papers: { name: string }[] });
    expect(records.map(({ title }) => title)).toEqual(titles);
    expect(records.map(({ papers }) => papers.map(({ name }) => name))).toEqual(titles.map(() => ["b.txt", "a.txt"]));
    const [head, ...rows] = (await exported("csv")).trim().split("\r\n");
    expect(head).toBe("id,title,papers");
    expect(rows.map((row) => row.split(",").slice(1).join())).toEqual(titles.map((title) => `${title},${b};${a}`));
    problem(await admin().get("/api/export/folders?expand=title"), 400, "QUERY");
  });

  test("takes files that fit each, and says which does not", async () => {
    const [a = "", b = "", long = ""] = await several("a", "b", "longer than ten");
    const page = await uploaded(app, "{}", { name: "c.json", type: "application/json" });
    const post = async (scans: unknown) => codes(await admin().post(path, { scans }));
    expect(await post([a, long])).toEqual(["/scans/1 maxSize"]);
    expect(await post([page, a])).toEqual(["/scans/0 accept"]);
    expect(await post([a, nobody])).toEqual(["/scans reference"]);
    expect(await post([a, b, long, page])).toEqual(["/scans maxItems"]);
    expect(await post(a)).toEqual(["/scans type"]);
    const { result, changes } = await withChanges(app, () =>
      admin().post(path, [{ scans: [a] }, { scans: [b, a, page] }, { scans: [long] }]),
    );
    expect(codes(result)).toEqual(["/1/scans/2 accept", "/2/scans/0 maxSize"]);
    expect(changes).toEqual([]);
    await define(app, contract(open));
    const { id } = await sign({ title: "kept", scans: [long, a] });
    await define(app, contract(limited));
    // What is there stays, also when the field takes less than it did.
    expect(body(await admin().patch(`${path}/${id}`, { scans: [b, long] }), 200).scans).toEqual([b, long]);
    expect(codes(await admin().patch(`${path}/${id}`, { scans: [b, page, long] }))).toEqual(["/scans/1 accept"]);
    expect(codes(await admin().patch(path, [{ id, scans: [page] }]))).toEqual(["/0/scans/0 accept"]);
    body(await admin().patch(`${path}/${id}`, { scans: [b] }), 200);
    expect(codes(await admin().patch(`${path}/${id}`, { scans: [b, long] }))).toEqual(["/scans/1 maxSize"]);
  });

  test("is read by whoever reads the record, and by nobody for knowing an id", async () => {
    const { api, user } = await hire(app, "lister", { rights: { contract: ["create", "read", "edit"] } });
    const key = body(await admin().post("/api/keys", { name: "lister 2", user }), 201).key as string;
    const reader = await hire(app, "list_reader", { rights: { contract: ["view_all"] } });
    const stranger = await hire(app, "list_stranger", { rights: { contract: ["create", "read"] } });
    const id = await uploaded(app, "mine", { by: key });
    expect(codes(await stranger.api.post(path, { scans: [id] }))).toEqual(["/scans reference"]);
    problem(await reader.api.get(`/api/files/${id}/content`), 404, "NOT_FOUND");
    const record = body(await api.post(path, { scans: [id] }), 201).id as string;
    expect((await reader.api.get(`/api/files/${id}/content`)).text).toBe("mine");
    problem(await stranger.api.get(`/api/files/${id}/content`), 404, "NOT_FOUND");
    body(await api.patch(`${path}/${record}`, { scans: [] }), 200);
    problem(await reader.api.get(`/api/files/${id}/content`), 404, "NOT_FOUND");
  });

  test("keeps its files from being deleted, and lets go of those that leave it", async () => {
    const [a = "", b = ""] = await several("stays", "leaves");
    const { id } = await sign({ scans: [a, b] });
    const refused = await admin().delete(`/api/files/${b}`);
    problem(refused, 409, "CONFLICT");
    expect(refused.body.errors[0]).toMatchObject({ code: "in_use" });
    await app.kernel.files.tidy("demo");
    expect(await stored(app)).toEqual(expect.arrayContaining([a, b]));
    body(await admin().patch(`${path}/${id}`, { scans: [a] }), 200);
    await app.kernel.files.tidy("demo");
    const there = await stored(app);
    expect([there.includes(a), there.includes(b)]).toEqual([true, false]);
  });

  test("is told to programs with its limits", async () => {
    const { schemas } = body(await admin().get("/api/openapi.json"), 200).components;
    expect(JSON.stringify(schemas["contract"].properties.scans)).toContain(
      '"maxItems":3,"uniqueItems":true,"items":{"type":"string","format":"uuid"}',
    );
    expect((await admin().get("/api/types.d.ts")).text).toMatch(/lists: \{\s+scans: "file";?\s+\}/);
    const definition = body(await admin().get("/api/meta/objects/contract"), 200).properties.scans;
    expect(definition).toEqual(limited);
    problem(await admin().put("/api/meta/objects/contract", contract({ ...open, unique: true })), 422, "DEFINITION", [
      "/properties/scans/unique",
    ]);
  });
});

describe("a change of the definition", () => {
  const set = (scans: object, more?: object) => admin().put("/api/meta/objects/contract", contract(scans, more));

  test("makes a list of a file, and a file of a list of one; longer ones are in the way", async () => {
    const [a = "", b = ""] = await several("one", "two");
    const single = { fieldType: "file", relation: "ones" };
    body(await set(limited, { seal: single }), 200);
    const { id } = await sign({ title: "seal", seal: a });
    body(await set(limited, { seal: { fieldType: "files", relation: "ones" } }), 200);
    expect(body(await admin().get(`${path}/${id}`), 200).seal).toEqual([a]);
    expect(body(await admin().get(`${path}/${id}?expand=seal`), 200).seal).toMatchObject([{ name: "one.txt" }]);
    body(await admin().patch(`${path}/${id}`, { seal: [b, a] }), 200);
    const other = await sign({ title: "empty seal", seal: [] });
    const refused = await set(limited, { seal: single });
    problem(refused, 409, "CONFLICT");
    expect(refused.text).toContain(id);
    expect(refused.text).not.toContain(other.id);
    expect(body(await admin().get(`${path}/${id}`), 200).seal).toEqual([b, a]);
    body(await admin().patch(`${path}/${id}`, { seal: [b] }), 200);
    body(await set(limited, { seal: single }), 200);
    expect(body(await admin().get(`${path}/${id}`), 200).seal).toBe(b);
    expect(body(await admin().get(`${path}/${other.id}`), 200).seal).toBeNull();
    problem(await admin().delete(`/api/files/${b}`), 409, "CONFLICT");
    await app.kernel.files.tidy("demo");
    expect((await admin().get(`/api/files/${b}/content`)).text).toBe("two");
    const { indexes } = (
      await app.store.sql<{ indexes: string }>(
        "SELECT string_agg(indexdef, E'\\n') AS indexes FROM pg_indexes WHERE schemaname = 't_demo' AND tablename = 'contract'",
      )
    )[0] as { indexes: string };
    expect(indexes).toMatch(/USING gin \(scans\)/);
    expect(indexes).toMatch(/USING btree \(seal\)/);
  });

  test("makes one of a list of records that are files, and nothing else of it", async () => {
    const [a = ""] = await several("paper");
    const allow = "?allow=drop:contract.seal,drop:contract.papers";
    const papers = { papers: { fieldType: "references", target: "file" } };
    body(await admin().put(`/api/meta/objects/contract${allow}`, contract(limited, papers)), 200);
    const { id } = await sign({ title: "papers", papers: [a] });
    body(await set(limited, { papers: open }), 200);
    expect(body(await admin().get(`${path}/${id}`), 200).papers).toEqual([a]);
    problem(await admin().delete(`/api/files/${a}`), 409, "CONFLICT");
    problem(await set(limited, { papers: { fieldType: "text" } }), 422, "DEFINITION", ["/properties/papers/fieldType"]);
    problem(await set(limited, papers), 422, "DEFINITION", ["/properties/papers/fieldType"]);
    problem(await set(limited), 409, "DATA_LOSS");
    body(await admin().put(`/api/meta/objects/contract${allow}`, contract(limited)), 200);
    expect((await admin().delete(`/api/files/${a}`)).status).toBe(204);
  });
});
