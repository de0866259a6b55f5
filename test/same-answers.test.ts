import { createTestApp, type TestApp } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, pathsOf, problem } from "./support.ts";

/** One fault has one answer, at whichever address and by whichever room it is found. */

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

const admin = () => app.as("admin");
const lists = ["/api/leads", "/api/jobs", "/api/runs"];
const languages = ["en", "zh-CN", "zh-TW"];

/** What the caller reads of a refusal, without what names the request. */
async function refusalOf(path: string, language: string): Promise<unknown> {
  const answer = await admin().get(path, { "accept-language": language });
  const { title, code, detail, errors } = answer.body;
  return { status: answer.status, title, code, detail, errors };
}

describe("lists", () => {
  const pages = ["limit=0", "limit=501", "limit=-1", "limit=ten", "limit=1.5", "limit=1e2", "limit=", "nope=1"];
  test.each(languages.flatMap((language) => pages.map((page) => [page, language] as const)))(
    "?%s in %s is refused with the same words",
    async (page, language) => {
      const [records, ...others] = await Promise.all(lists.map((path) => refusalOf(`${path}?${page}`, language)));
      expect(records).toMatchObject({ status: 400, code: "GX-QUERY", errors: [{ path: page.split("=")[0] }] });
      for (const other of others) expect(other).toEqual(records);
    },
  );

  test("a limit that is too small is told in the caller's language", async () => {
    for (const path of lists)
      expect(await refusalOf(`${path}?limit=0`, "zh-CN"), path).toMatchObject({
        title: "查询无效",
        errors: [{ path: "limit", code: "minimum", message: "不能小于 1" }],
      });
  });

  test.each(languages)("a cursor of another list is refused with the same words in %s", async (language) => {
    const cursors = ["zzz", Buffer.from("jobs").toString("base64url"), Buffer.from("others 5").toString("base64url")];
    for (const cursor of cursors) {
      const [records, ...others] = await Promise.all(lists.map((l) => refusalOf(`${l}?cursor=${cursor}`, language)));
      expect(records).toMatchObject({ status: 400, code: "GX-QUERY", errors: [{ path: "cursor" }] });
      for (const other of others) expect(other).toMatchObject({ errors: (records as { errors: unknown }).errors });
    }
  });

  test("every fault of a query is named, and no character reaches the database that it has none for", async () => {
    const all = await admin().get("/api/runs?status=gone&record=7&limit=0&cursor=x&workflow=%00");
    problem(all, 400, "QUERY", ["cursor", "limit", "record", "status", "workflow"]);
    problem(await admin().get("/api/jobs?status=gone&limit=x"), 400, "QUERY", ["limit", "status"]);
    problem(await admin().get("/api/export/leads?filter=%00&bom=yes"), 400, "QUERY", ["bom", "filter"]);
    problem(await admin().post("/api/import/leads?mode=all&key=%00", undefined), 400, "QUERY", ["key", "mode"]);
    expect(pathsOf(await admin().get("/api/leads?filter=%00"))).toEqual(["filter"]);
  });
});

describe("If-Match", () => {
  const object = "/api/meta/objects/parcel";
  const workflow = "/api/meta/workflows/post";
  const definition = {
    name: "parcel",
    plural: "parcels",
    type: "object",
    properties: { name: { type: "string" } },
  };
  const script = { name: "post", object: "parcel", on: "created", script: "export default async () => {};" };
  /** Puts each once more, which gives the tenant's metadata a new version each time it is not refused. */
  const put = async (path: string, tags: string) =>
    admin().put(path, path === object ? { ...definition, description: tags } : script, { "if-match": tags });
  const present = async (): Promise<number> =>
    Number(/\d+/.exec((await admin().get(object)).headers.get("etag")!)?.[0]);

  beforeAll(async () => {
    body(await admin().put(object, definition), 201);
    body(await admin().put(workflow, script), 201);
  });

  test.each(["abc", '"3', "3", '"3" "4"', ""])("%j is no entity tag", async (tags) => {
    const before = await present();
    problem(await put(object, tags), 400, "MALFORMED");
    problem(await put(workflow, tags), 400, "MALFORMED");
    problem(await admin().delete(workflow, { "if-match": tags }), 400, "MALFORMED");
    expect(await present()).toBe(before);
  });

  test.each(['"0"', '"0", "1"', '"abc"'])("%s is not the version that is there", async (tags) => {
    const before = await present();
    problem(await put(object, tags), 412, "PRECONDITION");
    problem(await put(workflow, tags), 412, "PRECONDITION");
    problem(await admin().delete(workflow, { "if-match": tags }), 412, "PRECONDITION");
    expect(await present()).toBe(before);
  });

  test.each([
    (version: number) => `"${version}"`,
    (version: number) => `W/"${version}"`,
    (version: number) => `"0", "${version}"`,
    () => "*",
  ])("one of the tags is the version that is there", async (tagsOf) => {
    for (const path of [object, workflow]) body(await put(path, tagsOf(await present())), 200);
  });
});
