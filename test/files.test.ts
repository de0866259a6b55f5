// Files from the upload to the last of their bytes: what they are taken for, who reads them, and when they go.
import { createHash } from "node:crypto";
import { createTestApp, q, type TestApp, withChanges } from "@guanxi/testing";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, define, hire, nobody, problem } from "./support.ts";
import { download, stored, upload, uploaded } from "./support/files.ts";

const mostBytes = 6_000_000;
let app: TestApp;

const contract = {
  name: "contract",
  sharing: "private",
  properties: {
    title: { type: "string" },
    scan: { fieldType: "file", maxSize: 1_000, accept: ["application/pdf", "image/*"] },
    draft: { fieldType: "file" },
    papers: { fieldType: "references", target: "file" },
  },
};

beforeAll(async () => {
  app = await createTestApp({ files: { mostBytes } });
  await define(app, contract);
});
afterAll(() => app.close());

const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const pdf = Buffer.from("%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n");
const sha256 = (bytes: string | Buffer): string => createHash("sha256").update(bytes).digest("hex");

/** A contract that names these files; → its id. */
const sign = async (values: Record<string, unknown>, by = "admin"): Promise<string> =>
  body(await app.as(by).post("/api/contracts", values), 201).id as string;

describe("a file", () => {
  test("comes back as it was sent, under its name", async () => {
    const answer = await upload(app, pdf, { name: "合同 №1.pdf", type: "application/pdf" });
    const file = body(answer, 201);
    expect(file).toMatchObject({
      ...{ name: "合同 №1.pdf", size: pdf.length, content_type: "application/pdf", sha256: sha256(pdf), version: 1 },
    });
    expect(answer.headers.get("location")).toBe(`/api/files/${file.id}`);
    expect(body(await app.as("admin").get(`/api/files/${file.id}`), 200)).toEqual(file);
    const { status, headers, bytes } = await download(app, file.id);
    expect([status, bytes.equals(pdf)]).toEqual([200, true]);
    expect(Object.fromEntries(headers)).toMatchObject({
      "content-type": "application/pdf",
      "content-length": String(pdf.length),
      "content-disposition": `attachment; filename="?? ?1.pdf"; filename*=UTF-8''${encodeURIComponent("合同 №1.pdf")}`,
      "content-security-policy": "default-src 'none'; sandbox",
      "x-content-type-options": "nosniff",
      "accept-ranges": "bytes",
      etag: `"${sha256(pdf)}"`,
    });
    const head = await download(app, file.id, { method: "HEAD" });
    expect([head.status, head.headers.get("content-length"), head.bytes.length]).toEqual([200, String(pdf.length), 0]);
    const again = await download(app, file.id, { headers: { "if-none-match": `"${sha256(pdf)}"` } });
    expect([again.status, again.bytes.length]).toEqual([304, 0]);
  });

  test("of 5 MB comes in pieces, without its length", async () => {
    const whole = Buffer.alloc(5_000_000, "guanxi 关系 ");
    let sent = 0;
    const pieces = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (sent === whole.length) return controller.close();
        controller.enqueue(whole.subarray(sent, (sent = Math.min(whole.length, sent + 65_537))));
      },
    });
    const id = await uploaded(app, pieces);
    expect((await download(app, id)).bytes.equals(whole)).toBe(true);
  });

  test("is renamed, and nothing else of it is written", async () => {
    const id = await uploaded(app, "text");
    const admin = app.as("admin");
    expect(body(await admin.patch(`/api/files/${id}`, { name: "新.txt" }), 200)).toMatchObject({
      name: "新.txt",
      version: 2,
    });
    const facts = { size: 1, sha256: "0", content_type: "text/html" };
    problem(await admin.patch(`/api/files/${id}`, facts), 422, "VALIDATION", ["/content_type", "/sha256", "/size"]);
    problem(await admin.patch(`/api/files/${id}`, { name: "../etc" }), 422, "VALIDATION", ["/name"]);
    const { data } = body(await admin.get(`/api/files/${id}/history`), 200);
    expect(data.map((entry: { op: string }) => entry.op)).toEqual(["update", "create"]);
  });

  test("has a name that a file can have", async () => {
    problem(await upload(app, "a", { name: "" }), 400, "QUERY", ["name"]);
    for (const name of ["a/b", "a\\b", "a\nb", "x".repeat(256)])
      problem(await upload(app, "a", { name }), 400, "QUERY", ["name"]);
  });

  test("is made of its content alone", async () => {
    const admin = app.as("admin");
    problem(await admin.put(`/api/files/by/id/${nobody}`, { name: "a" }), 422, "VALIDATION");
    problem(await admin.post("/api/import/files", "name\na\n", { "content-type": "text/csv" }), 403, "FORBIDDEN");
    problem(await admin.get(`/api/contracts/${nobody}/content`), 404, "NOT_FOUND");
    problem(await upload(app, "", {}), 400, "MALFORMED");
    problem(await upload(app, "--a", { type: "multipart/form-data; boundary=a" }), 415, "MEDIA_TYPE");
    problem(await upload(app, "a", { headers: { "content-encoding": "gzip" } }), 415, "MEDIA_TYPE");
    problem(await admin.get(`/api/files/${nobody}/content`), 404, "NOT_FOUND");
    const paths = body(await admin.get("/api/openapi.json"), 200).paths;
    expect(paths["/api/files"].post.operationId).toBe("file.upload");
    expect(paths["/api/files/{id}/content"].get.responses).toHaveProperty("206");
    expect(paths).not.toHaveProperty("/api/contracts/{id}/content");
  });
});

describe("its content type", () => {
  const cases: readonly (readonly [
    what: string,
    content: string | Buffer<ArrayBuffer>,
    said: string | undefined,
    found: string,
    shown: string,
  ])[] = [
    ["an image is one, whatever is said", png, "text/html", "image/png", "inline"],
    ["a page is no image", "<html><script>alert(1)</script>", "image/png", "text/plain", "inline"],
    ["a page is a page", "<html><script>alert(1)</script>", "text/html; charset=utf-8", "text/html", "attachment"],
    [
      "a drawing runs scripts",
      '<svg xmlns="http://www.w3.org/2000/svg"/>',
      "image/svg+xml",
      "image/svg+xml",
      "attachment",
    ],
    [
      "XML may be a drawing",
      '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
      "image/svg+xml",
      "image/svg+xml",
      "attachment",
    ],
    [
      "text of another encoding is text",
      Buffer.from([0xb9, 0xd8, 0xcf, 0xb5, 0x0a]),
      "text/csv",
      "text/csv",
      "attachment",
    ],
    ["text that nobody names", "text", undefined, "text/plain", "inline"],
    ["bytes that nobody names", Buffer.from([1, 2, 3, 0]), undefined, "application/octet-stream", "attachment"],
    ["bytes that are no text", Buffer.from([1, 2, 3, 0]), "text/html", "application/octet-stream", "attachment"],
    ["bytes that are no image", Buffer.from([1, 2, 3, 0]), "image/png", "application/octet-stream", "attachment"],
    ["bytes of a kind of their own", Buffer.from([1, 2, 3, 0]), "application/x-own", "application/x-own", "attachment"],
    [
      "an old document in its container",
      Buffer.from("d0cf11e0a1b11ae1".padEnd(1_024, "0"), "hex"),
      "application/msword",
      "application/msword",
      "attachment",
    ],
  ];
  test.each(cases)("%s", async (_, content, said, found, shown) => {
    const sent = said === undefined ? {} : { type: said };
    const file = body(await upload(app, content, sent), 201);
    expect(file.content_type).toBe(found);
    const { headers } = await download(app, file.id);
    expect(headers.get("content-type")).toBe(found);
    expect(headers.get("content-disposition")?.split(";")[0]).toBe(shown);
  });
});

describe("a range of it", () => {
  const text = "0123456789";

  test("is the slice that was asked for", async () => {
    const id = await uploaded(app, text);
    const number = fc.integer({ min: 0, max: 14 });
    await fc.assert(
      fc.asyncProperty(fc.option(number), fc.option(number), async (first, last) => {
        fc.pre(first !== null || last !== null);
        const range = `bytes=${first ?? ""}-${last ?? ""}`;
        const { status, headers, bytes } = await download(app, id, { headers: { range } });
        const from = first ?? Math.max(0, text.length - (last ?? 0));
        const to = first === null || last === null ? text.length : Math.min(text.length, last + 1);
        if (from >= text.length) {
          expect([status, headers.get("content-range")]).toEqual([416, "bytes */10"]);
        } else if (first !== null && last !== null && last < first) {
          expect([status, bytes.toString()]).toEqual([200, text]);
        } else {
          expect([status, bytes.toString()]).toEqual([206, text.slice(from, to)]);
          expect(headers.get("content-range")).toBe(`bytes ${from}-${to - 1}/10`);
          expect(headers.get("content-length")).toBe(String(to - from));
        }
      }),
      { numRuns: 60 },
    );
  });

  test("is of the content that the caller has the rest of", async () => {
    const id = await uploaded(app, text);
    const of = async (condition: string): Promise<number> =>
      (await download(app, id, { headers: { range: "bytes=2-3", "if-range": condition } })).status;
    expect(await of(`"${sha256(text)}"`)).toBe(206);
    expect(await of('"another"')).toBe(200);
    expect(await of("Sun, 22 Nov 2026 08:00:00 GMT")).toBe(200);
    const several = await download(app, id, { headers: { range: "bytes=0-1,3-4" } });
    expect([several.status, several.bytes.toString()]).toEqual([200, text]);
  });
});

describe("who reads it", () => {
  test("its uploader and those above, until a record names it; then also whoever reads the record", async () => {
    const { api: mine, user } = await hire(app, "scanner", {
      rights: { contract: ["create", "read", "edit", "delete"] },
    });
    const key = body(await app.as("admin").post("/api/keys", { name: "scanner 2", user }), 201).key as string;
    const reader = await hire(app, "reader", { rights: { contract: ["view_all"] } });
    const stranger = await hire(app, "stranger", { rights: { contract: ["create", "read", "edit", "delete"] } });
    const id = await uploaded(app, pdf, { name: "s.pdf", by: key });
    const sees = async (api: typeof mine): Promise<number[]> => [
      (await api.get(`/api/files/${id}`)).status,
      (await api.get(`/api/files/${id}/content`)).status,
      (await api.get(`/api/files/${id}/history`)).status,
    ];
    expect(await sees(mine)).toEqual([200, 200, 200]);
    expect(await sees(reader.api)).toEqual([404, 404, 404]);
    // Nobody gets to a file by naming it.
    problem(await stranger.api.post("/api/contracts", { scan: id }), 422, "VALIDATION", ["/scan"]);
    const record = body(await mine.post("/api/contracts", { title: "s", scan: id }), 201).id as string;
    expect(await sees(reader.api)).toEqual([200, 200, 200]);
    expect(await sees(stranger.api)).toEqual([404, 404, 404]);
    const path = `/api/contracts/${record}?expand=scan`;
    expect(body(await reader.api.get(path), 200).scan).toMatchObject({ id, name: "s.pdf", size: pdf.length });
    const list = body(await reader.api.get("/api/contracts?select=title,scan.name&filter=scan.size%20%3E%2010"), 200);
    expect(list.data).toMatchObject([{ title: "s", scan: { name: "s.pdf" } }]);
    // Whoever reads it does not change it, and lists show one's own.
    problem(await reader.api.patch(`/api/files/${id}`, { name: "t.pdf" }), 403, "FORBIDDEN");
    problem(await reader.api.delete(`/api/files/${id}`), 403, "FORBIDDEN");
    expect(body(await reader.api.get("/api/files"), 200).data).toEqual([]);
    expect(body(await mine.get("/api/files"), 200).data.map((f: { id: string }) => f.id)).toEqual([id]);
    // With the record goes the way to the file.
    expect((await mine.delete(`/api/contracts/${record}`)).status).toBe(204);
    expect(await sees(reader.api)).toEqual([404, 404, 404]);
    expect(await sees(mine)).toEqual([200, 200, 200]);
  });

  test("whoever reads a record that has it in a list", async () => {
    const { api, user } = await hire(app, "lister", { rights: { contract: ["create", "read", "edit"] } });
    const key = body(await app.as("admin").post("/api/keys", { name: "lister 2", user }), 201).key as string;
    const reader = await hire(app, "list_reader", { rights: { contract: ["view_all"] } });
    const stranger = await hire(app, "list_stranger", { rights: { contract: ["create", "read"] } });
    const id = await uploaded(app, pdf, { name: "l.pdf", by: key });
    problem(await stranger.api.post("/api/contracts", { papers: [id] }), 422, "VALIDATION", ["/papers"]);
    problem(await reader.api.get(`/api/files/${id}/content`), 404, "NOT_FOUND");
    const record = body(await api.post("/api/contracts", { papers: [id] }), 201).id as string;
    expect((await reader.api.get(`/api/files/${id}/content`)).text).toBe(pdf.toString());
    problem(await stranger.api.get(`/api/files/${id}/content`), 404, "NOT_FOUND");
    const path = `/api/contracts/${record}?expand=papers`;
    expect(body(await reader.api.get(path), 200).papers).toMatchObject([{ id, name: "l.pdf" }]);
    const found = await reader.api.get(`/api/contracts${q({ filter: "papers.exists(p, p.name == 'l.pdf')" })}`);
    expect(body(found, 200).data).toMatchObject([{ id: record, papers: [id] }]);
    expect((await api.delete(`/api/files/${id}`)).status).toBe(204);
    expect(body(await reader.api.get(path), 200).papers).toEqual([]);
    problem(await reader.api.get(`/api/files/${id}/content`), 404, "NOT_FOUND");
  });

  test("nobody without the right to the object, though a record names it", async () => {
    const id = await uploaded(app, pdf);
    await sign({ scan: id });
    const other = await hire(app, "other", { rights: { contact: ["view_all"] } });
    problem(await other.api.get(`/api/files/${id}/content`), 404, "NOT_FOUND");
    expect((await app.as(undefined).get(`/api/files/${id}/content`)).status).toBe(401);
  });
});

describe("a field", () => {
  test("takes files that fit it", async () => {
    const big = await uploaded(app, Buffer.concat([pdf, Buffer.alloc(1_000, " ")]));
    const text = await uploaded(app, "text");
    const fits = await uploaded(app, png);
    const admin = app.as("admin");
    const codes = (answer: Awaited<ReturnType<typeof upload>>): string[] =>
      answer.body.errors.map((e: { path: string; code: string }) => `${e.path} ${e.code}`);
    expect(codes(await admin.post("/api/contracts", { scan: big }))).toEqual(["/scan maxSize"]);
    expect(codes(await admin.post("/api/contracts", { scan: text }))).toEqual(["/scan accept"]);
    expect(codes(await admin.post("/api/contracts", { scan: nobody }))).toEqual(["/scan reference"]);
    const rows = await admin.post("/api/contracts", [{ scan: fits }, { scan: big }, { scan: text, draft: nobody }]);
    expect(codes(rows).sort()).toEqual(["/1/scan maxSize", "/2/draft reference", "/2/scan accept"]);
    const id = await sign({ scan: fits, draft: big });
    const patch = await admin.patch(`/api/contracts/${id}`, { scan: big }, { "accept-language": "zh-CN" });
    problem(patch, 422, "VALIDATION", ["/scan"]);
    expect(patch.body.errors[0].message).toBe("文件不能超过 1000 字节");
    const patches = await admin.patch("/api/contracts", [{ id, scan: text }]);
    expect(codes(patches)).toEqual(["/0/scan accept"]);
    // What is there stays, also when the field takes less than it did.
    await define(app, {
      ...contract,
      properties: { ...contract.properties, draft: { fieldType: "file", maxSize: 1 } },
    });
    expect(body(await admin.patch(`/api/contracts/${id}`, { title: "t", draft: big }), 200)).toMatchObject({
      title: "t",
      draft: big,
    });
    await define(app, contract);
  });

  test("keeps its file from being deleted, and lets go of it", async () => {
    const admin = app.as("admin");
    const file = await uploaded(app, pdf);
    const id = await sign({ scan: file });
    const refused = await admin.delete(`/api/files/${file}`);
    problem(refused, 409, "CONFLICT");
    expect(refused.body.errors[0]).toMatchObject({ code: "in_use" });
    body(await admin.patch(`/api/contracts/${id}`, { scan: null }), 200);
    expect((await admin.delete(`/api/files/${file}`)).status).toBe(204);
    problem(await admin.get(`/api/files/${file}/content`), 404, "NOT_FOUND");
    problem(await admin.patch(`/api/contracts/${id}`, { scan: file }), 422, "VALIDATION", ["/scan"]);
    body(await admin.post(`/api/files/${file}/restore`), 200);
    expect((await download(app, file)).status).toBe(200);
  });

  test("never becomes another type", async () => {
    const { scan: _, ...others } = contract.properties;
    const answer = await app.as("admin").put("/api/meta/objects/contract", {
      ...contract,
      properties: { ...others, scan: { type: "string" } },
    });
    problem(answer, 422, "DEFINITION", ["/properties/scan/fieldType"]);
  });
});

describe("an upload that is not to be", () => {
  test("is refused at its length, and where it turns out too long", async () => {
    const before = await stored(app);
    const long = Buffer.alloc(mostBytes + 1, "a");
    problem(await upload(app, long, { headers: { "content-length": String(long.length) } }), 413, "TOO_LARGE");
    problem(await upload(app, new Blob([long]).stream()), 413, "TOO_LARGE");
    expect(await stored(app)).toEqual(before);
  });

  test("leaves nothing when it breaks off", async () => {
    const before = await stored(app);
    let sent = 0;
    const broken = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (sent++ < 5) controller.enqueue(Buffer.alloc(10_000, "a"));
        else controller.error(new Error("gone"));
      },
    });
    const { result, changes } = await withChanges(app, () => upload(app, broken));
    problem(result, 400, "MALFORMED");
    expect(changes).toEqual([]);
    expect(await stored(app)).toEqual(before);
    expect(await app.store.sql("SELECT id FROM t_demo._loose_content")).toEqual([]);
  });

  test("is done once with an Idempotency-Key", async () => {
    const headers = { "idempotency-key": "upload-1" };
    const first = body(await upload(app, "once", { headers }), 201);
    expect(body(await upload(app, "once", { headers }), 201).id).toBe(first.id);
    problem(await upload(app, "twice", { headers }), 422, "IDEMPOTENCY_KEY");
  });
});
