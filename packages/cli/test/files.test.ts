import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exitCodes } from "@guanxi/cli";
import { q, until } from "@guanxi/testing";
import { describe, expect, test } from "vitest";
import { answering, type Served, start, useServer } from "./support.ts";

let server: Served;
let folder: string;
const guanxi = useServer((used) => ({ server, folder } = used));

async function file(name: string, content: string | Buffer): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

const there = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** No half-written file stays behind. */
const noDrafts = async (): Promise<void> =>
  expect((await readdir(folder)).filter((name) => name.endsWith(".part"))).toEqual([]);

async function countOf(company: string): Promise<number> {
  const path = `/api/leads/aggregate${q({ metrics: "count()", filter: `company == '${company}'` })}`;
  return (await server.admin.get(path)).body.data[0].count as number;
}

describe("import", () => {
  test("takes what is right, and leaves the rest in a file that can be mended and sent again", async () => {
    const path = await file("mixed.csv", "last_name,company\nLin,Mixed\n,Mixed\nWu,Mixed\n");
    const { code, out, err } = await guanxi(["import", "leads", path]);
    expect({ code, out }).toEqual({ code: exitCodes.failed, out: "" });
    expect(err).toContain("Done: 2 created, 1 rejected.");
    const errors = `${path}.errors.csv`;
    expect(err).toContain(errors);
    const rejected = await readFile(errors, "utf8");
    expect(rejected).toBe("last_name,company,import_row,import_error\r\n,Mixed,2,last_name: is required\r\n");
    await writeFile(errors, rejected.replace("\n,Mixed", "\nZhao,Mixed"));
    const again = await guanxi(["import", "leads", errors]);
    expect(again.code, again.err).toBe(exitCodes.ok);
    expect(await there(`${errors}.errors.csv`)).toBe(false);
    expect(await countOf("Mixed")).toBe(3);
  });

  test("upserts by a field, from standard input, with the job as JSON", async () => {
    const words = ["import", "leads", "-", "--key-field", "external_id", "--format", "ndjson", "--json"];
    const row = (last_name: string): string =>
      `${JSON.stringify({ external_id: "up-1", last_name, company: "Upsert" })}\n`;
    const first = await guanxi(words, { stdin: row("One") });
    expect({ ...first, out: JSON.parse(first.out) as unknown }).toMatchObject({
      code: exitCodes.ok,
      err: "",
      out: { status: "finished", mode: "upsert", key: "external_id", created: 1, rejected: 0 },
    });
    const second = await guanxi(words, { stdin: row("Two") });
    expect(JSON.parse(second.out)).toMatchObject({ created: 0, updated: 1 });
    expect(await countOf("Upsert")).toBe(1);
  });

  test("by a mapping in a file or by name, in another encoding and the user's language", async () => {
    const mapping = { columns: { 姓: "last_name", 公司: "company" }, object: "lead" };
    const mappingFile = await file("mapping.json", JSON.stringify(mapping, undefined, 2));
    // 姓,公司 / 林,GB in GB18030.
    const bytes = Buffer.from([0xd0, 0xd5, 0x2c, 0xb9, 0xab, 0xcb, 0xbe, 0x0a, 0xc1, 0xd6, 0x2c, 0x47, 0x42, 0x0a]);
    const path = await file("gb.csv", bytes);
    const done = await guanxi(["import", "leads", path, "--mapping", mappingFile, "--encoding", "gb18030"]);
    expect(done.code, done.err).toBe(exitCodes.ok);
    expect((await server.admin.get(`/api/leads${q({ filter: "company == 'GB'" })}`)).body.data[0].last_name).toBe("林");

    expect((await server.admin.put("/api/meta/mappings/people", mapping)).status).toBe(201);
    const named = await file("named.csv", "姓,公司\n,Named\n");
    const env = { LANG: "zh_CN.UTF-8" };
    const errors = join(folder, "other.csv");
    const rejected = await guanxi(["import", "leads", named, "--mapping", "people", "--errors", errors], { env });
    expect(rejected.code).toBe(exitCodes.failed);
    expect(await readFile(errors, "utf8")).toContain("必填");
    expect(await there(`${named}.errors.csv`)).toBe(false);
  });

  test("a file that does not fit is refused at once, however long, and leaves nothing", async () => {
    const path = await file("wrong.csv", `last_name,nonsense\n${"Lin,x\n".repeat(3_000_000)}`);
    const { code, err } = await guanxi(["import", "leads", path]);
    expect(code).toBe(exitCodes.failed);
    expect(err).toContain('/nonsense: there is no field "nonsense"');
    // What is refused before the file is looked at is told, too, while it is still being sent.
    for (let i = 0; i < 5; i++) {
      expect((await guanxi(["import", "nothings", path])).err).toContain("/api/import/nothings (GX-NOT_FOUND)");
      expect((await guanxi(["import", "leads", path, "--key", "gx_demo_wrong"])).err).toContain("GX-UNAUTHENTICATED");
      expect((await guanxi(["restore", path, "--operator-key", "wrong"])).err).toContain("GX-UNAUTHENTICATED");
    }
    expect((await guanxi(["import", "leads", path, "--mapping", "no_such"])).err).toContain("GX-NOT_FOUND");
    expect(await there(`${path}.errors.csv`)).toBe(false);
  });

  test("where the rejected rows cannot be saved, what was imported is told all the same", async () => {
    const path = await file("unsaved.csv", "last_name,company\nLin,Unsaved\n,Unsaved\n");
    const errors = join(folder, "n".repeat(250));
    const { code, out, err } = await guanxi(["import", "leads", path, "--json", "--errors", errors]);
    expect(code).toBe(exitCodes.failed);
    expect(JSON.parse(out)).toMatchObject({ status: "finished", created: 1, rejected: 1 });
    expect(err).toMatch(/could not be saved: .*\nGET \/api\/jobs\/\S+\/errors has them\./s);
  });

  test("--no-wait leaves it to the server", async () => {
    const path = await file("later.csv", "last_name,company\nLin,Later\n");
    const { code, out } = await guanxi(["import", "leads", path, "--no-wait", "--json"]);
    expect(code).toBe(exitCodes.ok);
    const { id, total } = JSON.parse(out) as { id: string; total: number };
    expect(total).toBe(1);
    await until("the job", async () => (await server.admin.get(`/api/jobs/${id}`)).body.status === "finished");
    expect(await countOf("Later")).toBe(1);
  });

  test("a server that is away for a moment is waited for", async () => {
    const job = { id: "j", total: 2, processed: 1, created: 1, updated: 0, unchanged: 0, rejected: 0, error: null };
    const answers = [
      { ...job, status: "running" },
      undefined,
      503,
      { ...job, processed: 2, created: 2, status: "finished" },
    ];
    const fake = await answering((request, response) => {
      if (request.method === "POST")
        return void request.resume().on("end", () => response.end(JSON.stringify({ ...job, status: "queued" })));
      const next = answers.shift();
      if (next === undefined) return void response.destroy();
      return void (typeof next === "number" ? response.writeHead(next).end() : response.end(JSON.stringify(next)));
    });
    const path = await file("away.csv", "last_name\nLin\nWu\n");
    const { code, err } = await guanxi(["import", "leads", path], { env: { GUANXI_URL: fake.url } });
    await fake.close();
    expect(err).toBe("The server does not answer; waiting for it.\nDone: 2 created.\n");
    expect(code).toBe(exitCodes.ok);
    expect(answers).toEqual([]);
  });

  test("Ctrl-C cancels it on the server; what was imported stays", async () => {
    const rows = Array.from({ length: 30_000 }, (_, i) => `L${i},Cancelled\n`).join("");
    const path = await file("long.csv", `last_name,company\n${rows}`);
    const child = start(["import", "leads", path], server.env);
    await until("the first rows", async () => (await countOf("Cancelled")) > 0, 20_000);
    child.process.kill("SIGINT");
    expect(await child.ended).toEqual({ code: exitCodes.interrupted, signal: null });
    expect(child.out()).toBe("");
    const [, created, left] =
      /Cancelled; what was imported stays: ([\d,]+) created, ([\d,]+) not taken/.exec(child.err()) ?? [];
    const number = (text = ""): number => Number(text.replaceAll(",", ""));
    expect(number(created) + number(left), child.err()).toBe(30_000);
    expect(await countOf("Cancelled")).toBe(number(created));
    const { data } = (await server.admin.get("/api/jobs?limit=1")).body as { data: { status: string }[] };
    expect(data[0]?.status).toBe("cancelled");
  });
});

describe("export", () => {
  test("comes back as it went", async () => {
    const select = "external_id,last_name,company,email,description";
    const texts = ["=1+1", 'O\'Neil, "Jr"', "多行\n文字", "-5", "  "];
    for (const [i, description] of texts.entries()) {
      const lead = { external_id: `round-${i}`, last_name: "Round", company: "Round", description };
      expect((await server.admin.post("/api/leads", lead)).status).toBe(201);
    }
    const words = ["export", "leads", "--select", select, "--filter", "company == 'Round'", "--order", "external_id"];
    const path = join(folder, "round.csv");
    const out = await guanxi([...words, "--out", path, "--json"]);
    expect(JSON.parse(out.out)).toEqual({ file: path, bytes: (await stat(path)).size });
    expect((await guanxi(words)).out).toBe(await readFile(path, "utf8"));
    const back = await guanxi(["import", "leads", path, "--key-field", "id", "--json"]);
    expect(JSON.parse(back.out)).toMatchObject({ total: 5, unchanged: 5, updated: 0, created: 0 });

    const lines = join(folder, "round.ndjson");
    expect((await guanxi([...words, "--out", lines])).code).toBe(exitCodes.ok);
    const records = (await readFile(lines, "utf8"))
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as object);
    expect(records.map((r) => (r as { description: string }).description)).toEqual(texts);
    await noDrafts();
  });

  test("a refusal touches no file", async () => {
    const path = await file("kept.csv", "as it was\n");
    const { code, err } = await guanxi(["export", "leads", "--filter", "nonsense == 1", "--out", path]);
    expect(code).toBe(exitCodes.failed);
    expect(err).toContain("nonsense");
    expect(await readFile(path, "utf8")).toBe("as it was\n");
  });

  test.each([
    [["export", "leads", "--out"], "rows\n".repeat(1_000)],
    [["types", "--out"], "export interface Objects {\n"],
    [["backup", "--out"], "some bytes of a backup"],
  ])("a stream that breaks off does not look like a file: guanxi %j", async (words, part) => {
    const broken = await answering((_request, response) => {
      response.writeHead(200, { "content-type": "application/octet-stream" });
      response.write(part, () => response.destroy());
    });
    const path = join(folder, `broken-${words[0]}`);
    const kept = await file(`kept-${words[0]}`, "the one before");
    const env = { GUANXI_URL: broken.url };
    const fresh = await guanxi([...words, path], { env });
    const over = await guanxi([...words, kept], { env });
    await broken.close();
    expect(fresh.code, fresh.err).toBe(exitCodes.failed);
    expect(fresh.err).toMatch(/broke the transfer off|cannot be reached/);
    expect(await there(path)).toBe(false);
    expect(over.code).toBe(exitCodes.failed);
    expect(await readFile(kept, "utf8")).toBe("the one before");
    await noDrafts();
  });

  test("Ctrl-C leaves no file", async () => {
    const slow = await answering((_request, response) => void response.writeHead(200).write("last_name\n"));
    const path = join(folder, "stopped.csv");
    const child = start(["export", "leads", "--out", path], { ...server.env, GUANXI_URL: slow.url });
    await until("the draft", async () => (await readdir(folder)).some((name) => name.endsWith(".part")), 20_000);
    child.process.kill("SIGTERM");
    expect(await child.ended).toEqual({ code: exitCodes.interrupted, signal: null });
    await slow.close();
    expect(await there(path)).toBe(false);
    await noDrafts();
  });

  test("nothing is held in memory: a slow reader holds the server's stream back", async () => {
    let sent = 0;
    const endless = await answering((_request, response) => {
      response.writeHead(200);
      const more = (): void => {
        for (let room = true; room && sent < 200_000_000; sent += 1_000_000)
          room = response.write(Buffer.alloc(1_000_000));
        if (sent < 200_000_000) response.once("drain", more);
        else response.end();
      };
      more();
    });
    // Nobody reads what it prints.
    const child = start(["export", "leads"], { ...server.env, GUANXI_URL: endless.url });
    child.process.stdout?.pause();
    let before = -1;
    await until(
      "the stream to stand still",
      async () => {
        const still = sent > 0 && sent === before;
        before = sent;
        return still;
      },
      20_000,
      500,
    );
    expect(sent).toBeLessThan(50_000_000);
    child.process.kill("SIGINT");
    child.process.stdout?.resume();
    expect((await child.ended).code).toBe(exitCodes.interrupted);
    await endless.close();
  });
});

describe("progress", () => {
  test("is drawn where somebody looks on, and never into the answer", async () => {
    const path = await file("bar.csv", `last_name,company\n${"Lin,Bar\n".repeat(2_000)}`);
    const watched = await guanxi(["import", "leads", path, "--json"], { tty: true });
    expect(watched.code, watched.err).toBe(exitCodes.ok);
    expect(watched.err).toMatch(/import \[=* *\] \d+% [\d,]+ of 2,000 rows/);
    expect(JSON.parse(watched.out)).toMatchObject({ created: 2_000 });
    const alone = await guanxi(["import", "leads", path]);
    expect(alone.err).not.toMatch(/[\r\u001B]/);
  });
});

describe("backup and restore", () => {
  interface Restored {
    readonly id: string;
    readonly from: string;
    readonly rows: number;
    readonly admin: { readonly key: string };
  }

  test("a tenant goes into a file for its owner alone and comes back under another id; a copy is the same", async () => {
    const path = join(folder, "demo.backup");
    const saved = await guanxi(["backup", "--tenant", "demo", "--out", path]);
    expect(saved.code, saved.err).toBe(exitCodes.ok);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const { code, out, err } = await guanxi(["restore", path, "--tenant", "demo", "--as", "second", "--json"]);
    expect(code, err).toBe(exitCodes.ok);
    const [restored] = JSON.parse(out) as Restored[];
    expect(restored).toMatchObject({ id: "second", from: "demo" });
    const leads = async (key: string): Promise<string> =>
      (await guanxi(["export", "accounts"], { env: { GUANXI_KEY: key } })).out;
    const original = await leads(server.env["GUANXI_KEY"] ?? "");
    expect(original.split("\n").length).toBeGreaterThan(3);
    expect(await leads(restored?.admin.key ?? "")).toBe(original);

    const copy = await guanxi(["tenant", "copy", "demo", "third", "--name", "Third"]);
    expect(copy.code, copy.err).toBe(exitCodes.ok);
    expect(await leads(copy.out.trim())).toBe(original);

    const taken = await guanxi(["restore", path]);
    expect(taken.code).toBe(exitCodes.failed);
    expect(taken.err).toContain("GX-CONFLICT");
    const all = join(folder, "all.backup");
    expect((await guanxi(["backup", "--out", all])).code).toBe(exitCodes.ok);
    const several = await guanxi(["restore", all, "--as", "fourth"]);
    expect(several.code).toBe(exitCodes.failed);
    expect((await server.operator.get("/platform/tenants")).body.data).toHaveLength(3);
    await noDrafts();
  });

  test("a file that is no backup, or only a part of one, makes no tenant", async () => {
    const path = join(folder, "whole.backup");
    expect((await guanxi(["backup", "--tenant", "demo", "--out", path])).code).toBe(exitCodes.ok);
    const bytes = await readFile(path);
    const half = await file("half.backup", bytes.subarray(0, Math.floor(bytes.length / 2)));
    const other = await file("other.backup", "last_name\nLin\n");
    for (const wrong of [half, other]) {
      const { code, out, err } = await guanxi(["restore", wrong, "--as", "wrong"]);
      expect({ code, out }, err).toEqual({ code: exitCodes.failed, out: "" });
      expect(err).toContain("GX-");
    }
    expect((await server.operator.get("/platform/tenants/wrong")).status).toBe(404);
  });
});
