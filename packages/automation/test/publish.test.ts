import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { workflowSchema } from "../src/routes/schemas.ts";
import { type Node, type TenantOf, createDatabase, createNode, createTenant, tenantOn } from "./support.ts";

let database: Awaited<ReturnType<typeof createDatabase>>;
let node: Node;
let tenant: TenantOf & { user: string };

beforeAll(async () => {
  database = await createDatabase();
  node = await createNode(database.url);
  tenant = await createTenant(node);
});
afterAll(async () => {
  await node.close();
  await database.drop();
});

const put = (name: string, body: unknown) => tenant.call("PUT", `/api/meta/workflows/${name}`, body);
const good = { name: "good", object: "deal", on: "created", script: "export default async () => {}" };

describe("publishing", () => {
  test("201, then 200; the definition comes back as it was written; DELETE removes it", async () => {
    expect(await put("good", good)).toEqual({ status: 201, body: good });
    expect(await put("good", { ...good, title: "Good" })).toEqual({ status: 200, body: { ...good, title: "Good" } });
    expect((await tenant.call("GET", "/api/meta/workflows/good")).body).toEqual({ ...good, title: "Good" });
    expect((await tenant.call("GET", "/api/meta/workflows")).body).toEqual({ data: [{ ...good, title: "Good" }] });
    expect((await tenant.call("DELETE", "/api/meta/workflows/good")).status).toBe(204);
    await expect(tenant.call("GET", "/api/meta/workflows/good")).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(tenant.call("DELETE", "/api/meta/workflows/good")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test.each<[string, Record<string, unknown>, Record<string, unknown>[]]>([
    [
      "a syntax error",
      { script: "export default async () => {\n  const x = ;\n}" },
      [{ path: "/script", code: "script", line: 2 }],
    ],
    ["an import", { script: "import fs from 'fs';\nexport default () => {}" }, [{ path: "/script", line: 1 }]],
    ["no default export", { script: "const x = 1;" }, [{ path: "/script" }]],
    ["a condition on nothing", { when: "nothing > 3" }, [{ path: "/when", code: "expression", position: 0 }]],
    ["a condition that is no condition", { when: "amount + 1" }, [{ path: "/when", code: "expression" }]],
    ["another object", { object: "nowhere" }, [{ path: "/object", code: "definition" }]],
    ["an unknown trigger", { on: "sometimes" }, [{ path: "/on", code: "enum" }]],
    [
      "a schedule",
      { on: { schedule: "0 9 * * 1" } },
      [{ path: "/on", code: "not_yet", params: { keyword: "schedule" } }],
    ],
    ["an approval trigger", { on: "approval.approved" }, [{ path: "/on", code: "not_yet" }]],
    ["steps", { steps: [] }, [{ path: "/steps", code: "not_yet" }]],
    ["an unknown key", { colour: "red" }, [{ path: "/colour", code: "unknown" }]],
    ["fields of another trigger", { fields: ["stage"] }, [{ path: "/fields", code: "definition" }]],
    [
      "fields that are not there",
      { on: "updated", fields: ["stage", "nope"] },
      [{ path: "/fields/1", code: "unknown" }],
    ],
    ["another name", { name: "other" }, [{ path: "/name", code: "const" }]],
    ["an order that is no number", { order: "first" }, [{ path: "/order", code: "type" }]],
  ])("%s is refused with its place", async (_, change, issues) => {
    const error = await put("bad", { ...good, name: "bad", ...change }).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: "DEFINITION", status: 422, issues });
    expect((error as { issues: unknown[] }).issues).toHaveLength(issues.length);
    await expect(tenant.call("GET", "/api/meta/workflows/bad")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("all faults come at once", async () => {
    await expect(put("bad", { on: "x", object: "deal", when: "1 +", order: 1.5, script: "x y" })).rejects.toMatchObject(
      {
        issues: expect.arrayContaining(
          ["/name", "/on", "/when", "/order", "/script"].map((path) => expect.objectContaining({ path })),
        ),
      },
    );
  });

  test("types are stripped, lines stay", async () => {
    await put("typed", {
      ...good,
      name: "typed",
      script:
        "type Deal = { count: number | null };\nexport default async ({ record }: { record: Deal }) => {\n  return record.count as number;\n}",
    });
  });

  test("needs the right to edit metadata", async () => {
    const admin = await tenant.session();
    const user = JSON.parse(
      (await node.kernel.records.create(admin, "user", { name: "Rep", email: "rep@example.com" })).text,
    );
    const rep = tenantOn(node, tenant.id, user.id);
    await expect(rep.call("PUT", "/api/meta/workflows/mine", { ...good, name: "mine" })).rejects.toMatchObject({
      code: "FORBIDDEN",
    });
    await expect(rep.call("DELETE", "/api/meta/workflows/typed")).rejects.toMatchObject({ code: "FORBIDDEN" });
  });

  test("the routes say what else needs a right; whoever mounts them asks for it", () => {
    const rights = node.automation.routes.map(({ method, path, right }) => [`${method} ${path}`, right]);
    expect(Object.fromEntries(rights)).toMatchObject({
      "GET /api/runs": "view_runs",
      "GET /api/runs/:id": "view_runs",
      "POST /api/runs/:id/cancel": "edit_metadata",
      "POST /api/runs/:id/retry": "edit_metadata",
      "PUT /api/meta/workflows/:name": "edit_metadata",
      "DELETE /api/meta/workflows/:name": "edit_metadata",
    });
  });

  test("the published schema knows the same words as the API", () => {
    const file = JSON.parse(readFileSync(new URL("../../../schemas/workflow.json", import.meta.url), "utf8"));
    const { $schema: _, ...properties } = file.properties;
    expect(Object.keys(properties).toSorted()).toEqual(Object.keys(workflowSchema["properties"] as object).toSorted());
    expect(file.properties.on.enum).toEqual((workflowSchema["properties"] as { on: { enum: unknown } }).on.enum);
    expect(file.required).toEqual(workflowSchema["required"]);
  });
});
