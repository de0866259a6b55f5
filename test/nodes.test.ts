// Metadata that changes while others work: two nodes on one database, many changes at once, writers during DDL.
import { createTestApp, q, type TestApp, until } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, define, ids, problem } from "./support.ts";

let one: TestApp;
let two: TestApp;
beforeAll(async () => {
  one = await createTestApp();
  two = await createTestApp({ on: one });
  await one.as("admin").get("/api/leads");
  await two.as("admin").get("/api/leads");
});
afterAll(async () => {
  await two.close();
  await one.close();
});

const object = (name: string, properties: Record<string, unknown>, more: Record<string, unknown> = {}) => ({
  name,
  type: "object",
  properties,
  ...more,
});

describe("what one node defines, the other uses in its next request", () => {
  const [a, b] = [() => one.as("admin"), () => two.as("admin")];

  test("a new object, a new field in bodies, filters, orders, selections and aggregates", async () => {
    for (let i = 0; i < 8; i++) {
      const name = `node_${i}`;
      await define(one, object(name, { n: { type: "integer" } }));
      body(await b().post(`/api/${name}s`, { n: 1 }), 201);
      await define(one, object(name, { n: { type: "integer" }, m: { type: "integer" } }));
      const path = `/api/${name}s`;
      const call = [
        () => b().post(path, { m: 2 }),
        () => b().get(path + q({ filter: "m == null" })),
        () => b().get(path + q({ order: "-m" })),
        () => b().get(path + q({ select: "m" })),
        () => b().get(`${path}/aggregate${q({ group: "m" })}`),
        () =>
          b().put(
            `/api/meta/objects/${name}`,
            object(name, { n: { type: "integer" }, m: { type: "integer" }, k: { type: "integer" } }),
          ),
        () => b().get(path),
        async () => b().get(`${path}/${ids(await a().get(path))[0]}`),
      ][i];
      const answer = await call?.();
      expect([200, 201], answer?.text).toContain(answer?.status);
      expect(answer?.text, `call ${i} answers with the new field`).toMatch(/"m":/);
    }
  });

  test("a new rule, requirement, limit and unique key refuse at once", async () => {
    await define(one, object("strait", { n: { type: "integer" }, s: { type: "string" } }));
    body(await b().post("/api/straits", { n: 1, s: "x" }), 201);
    const id = ids(await b().get("/api/straits"))[0];
    await define(
      one,
      object(
        "strait",
        { n: { type: "integer" }, s: { type: "string" } },
        { rules: [{ name: "r", when: "n > 10", message: "Too many" }] },
      ),
    );
    problem(await b().post("/api/straits", { n: 11 }), 422, "VALIDATION");
    await define(
      one,
      object(
        "strait",
        { n: { type: "integer" }, s: { type: "string" } },
        { rules: [{ name: "r", when: "n > 5", message: "Too many" }] },
      ),
    );
    problem(await b().patch(`/api/straits/${id}`, { n: 6 }), 422, "VALIDATION");
    await define(one, object("strait", { n: { type: "integer" }, s: { type: "string", maxLength: 2 } }));
    problem(await b().post("/api/straits", { s: "xyz" }), 422, "VALIDATION");
    await define(one, object("strait", { n: { type: "integer" }, s: { type: "string" } }, { required: ["n"] }));
    problem(await b().post("/api/straits", [{ n: 1 }, { s: "a" }]), 422, "VALIDATION", ["/1/n"]);
    await define(one, object("strait", { n: { type: "integer", unique: true }, s: { type: "string" } }));
    problem(await b().post("/api/straits", { n: 1 }), 409, "CONFLICT", ["/n"]);
    body(await b().put("/api/straits/by/n/1", { s: "found" }), 200);
  });

  test("what was renamed or deleted is gone at once, and the new names are there", async () => {
    await define(one, object("ford", { deep: { type: "integer" } }));
    body(await b().post("/api/fords", { deep: 1 }), 201);
    await define(one, object("ford", { depth: { type: "integer", was: "deep" } }));
    expect(body(await b().get("/api/fords"), 200).data[0]).toMatchObject({ depth: 1 });
    await define(one, object("ford", { level: { type: "integer", was: "depth" } }));
    problem(await b().post("/api/fords", { depth: 1 }), 422, "VALIDATION", ["/depth"]);
    await define(one, object("ford", { height: { type: "integer", was: "level" } }));
    problem(await b().get(`/api/fords${q({ filter: "level > 0" })}`), 400, "QUERY");
    await define(one, { ...object("crossing", { height: { type: "integer" } }), was: "ford" });
    problem(await b().get("/api/fords"), 404, "NOT_FOUND");
    body(await one.as("admin").delete("/api/meta/objects/crossing?allow=drop:crossing"), 204);
    problem(await b().post("/api/crossings", { height: 1 }), 404, "NOT_FOUND");
  });

  test("two fields that change places are never read for each other", async () => {
    const places = [
      ["left", "right"],
      ["right", "left"],
    ] as const;
    await define(one, object("swap", { left: { type: "integer" }, right: { type: "integer" } }));
    const id = body(await b().post("/api/swaps", { left: 1, right: 2 }), 201).id;
    for (let i = 0; i < 4; i++) {
      // Each rename is told once: a definition that repeats its `was` renames nothing.
      await define(
        one,
        object("swap", { left: { type: "integer", was: "right" }, right: { type: "integer", was: "left" } }),
      );
      const [left, right] = places[i % 2] ?? [];
      const patched = body(await b().patch(`/api/swaps/${id}`, { [left ?? ""]: 10 + i }), 200);
      expect(patched[left ?? ""]).toBe(10 + i);
      expect(patched[right ?? ""]).not.toBe(10 + i);
      await define(one, object("swap", { left: { type: "integer" }, right: { type: "integer" } }));
    }
  });

  test("who may do what, within moments", async () => {
    const role = body(await a().get("/api/roles/by/name/sales_rep"), 200);
    body(await two.as("rep_a1").get("/api/products"), 200);
    body(await a().patch(`/api/roles/${role.id}`, { rights: { ...role.rights, product: [] } }), 200);
    await until(
      "the other node to hear of it",
      async () => (await two.as("rep_a1").get("/api/products")).status === 404,
      2_000,
      5,
    );
    const key = body(await a().post("/api/keys", { name: "brief" }), 201);
    body(await two.as(key.key).get("/api/me"), 200);
    body(await a().delete(`/api/keys/${key.id}`), 204);
    await until(
      "the key to be refused everywhere",
      async () => (await two.as(key.key).get("/api/me")).status === 401,
      2_000,
      5,
    );
  });
});

describe("changes at once", () => {
  test("of ten objects on two nodes: each is there, each has its version", async () => {
    const names = Array.from({ length: 10 }, (_, i) => `many_${i}`);
    const answers = await Promise.all(
      names.map((name, i) =>
        (i % 2 ? one : two).as("admin").put(`/api/meta/objects/${name}`, object(name, { n: { type: "integer" } })),
      ),
    );
    for (const answer of answers) body(answer, 201);
    expect(new Set(answers.map((r) => r.headers.get("etag"))).size).toBe(10);
    for (const name of names) body(await two.as("admin").post(`/api/${name}s`, { n: 1 }), 201);
  });

  test("of one object: every change is made whole, and no field is lost by a patch", async () => {
    await define(one, object("busy", {}));
    const fields = Array.from({ length: 10 }, (_, i) => `f${i}`);
    const answers = await Promise.all(
      fields.map((f, i) =>
        (i % 2 ? one : two).as("admin").patch("/api/meta/objects/busy", { properties: { [f]: { type: "integer" } } }),
      ),
    );
    for (const answer of answers) body(answer, 200);
    expect(Object.keys(body(await one.as("admin").get("/api/meta/objects/busy"), 200).properties).sort()).toEqual(
      fields,
    );
    const record = Object.fromEntries(fields.map((f, i) => [f, i]));
    expect(body(await two.as("admin").post("/api/busys", record), 201)).toMatchObject(record);
  });

  test("with If-Match only one of ten wins", async () => {
    const tag = (await one.as("admin").get("/api/meta/objects/busy")).headers.get("etag") ?? "";
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        (i % 2 ? one : two)
          .as("admin")
          .patch("/api/meta/objects/busy", { description: `of ${i}` }, { "if-match": tag }),
      ),
    );
    expect(answers.map((r) => r.status).sort()).toEqual([200, ...Array.from({ length: 9 }, () => 412)]);
  });

  test("while writers write: no write fails or is lost, no change waits in vain", async () => {
    await define(one, object("flow", { n: { type: "integer" } }));
    let going = true;
    const written: string[] = [];
    const writer = async (app: TestApp): Promise<void> => {
      for (let n = 0; going; n++) {
        const made = body(await app.as("admin").post("/api/flows", { n }), 201);
        written.push(made.id);
        body(await app.as("admin").patch(`/api/flows/${made.id}`, { n: n + 1 }), 200);
        body(await app.as("admin").get(`/api/flows${q({ order: "-n", limit: 3 })}`), 200);
      }
    };
    const writers = [one, one, two, two].map(writer);
    const defining = (async () => {
      const properties: Record<string, unknown> = { n: { type: "integer" } };
      for (let i = 0; i < 12; i++) {
        properties[`f${i}`] = { type: "integer", default: i, ...(i % 3 === 0 ? { index: true } : {}) };
        await define(
          one,
          object(
            "flow",
            { ...properties, n: { type: i % 2 ? "number" : "integer" } },
            i % 4 === 1 ? { required: ["n"] } : {},
          ),
        );
      }
    })();
    await defining.finally(() => (going = false));
    await Promise.all(writers);
    expect(written.length).toBeGreaterThan(12);
    const stored = body(
      await one.as("admin").get(`/api/flows/aggregate${q({ metrics: "count(),sum(version),count(f11)" })}`),
      200,
    ).data[0];
    expect(stored).toEqual({ count: written.length, sum_version: written.length * 2, count_f11: written.length });
  });
});
