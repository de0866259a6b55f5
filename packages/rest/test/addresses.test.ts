import { describe, expect, test } from "vitest";
import { edge, id, problemOf } from "./driver.ts";

const one = `/api/leads/${id}`;

describe("addresses", () => {
  test.each([
    ["GET", "/api/unicorns"],
    ["GET", "/api/leads/"],
    ["GET", "/api/leads/1"],
    ["GET", `/api/leads/${id}/timeline`],
    ["GET", `/api/leads/${id}/access`],
    ["GET", "/api/leads/duplicates"],
    ["POST", "/api/leads/merge"],
    ["POST", "/api/composite"],
    ["POST", "/api/import/leads"],
    ["GET", "/api/export/leads"],
    ["GET", "/api/search"],
    ["GET", "/api"],
    ["GET", "/api/"],
    ["GET", "/api/meta"],
    ["GET", "/api/meta/unicorns"],
    ["GET", "/nothing"],
    ["OPTIONS", "/nothing"],
  ])("%s %s is nowhere", async (method, path) => {
    const { send, seen } = edge();
    const response = await send(method, path, method === "POST" ? {} : undefined);
    expect(await problemOf(response)).toMatchObject({ status: 404, code: "GX-NOT_FOUND" });
    expect([response.status, seen]).toEqual([404, []]);
  });

  test.each([
    ["PUT", "/api/leads", "GET, POST, PATCH, HEAD, OPTIONS"],
    ["POST", one, "GET, PATCH, DELETE, HEAD, OPTIONS"],
    ["GET", `${one}/restore`, "POST, OPTIONS"],
    ["DELETE", `${one}/history`, "GET, HEAD, OPTIONS"],
    ["GET", "/api/leads/query", "POST, OPTIONS"],
    ["POST", "/api/leads/aggregate", "GET, HEAD, OPTIONS"],
    ["DELETE", "/api/leads/by/code/1", "GET, PUT, HEAD, OPTIONS"],
    ["DELETE", "/api/meta/objects", "GET, HEAD, OPTIONS"],
    ["POST", "/api/meta/objects/lead", "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"],
    ["PATCH", "/api/keys", "GET, POST, HEAD, OPTIONS"],
    ["POST", "/api/me", "GET, HEAD, OPTIONS"],
    ["DELETE", "/health", "GET, HEAD, OPTIONS"],
  ])("%s %s is 405 and OPTIONS names %s", async (method, path, allow) => {
    const { send, app } = edge();
    const response = await send(method, path);
    expect([response.status, response.headers.get("allow")]).toEqual([405, allow]);
    expect(await problemOf(response)).toMatchObject({ code: "GX-METHOD" });
    const options = await app.request(path, { method: "OPTIONS" });
    expect([options.status, options.headers.get("allow"), await options.text()]).toEqual([204, allow, ""]);
    expect(options.headers.get("access-control-allow-origin")).toBeNull();
  });

  test("a fixed word is no object, whatever objects there are", async () => {
    const { send } = edge({ kernel: { objectByPlural: async () => Promise.reject(new Error("asked for an object")) } });
    for (const path of ["/api/meta", "/api/keys/1/2", `/api/me/${id}`])
      expect((await send("GET", path)).status).toBe(404);
  });

  test("invalid UTF-8 in an address is a 400", async () => {
    const { send } = edge();
    for (const path of ["/api/leads/by/code/%ff", "/api/leads?filter=%ff", "/api/leads?filter=%zz"])
      expect(await problemOf(await send("GET", path))).toMatchObject({ status: 400, code: "GX-MALFORMED" });
  });
});
