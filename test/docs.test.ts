import { execFile } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { objectRights, systemRights } from "@guanxi/access";
import { defaultSettings } from "@guanxi/automation";
import { errorCatalogue, issueCatalogue } from "@guanxi/base";
import { checkExpression, type ExprType, evaluate, functionNames } from "@guanxi/expr";
import { fieldTypes, objectMetaSchema, parseDefinition } from "@guanxi/meta";
import { hookLimits, runLimits, sourceBytes } from "@guanxi/sandbox";
import { settings } from "@guanxi/server";
import { createTestApp, operatorKey, type TestApp, until } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body } from "./support.ts";
import {
  anchorsOf,
  blocksOf,
  codes,
  fits,
  pagePaths,
  readPage,
  root,
  section,
  tablesOf,
  withoutBlocks,
} from "./support/pages.ts";
import { type Environment, steps } from "./support/shell.ts";

const pages = Object.fromEntries(pagePaths.map((path) => [path, readPage(path)]));
const page = (path: string): string => pages[path] ?? readPage(path);
const objects = page("docs/guide/objects.md");
const expressions = page("docs/guide/expressions.md");
const workflows = page("docs/guide/workflows.md");

/** The rows of the first table of a section. */
const rows = (text: string, heading: string) => tablesOf(section(text, heading))[0] ?? [];
const execute = promisify(execFile);
const isJson = (answer: Response): boolean => answer.headers.get("content-type")?.includes("json") === true;
/** What the first column of a section's first table names. */
const named = (text: string, heading: string): string[] =>
  rows(text, heading).flatMap((row) => codes(Object.values(row)[0] ?? ""));

describe("the reference lists what the code has, and nothing else", () => {
  const errors = page("docs/reference/errors.md");

  test("error codes with their status", () => {
    const shown = rows(errors, "Codes").map((row) => [codes(row["code"] ?? "")[0], Number(row["status"])]);
    const real = Object.entries(errorCatalogue).map(([code, { status }]) => [`GX-${code}`, status]);
    expect(shown.toSorted()).toEqual(real.toSorted());
  });

  test("codes of single faults", () => {
    expect(named(errors, "Faults").toSorted()).toEqual(Object.keys(issueCatalogue).toSorted());
  });

  test("settings with their defaults", () => {
    const shown = rows(page("docs/guide/settings.md"), "Settings").map((row) => [
      codes(row["setting"] ?? "")[0],
      codes(row["default"] ?? "")[0] ?? "",
    ]);
    expect(shown.toSorted()).toEqual(
      Object.values(settings)
        .map((s) => [s.name, s.fallback])
        .toSorted(),
    );
  });

  test("functions of expressions", () => {
    const shown = named(expressions, "Functions").map((signature) => /^\w+/.exec(signature)?.[0]);
    expect([...new Set(shown)].toSorted()).toEqual([...functionNames].toSorted());
  });

  test("field types", () => {
    expect(named(objects, "Field types").toSorted()).toEqual(Object.keys(fieldTypes).toSorted());
  });

  test("keywords of definitions", () => {
    interface Schema {
      readonly properties: Readonly<Record<string, { readonly description?: string }>>;
    }
    const { $defs } = objectMetaSchema() as unknown as { readonly $defs: Readonly<Record<string, Schema>> };
    const mentioned = new Set(codes(withoutBlocks(objects)));
    const standard = new Set([
      "$schema",
      "$id",
      "type",
      "additionalProperties",
      "unevaluatedProperties",
      "items",
      "uniqueItems",
    ]);
    const works = ({ properties }: Schema): string[] =>
      Object.entries(properties)
        .filter(([, { description = "" }]) => !/value of a json field/.test(description))
        .map(([keyword]) => keyword)
        .filter((keyword) => !standard.has(keyword));
    const all = Object.values($defs).flatMap(works);
    expect(all.length).toBeGreaterThan(60);
    expect(all.filter((keyword) => !mentioned.has(keyword))).toEqual([]);
  });

  test("rights", () => {
    const [, objectTable = [], systemTable = []] = tablesOf(section(page("docs/guide/access.md"), "Roles"));
    expect(objectTable.flatMap((row) => codes(row["right"] ?? ""))).toEqual([...objectRights]);
    expect(systemTable.flatMap((row) => codes(row["system right"] ?? ""))).toEqual([...systemRights]);
  });

  test("triggers", () => {
    const schema = JSON.parse(readFileSync(join(root, "schemas/workflow.json"), "utf8")) as {
      properties: { on: { enum: string[] } };
    };
    const table = tablesOf(workflows).find((rows) => rows[0] && "`on`" in rows[0]) ?? [];
    expect(table.flatMap((row) => codes(row["`on`"] ?? "")).toSorted()).toEqual(schema.properties.on.enum.toSorted());
  });

  test("rooms and what they may import", () => {
    const rooms = JSON.parse(readFileSync(join(root, "scripts/rooms.json"), "utf8")) as Record<string, unknown>;
    const packages = rows(page("docs/architecture.md"), "Rooms").flatMap((row) => {
      const [name = ""] = codes(row["package"] ?? "");
      const imports = row["imports"] ?? "";
      const named = imports === "–" ? [] : imports === "all" ? "all" : imports.split(", ");
      return name.startsWith("packages/") ? [[name.slice("packages/".length), named]] : [];
    });
    expect(Object.fromEntries(packages)).toEqual(rooms);
    expect(readdirSync(join(root, "packages")).toSorted()).toEqual(Object.keys(rooms).toSorted());
  });

  test("every page of the guide", () => {
    const listed = [...page("docs/README.md").matchAll(/\]\((guide\/[^)#]+)\)/g)].map(([, path]) => `docs/${path}`);
    expect(listed.toSorted()).toEqual(pagePaths.filter((path) => path.startsWith("docs/guide/")).toSorted());
  });

  test("limits of scripts and of the platform", () => {
    const [script = [], platform = []] = tablesOf(section(workflows, "Limits"));
    const numbers = (text = ""): number[] => text.split(", ").map((n) => Number(n.replaceAll(",", "")));
    const listed = (table: typeof script, column: string) =>
      Object.fromEntries(
        table.flatMap((row) => codes(Object.values(row)[0] ?? "").map((name, i) => [name, numbers(row[column])[i]])),
      );
    const { rowsRead, rowsWritten, ...ours } = defaultSettings;
    expect(listed(script, "after the commit")).toEqual({ ...runLimits, rowsRead, rowsWritten, sourceBytes });
    expect(listed(script, "before-scripts")).toEqual({ ...hookLimits, rowsRead, rowsWritten: 0, sourceBytes });
    expect(listed(platform, "value")).toEqual(ours);
  });
});

describe("examples without a server", () => {
  const shown = Object.entries(pages).flatMap(([path, text]) =>
    blocksOf(text)
      .filter(({ language }) => language === "json")
      .map((block) => ({ path, value: JSON.parse(block.text) as Record<string, unknown> })),
  );

  test("every JSON block is JSON, and every definition among them is valid", () => {
    const definitions = shown.filter(({ value }) => typeof value["properties"] === "object");
    expect(definitions.length).toBeGreaterThan(0);
    for (const { path, value } of definitions) expect(() => parseDefinition(value), path).not.toThrow();
  });

  test("expressions give what stands behind them", () => {
    const types: Record<string, ExprType> = {
      id: { kind: "ref", target: "account" },
      name: { kind: "text" },
      city: { kind: "text" },
      amount: { kind: "decimal" },
      features: { kind: "list", of: { kind: "text" } },
    };
    const record = { name: "Acme", amount: 1200.5, features: ["garden", "pool"] };
    const scope = { record: { name: "account", fieldType: (field: string) => types[field] }, old: true };
    const environment = { record, old: null, now: new Date("2026-11-22T01:00:00Z"), timeZone: "Asia/Shanghai" };
    const examples = [...expressions.replaceAll("\\|", "|").matchAll(/`([^`]+)` → `([^`]+)`/g)];
    expect(examples.length).toBeGreaterThan(functionNames.length);
    for (const [, source = "", result = ""] of examples) {
      const given = evaluate(checkExpression(source, scope), environment);
      const plain: unknown = typeof given === "object" && given !== null ? Number(given) : given;
      expect(plain, source).toEqual(JSON.parse(result));
    }
  });

  test("links lead somewhere", () => {
    const broken: string[] = [];
    for (const [path, text] of Object.entries(pages)) {
      for (const [, link = ""] of withoutBlocks(text).matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(link)) continue;
        const [file = "", anchor] = link.split("#");
        const target = file === "" ? path : join(dirname(path), file);
        const there = existsSync(join(root, target));
        if (!there || (anchor !== undefined && !anchorsOf(page(target)).has(anchor))) broken.push(`${path}: ${link}`);
      }
    }
    expect(broken).toEqual([]);
  });
});

describe("examples on a server", () => {
  let app: TestApp;
  beforeAll(async () => void (app = await createTestApp({ worker: true })));
  afterAll(() => app.close());

  const environment = (): Environment => ({
    variables: new Map([["URL", "http://guanxi.test"]]),
    commands: new Map([
      [`node -p "require('./.guanxi/demo-keys.json').users.admin"`, app.keys["admin"] ?? ""],
      ["cat .guanxi/operator-key", operatorKey],
    ]),
  });

  const guides = ["records", "access", "workflows", "change-sets", "files"];
  test.each(guides)("the calls of %s answer what they say", async (name) => {
    const known = environment();
    let last: unknown;
    let calls = 0;
    const blocks = blocksOf(page(`docs/guide/${name}.md`));
    for (const [i, block] of blocks.entries()) {
      if (block.language === "json" && blocks[i - 1]?.language === "sh" && last !== undefined) {
        const answer = JSON.parse(block.text) as unknown;
        expect(fits(last, answer) ? answer : last).toEqual(answer);
      }
      if (block.language !== "sh") continue;
      for (const step of steps(block.text, known)) {
        if (step.is === "sleep") {
          await sleep(step.ms);
          continue;
        }
        const { method, url, headers, status, source } = step.call;
        const answer = await app.app.fetch(new Request(url, { method, headers, body: step.call.body ?? null }));
        const text = await answer.text();
        expect(answer.status, `${source}\n${text}`).toBe(status);
        last = text === "" || !isJson(answer) ? undefined : JSON.parse(text);
        if (step.is === "assign")
          known.variables.set(step.name, String((last as Record<string, unknown>)[step.member]));
        calls++;
      }
    }
    expect(calls).toBeGreaterThan(3);
  });

  test("the workflow and the scripts shown can be published", async () => {
    const admin = app.as("admin");
    const blocks = blocksOf(workflows);
    for (const { text } of blocks.filter((b) => b.language === "json")) {
      const definition = JSON.parse(text) as { name: string };
      body(await admin.put(`/api/meta/workflows/${definition.name}`, definition), 201);
    }
    const occasions = {
      "`crm`": { object: "account", on: "updated" },
      "Before-scripts": { object: "lead", on: "before_create" },
      "In an editor": { object: "opportunity", on: "updated" },
    };
    const shown = Object.entries(occasions).flatMap(([heading, occasion]) =>
      blocksOf(section(workflows, heading))
        .filter((b) => b.language === "ts")
        .map((b) => ({ ...occasion, script: b.text })),
    );
    expect(shown).toHaveLength(blocks.filter((b) => b.language === "ts").length);
    for (const [i, definition] of shown.entries()) {
      const name = `shown_${i}`;
      body(await admin.put(`/api/meta/workflows/${name}`, { name, ...definition }), 201);
    }
  });

  test("a folder set up for an editor is checked as a script is when it is published", async () => {
    const blocks = blocksOf(section(workflows, "In an editor"));
    const [config = "", script = ""] = ["jsonc", "ts"].map((name) => blocks.find((b) => b.language === name)?.text);
    const types = (await app.as("admin").get("/api/types.d.ts?for=script")).text;
    const folder = await mkdtemp(join(tmpdir(), "guanxi-editor-"));
    const compile = () => execute(join(root, "node_modules/.bin/tsc"), ["-p", folder, "--pretty", "false"]);
    try {
      await writeFile(join(folder, "tsconfig.json"), config);
      await writeFile(join(folder, "guanxi.d.ts"), types);
      await writeFile(join(folder, "script.ts"), script);
      await compile();
      await writeFile(join(folder, "script.ts"), script.replace("record.owner", "record.onwer"));
      await expect(compile()).rejects.toMatchObject({ stdout: expect.stringMatching(/script\.ts.*'onwer'/) });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("a script has the calls that are listed, and no others", async () => {
    const admin = app.as("admin");
    const script = `export default async ({ record, crm }) => [...Object.keys(crm), ...Object.keys(crm.records("lead")).map((k) => "records." + k)];`;
    body(await admin.put("/api/meta/workflows/calls", { name: "calls", object: "account", on: "manual", script }), 201);
    const account = body(await admin.post("/api/accounts", { name: "Calls" }), 201) as { id: string };
    const { run } = body(await admin.post("/api/workflows/calls/start", { record: account.id }), 202) as {
      run: string;
    };
    const ended = await until("the run", async () => {
      const answer = await admin.get(`/api/runs/${run}`);
      return answer.body.ended_at === null ? undefined : (answer.body as { result: string[] });
    });
    const shown = named(workflows, "`crm`").flatMap((call) => {
      const [, record, plain] = /^crm\.(?:records\(object\)\.(\w+)|(\w+))\(/.exec(call) ?? [];
      return record === undefined ? (plain === undefined ? [] : [plain]) : ["records", `records.${record}`];
    });
    expect([...new Set(shown)].toSorted()).toEqual(ended.result.toSorted());
  });
});
