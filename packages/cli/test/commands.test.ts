import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { exitCodes } from "@guanxi/cli";
import { until } from "@guanxi/testing";
import { describe, expect, test } from "vitest";
import { type CallOptions, type Served, start, useServer } from "./support.ts";

let server: Served;
let folder: string;
const guanxi = useServer((used) => ({ server, folder } = used));

/** The JSON that a command prints, and nothing else on standard output. */
async function json<T>(words: readonly string[], options: CallOptions = {}): Promise<T> {
  const { code, out, err } = await guanxi([...words, "--json"], options);
  expect({ code, err }).toEqual({ code: exitCodes.ok, err: "" });
  expect(out.trimEnd()).not.toContain("\n");
  return JSON.parse(out) as T;
}

describe("tenants", () => {
  test("are made with what is asked, listed and deleted; the key stands alone on standard output", async () => {
    const more = ["--plugins", "sales", "--locale", "zh-CN", "--time-zone", "Asia/Shanghai", "--currency", "CNY"];
    const made = await guanxi([
      "tenant",
      "create",
      "acme",
      "--name",
      "Acme 关系",
      "--email",
      "ann@acme.example",
      ...more,
    ]);
    expect(made.code, made.err).toBe(exitCodes.ok);
    expect(made.out).toMatch(/^gx_acme_\S+\n$/);
    const env = { GUANXI_KEY: made.out.trim() };
    const objects = await json<{ name: string }[]>(["objects", "list"], { env });
    expect(objects.map(({ name }) => name)).toContain("opportunity");

    const tenants = await json<{ id: string; name: string }[]>(["tenant", "list"]);
    expect(tenants).toMatchObject([{ id: "acme", name: "Acme 关系" }, { id: "demo" }]);
    expect((await guanxi(["tenant", "list"])).out).toMatch(/^acme\s+Acme 关系\s+sales\s+2/m);

    expect(await json(["tenant", "delete", "acme", "--yes"])).toEqual({ id: "acme", deleted: true });
    expect((await json<object[]>(["tenant", "list"])).length).toBe(1);
    expect((await guanxi(["objects", "list"], { env })).code).toBe(exitCodes.failed);
  });

  test("are not deleted without a yes, nor by a wrong one", async () => {
    const key = ["tenant", "create", "keep", "--name", "Keep", "--email", "k@keep.example"];
    expect((await guanxi(key)).code).toBe(exitCodes.ok);
    const alone = await guanxi(["tenant", "delete", "keep"]);
    expect(alone.code).toBe(exitCodes.usage);
    expect(alone.err).toContain("--yes");
    const wrong = await guanxi(["tenant", "delete", "keep"], { tty: true, stdin: "yes\n" });
    expect(wrong.code).toBe(exitCodes.failed);
    expect(wrong.err).toContain("Nothing was deleted");
    expect((await server.operator.get("/platform/tenants/keep")).status).toBe(200);
    const right = await guanxi(["tenant", "delete", "keep"], { tty: true, stdin: "keep\n" });
    expect(right.code, right.err).toBe(exitCodes.ok);
    expect((await server.operator.get("/platform/tenants/keep")).status).toBe(404);
  });

  test("a refusal names every fault with its place, and the request", async () => {
    const words = ["tenant", "create", "A!", "--name", "x", "--email", "nobody", "--time-zone", "Mars/Base"];
    const { code, out, err } = await guanxi(words);
    expect({ code, out }).toEqual({ code: exitCodes.failed, out: "" });
    for (const says of ["GX-VALIDATION", "/id: ", "/admin/email: ", "/timeZone: ", "request "])
      expect(err).toContain(says);
  });

  test("are the operator's: a user's key is refused with what to set", async () => {
    const { code, out, err } = await guanxi(["tenant", "list", "--operator-key", server.env["GUANXI_KEY"] ?? ""]);
    expect({ code, out }).toEqual({ code: exitCodes.failed, out: "" });
    expect(err).toContain("GUANXI_OPERATOR_KEY");
    expect(err).not.toContain(server.env["GUANXI_KEY"]);
  });
});

describe("keys", () => {
  interface Key {
    readonly id: string;
    readonly name: string;
    readonly user: string;
    readonly key?: string;
    readonly expires_at: string | null;
  }

  test("are made for oneself or by e-mail, work, are listed without their secret, and are revoked", async () => {
    const words = ["keys", "create", "--name", "ERP", "--user", "rep_a1@demo.example", "--expires", "90d"];
    const made = await json<Key>(words);
    const days = (Date.parse(made.expires_at ?? "") - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(89.9);
    expect(days).toBeLessThan(90.1);
    const env = { GUANXI_KEY: made.key ?? "" };
    expect((await server.admin.get(`/api/users/${made.user}`)).body.email).toBe("rep_a1@demo.example");

    const own = await guanxi(["keys", "create", "--name", "own"], { env });
    expect(own.out).toMatch(/^gx_demo_\S+\n$/);
    const listed = await guanxi(["keys", "list"]);
    expect(listed.out).toContain(made.id);
    expect(listed.out).not.toContain(made.key);
    expect(listed.out).not.toContain(own.out.trim());

    expect(await json(["keys", "revoke", made.id])).toEqual({ id: made.id, revoked: true });
    const refused = await guanxi(["objects", "list"], { env });
    expect(refused.code).toBe(exitCodes.failed);
    expect(refused.err).toContain("was revoked or has expired");
    expect(refused.err).toContain("GX-UNAUTHENTICATED");
  });

  test("not for a user who is not there", async () => {
    const { code, err } = await guanxi(["keys", "create", "--name", "x", "--user", "nobody@demo.example"]);
    expect(code).toBe(exitCodes.failed);
    expect(err).toContain("GX-NOT_FOUND");
  });
});

describe("objects and types", () => {
  test("a table of fields, in the user's language", async () => {
    const { out } = await guanxi(["objects", "show", "lead"], { env: { LANG: "zh_CN.UTF-8" } });
    expect(out).toContain("lead (线索): /api/leads");
    expect(out).toMatch(/^last_name\s+text\s+yes\s+姓$/m);
    expect(out).toMatch(/^external_id\s+text\s+yes\s+\S/m);
    const english = (await guanxi(["objects", "show", "opportunity"])).out;
    expect(english).toMatch(/^account\s+reference to account\b/m);
    expect((await guanxi(["objects", "list", "--plurals"])).out.split("\n")).toContain("opportunities");
    const definition = await json<{ name: string; properties: object }>(["objects", "show", "lead"]);
    expect(definition.properties).toHaveProperty("last_name");
  });

  test("what is not there is said in the user's language", async () => {
    const { code, err } = await guanxi(["objects", "show", "nothing"], { env: { LC_ALL: "zh_TW.UTF-8" } });
    expect(code).toBe(exitCodes.failed);
    expect(err).toContain("GX-NOT_FOUND");
  });

  test("types go to a file whole", async () => {
    const out = join(folder, "guanxi.d.ts");
    const { bytes } = await json<{ bytes: number }>(["types", "--out", out]);
    const text = await readFile(out, "utf8");
    expect(Buffer.byteLength(text)).toBe(bytes);
    expect(text).toContain("export interface Objects");
    expect((await guanxi(["types"])).out).toBe(text);
  });
});

describe("runs", () => {
  interface Run {
    readonly id: string;
    readonly status: string;
    readonly error: { readonly line: number } | null;
  }
  const failing = {
    name: "breaks",
    object: "contact",
    on: "created",
    script: "export default async () => {\n  throw new Error('no way');\n};",
  };

  test("the newest come last; failed ones tell where in the script; --follow tells of new ones until interrupted", async () => {
    expect((await server.admin.put("/api/meta/workflows/breaks", failing)).status).toBe(201);
    const tail = start(
      ["runs", "tail", "--follow", "--json", "--workflow", "breaks", "--status", "failed"],
      server.env,
    );
    const contact = async (): Promise<string> =>
      (await server.admin.post("/api/contacts", { last_name: "Tail" })).body.id as string;
    const first = await contact();
    await until("the run to be told of", async () => tail.out().includes(first), 20_000);
    const second = await contact();
    await until("the second run", async () => tail.out().includes(second), 20_000);
    tail.process.kill("SIGINT");
    expect(await tail.ended).toEqual({ code: 0, signal: null });
    expect(tail.err()).toBe("");
    const lines = tail
      .out()
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Run);
    expect(lines.map(({ status }) => status)).toEqual(["failed", "failed"]);
    expect(new Set(lines.map(({ id }) => id)).size).toBe(2);

    const { out } = await guanxi(["runs", "tail", "--workflow", "breaks", "-n", "1"]);
    expect(out).toMatch(/failed\s+breaks\s+contact /);
    expect(out).toContain(second);
    expect(out).not.toContain(first);
    expect(out).toMatch(/no way.*\(line 2, column \d+ of the script\)/);
    expect((await guanxi(["runs", "tail", "--workflow", "other"])).out).toBe("");
  });
});

describe("plugins", () => {
  test("are listed, planned, disabled and enabled, uninstalled and installed again", async () => {
    const made = await guanxi(
      "tenant create plugged --name Plugged --email a@plugged.example --plugins sales".split(" "),
    );
    const env = { GUANXI_KEY: made.out.trim() };
    expect((await guanxi(["plugins", "list"], { env })).out).toMatch(/^sales +enabled +1\.0\.0 +1\.0\.0 +Sales$/m);
    const nothing = await guanxi(["plugins", "upgrade", "sales"], { env });
    expect([nothing.code, nothing.out, nothing.err]).toEqual([exitCodes.ok, "", "Nothing to change: version 1.\n"]);
    const planned = await guanxi(["plugins", "plan", "sales", "--action", "disable"], { env });
    expect(planned).toMatchObject({ code: exitCodes.ok, err: "A plan: nothing was changed.\n" });
    expect(planned.out).toContain("plugins/sales\n  disable the plugin sales 1.0.0\n");
    const states = [];
    for (const action of ["disable", "enable", "uninstall", "install"]) {
      expect((await json<{ ok: boolean }>(["plugins", action, "sales"], { env })).ok).toBe(true);
      const [sales] = await json<{ state: string }[]>(["plugins", "list"], { env });
      states.push(sales?.state);
    }
    expect(states).toEqual(["disabled", "enabled", "uninstalled", "enabled"]);
    expect((await guanxi(["plugins", "uninstall", "sales", "--purge"], { env })).code).toBe(exitCodes.usage);
    expect((await guanxi(["plugins", "uninstall", "sales", "--purge", "--yes"], { env })).code).toBe(exitCodes.ok);
    expect((await guanxi(["plugins", "list"], { env })).out).toMatch(/^sales +available /m);
    const none = await guanxi(["plugins", "enable", "sale"], { env });
    expect(none.code).toBe(exitCodes.failed);
    expect(none.err).toContain("there are: sales");
  });
});
