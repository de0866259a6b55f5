import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Observation } from "@guanxi/base";
import { createLog, openTracing, readConfig, startServer, type Tracing } from "@guanxi/server";
import { type ApiAnswer, createTestApp, operatorKey, type TestApp, until } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body } from "./support.ts";

/** In every value that this suite stores or sends, so that wherever it turns up, data did. */
const mark = "Zeichen4711";

interface SpanData {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly status: { readonly code?: number };
  readonly attributes: readonly { key: string; value: Record<string, unknown> }[];
}

interface Export {
  readonly resourceSpans: {
    readonly resource: { readonly attributes: SpanData["attributes"] };
    readonly scopeSpans: { readonly spans: SpanData[] }[];
  }[];
}

/** Takes what an OTLP exporter sends over HTTP as JSON. */
async function startReceiver() {
  const texts: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      expect(request.url).toBe("/v1/traces");
      texts.push(Buffer.concat(chunks).toString());
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const exports = (): Export[] => texts.map((text) => JSON.parse(text) as Export);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    text: () => texts.join("\n"),
    resources: () => exports().flatMap((e) => e.resourceSpans.map((r) => r.resource)),
    spans: () => exports().flatMap((e) => e.resourceSpans.flatMap((r) => r.scopeSpans.flatMap((s) => s.spans))),
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

let receiver: Awaited<ReturnType<typeof startReceiver>>;
let tracing: Tracing;
let app: TestApp;
const seen: Observation[] = [];
const lines: string[] = [];

const script = (text: string): string => `export default async ({ record, crm }) => { ${text} };`;

async function publish(name: string, definition: Record<string, unknown>): Promise<void> {
  const answer = await app.as("admin").put(`/api/meta/workflows/${name}`, { name, ...definition });
  expect([200, 201], answer.text).toContain(answer.status);
}

const lead = (name: string) => ({ last_name: `${mark} ${name}`, company: `${mark} Company` });

async function ended(workflow: string): Promise<Record<string, unknown>[]> {
  return until(`runs of ${workflow}`, async () => {
    const { data } = body(await app.as("admin").get(`/api/runs?workflow=${workflow}`), 200);
    const runs = data as { status: string }[];
    return runs.length > 0 && runs.every((r) => ["succeeded", "failed"].includes(r.status)) ? runs : undefined;
  });
}

const metrics = async (): Promise<string> => (await app.as("operator").get("/metrics")).text;

const caller = { trace: "0af7651916cd43dd8448eb211c80319c", span: "b7ad6b7169203331" };
let traced: ApiAnswer;
let imported: ApiAnswer;

beforeAll(async () => {
  receiver = await startReceiver();
  process.env["OTEL_SERVICE_NAME"] = "guanxi under test";
  const log = createLog({ level: "trace", stream: { write: (line) => lines.push(line) } });
  tracing = await openTracing(receiver.url, log.observe);
  const observe = (o: Observation): void => {
    seen.push(o);
    log.observe(o);
  };
  app = await createTestApp({ worker: true, parts: { tracer: tracing.tracer, observe } });
  await scenario();
  await tracing.stop();
});

afterAll(async () => {
  delete process.env["OTEL_SERVICE_NAME"];
  await app.close();
  await receiver.close();
});

/** Marked data on every way that the platform has, also on those that are refused. */
async function scenario(): Promise<void> {
  const admin = app.as("admin");
  await publish("follow", {
    object: "lead",
    on: "created",
    when: "company.startsWith('Zeichen') && last_name.contains('traced')",
    script: script(
      `await crm.records("task").create({ title: "${mark} call " + record.last_name, owner: record.owner }); return record;`,
    ),
  });
  await publish("chained", {
    object: "task",
    on: "created",
    script: script(`crm.log(record.title); return record.title;`),
  });
  await publish("failing", {
    object: "lead",
    on: "updated",
    script: script(`throw new Error("${mark} in an error")`),
  });
  await publish("gate", {
    object: "lead",
    on: "before_create",
    script: script(`if (record.last_name?.includes("refused")) throw crm.refuse("${mark} is refused"); return record;`),
  });
  traced = await admin.post("/api/leads", lead("traced"), {
    traceparent: `00-${caller.trace}-${caller.span}-01`,
    tracestate: "other=1",
  });
  const { id } = body(traced, 201);
  await ended("follow");
  await ended("chained");
  body(await admin.patch(`/api/leads/${id}`, { company: `${mark} & Sons` }), 200);
  await ended("failing");
  await admin.post("/api/leads", lead("refused"));
  await admin.post("/api/leads", { [mark]: mark });
  await admin.post("/api/leads", `{"last_name": "${mark}`);
  await admin.get(`/api/leads?filter=${encodeURIComponent(`company == '${mark}'`)}`);
  await admin.get(`/api/leads?filter=${encodeURIComponent(`${mark}(`)}`);
  await admin.get(`/api/${mark}/${mark}?${mark}=1`);
  await admin.call("POST", "/api/leads", lead("keyed"), { "idempotency-key": mark, "x-request-id": "known-request" });
  await app.as(`gx_demo_${mark.padEnd(24, "x")}`).get("/api/me");
  imported = await admin.call(
    "POST",
    "/api/import/leads",
    `last_name,company\n${mark} import,${mark} Ltd\n,${mark}\n`,
    {
      "content-type": "text/csv",
    },
  );
  const job = body(imported, 202);
  await until("the import", async () => {
    const { status } = body(await admin.get(`/api/jobs/${job.id}`), 200);
    return status === "finished";
  });
  const object = {
    name: "mark",
    plural: "marks",
    title: mark,
    type: "object",
    properties: { note: { type: "string" } },
  };
  expect((await admin.put("/api/meta/objects/mark", object)).status).toBe(201);
  expect((await admin.delete("/api/meta/objects/mark")).status).toBe(204);
}

describe("what is told of a request and what follows from it", () => {
  test("holds no data and no keys, in logs, metrics and traces", async () => {
    const told = { logs: lines.join(""), metrics: await metrics(), traces: receiver.text() };
    for (const [where, text] of Object.entries(told)) {
      expect(text.length, where).toBeGreaterThan(1_000);
      expect(text.includes(mark), `${where} hold data: ${new RegExp(`.{0,80}${mark}.{0,80}`).exec(text)?.[0]}`).toBe(
        false,
      );
      for (const key of [...Object.values(app.keys), operatorKey]) expect(text.includes(key), where).toBe(false);
    }
  });

  test("names every statement after what it does to which table", () => {
    const plans = new Set(seen.flatMap((o) => (o.kind === "statement" ? [o.plan] : [])));
    expect(plans.size).toBeGreaterThan(30);
    for (const plan of plans) expect(plan).toMatch(/^(?:\w+\.\w+|pg_\w+|(?:create|drop|alter)_\w+|set)$/);
    for (const expected of [
      "lead.insert",
      "automation.claim",
      "registry.findKey",
      "_job_chunk.insert",
      "mark.create_table",
    ])
      expect([...plans]).toContain(expected);
  });

  test("is one line of a log per request where requests are logged", () => {
    const requests = lines.map((line) => JSON.parse(line)).filter((line) => line.kind === "request");
    const [known] = requests.filter((line) => line.id === "known-request");
    expect(known).toEqual({
      level: "debug",
      time: expect.any(String),
      kind: "request",
      id: "known-request",
      method: "POST",
      route: "/api/:plural",
      status: 201,
      ms: expect.any(Number),
      tenant: "demo",
    });
  });
});

describe("a trace", () => {
  const ofCaller = (): SpanData[] => receiver.spans().filter((span) => span.traceId === caller.trace);
  const named = (name: string): SpanData => {
    const found = ofCaller().find((span) => span.name === name);
    expect(
      found,
      `${name} among ${ofCaller()
        .map((s) => s.name)
        .join(", ")}`,
    ).toBeDefined();
    return found!;
  };
  const attribute = (span: SpanData, key: string): unknown =>
    Object.values(span.attributes.find((a) => a.key === key)?.value ?? {})[0];

  test("leads from the caller's span through the request and its event to the run, its calls and their statements", () => {
    const chain = ["POST /api/:plural", "start follow", "run follow", "records.create"].map(named);
    expect(chain.map((span) => span.parentSpanId)).toEqual([
      caller.span,
      ...chain.slice(0, -1).map((span) => span.spanId),
    ]);
    const call = chain.at(-1)!;
    const below = ofCaller()
      .filter((span) => span.parentSpanId === call.spanId)
      .map((span) => span.name);
    expect(below).toContain("transaction");
    const transaction = ofCaller().find((span) => span.parentSpanId === call.spanId && span.name === "transaction");
    const statements = ofCaller()
      .filter((span) => span.parentSpanId === transaction?.spanId)
      .map((span) => span.name);
    expect(statements).toEqual(expect.arrayContaining(["task.insert", "automation.journal"]));
  });

  test("goes on through what the run caused", () => {
    const [start, run] = [named("start chained"), named("run chained")];
    expect(run.parentSpanId).toBe(start.spanId);
    expect(start.parentSpanId).toBe(named("run follow").spanId);
    expect(attribute(run, "guanxi.run.status")).toBe("succeeded");
  });

  test("is connected", () => {
    const spans = ofCaller();
    const ids = new Set([caller.span, ...spans.map((span) => span.spanId)]);
    expect(spans.filter((span) => !ids.has(span.parentSpanId ?? ""))).toEqual([]);
    expect(spans.length).toBeGreaterThan(10);
  });

  test("holds nothing of other requests", () => {
    const ids = new Set(
      ofCaller()
        .map((span) => attribute(span, "guanxi.request"))
        .filter(Boolean),
    );
    expect(ids).toEqual(new Set([traced.headers.get("x-request-id")]));
  });

  test("leads from an upload to its import", () => {
    const upload = receiver
      .spans()
      .find((span) => attribute(span, "guanxi.request") === imported.headers.get("x-request-id"));
    const chunk = receiver.spans().find((span) => span.name === "import");
    expect(upload).toBeDefined();
    expect(chunk?.traceId).toBe(upload?.traceId);
    expect(chunk?.parentSpanId).toBe(upload?.spanId);
  });

  test("says what failed, and whose it is", () => {
    const failing = receiver.spans().find((span) => span.name === "run failing");
    expect(failing?.status.code).toBe(2);
    expect(named("run follow").status.code ?? 0).toBe(0);
    const service = receiver.resources()[0]?.attributes.find((a) => a.key === "service.name");
    expect(service?.value).toEqual({ stringValue: "guanxi under test" });
  });

  test("that nobody receives is a fault that the operator hears of, and no more", async () => {
    const faults: Observation[] = [];
    const lost = await openTracing("http://127.0.0.1:9", (o) => void faults.push(o));
    await expect(lost.tracer.span({ name: "x" }, async () => 7)).resolves.toBe(7);
    await lost.stop();
    expect(faults).toEqual([expect.objectContaining({ kind: "background_failed", task: "send traces" })]);
  });

  test("begins anew where the caller's traceparent is none", async () => {
    const sink = await startReceiver();
    const { tracer, stop } = await openTracing(sink.url, () => {});
    const parents = [
      "",
      "00-0-0-01",
      `00-${"0".repeat(32)}-${caller.span}-01`,
      `ff-${caller.trace}-${caller.span}-01`,
      mark,
    ];
    for (const parent of parents) {
      const own = await tracer.span({ name: "x", root: true, parent }, async (span) => span.traceparent);
      expect(own).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
      expect(own).not.toContain(caller.trace);
    }
    // What the caller does not record is not recorded here.
    const unsampled = `00-${caller.trace}-${caller.span}-00`;
    expect(await tracer.span({ name: "x", parent: unsampled }, async (span) => span.traceparent)).toMatch(/-00$/);
    await stop();
    expect(sink.spans()).toHaveLength(parents.length);
    await sink.close();
  });
});

describe("metrics", () => {
  test("are for the operator alone", async () => {
    expect((await app.as(undefined).get("/metrics")).status).toBe(401);
    expect((await app.as("admin").get("/metrics")).status).toBe(403);
    const answer = await app.as("operator").get("/metrics");
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
  });

  test("count what the suite did", async () => {
    const text = await metrics();
    const value = (series: string): number =>
      Number(
        text
          .split("\n")
          .find((line) => line.startsWith(`${series} `))
          ?.slice(series.length + 1),
      );
    expect(value('guanxi_http_request_duration_seconds_count{method="POST",route="/api/:plural",status="201"}')).toBe(
      2,
    );
    expect(value('guanxi_sql_statement_duration_seconds_count{plan="lead.insert"}')).toBeGreaterThanOrEqual(2);
    expect(value('guanxi_run_duration_seconds_count{status="succeeded"}')).toBe(2);
    expect(value('guanxi_run_duration_seconds_count{status="failed"}')).toBe(1);
    expect(value('guanxi_import_rows_total{outcome="created"}')).toBe(1);
    expect(value('guanxi_import_rows_total{outcome="rejected"}')).toBe(1);
    expect(value("guanxi_event_dispatch_lag_seconds_count")).toBeGreaterThan(0);
    expect(value("guanxi_runs_started_total")).toBe(3);
    expect(value("guanxi_snapshots_cached")).toBe(1);
    expect(value("guanxi_db_pool_connections_limit")).toBe(8);
    expect(value("guanxi_db_pool_waiting")).toBe(0);
    expect(value('guanxi_queue_jobs{state="waiting"}')).toBeGreaterThanOrEqual(0);
    expect(value("process_resident_memory_bytes")).toBeGreaterThan(1e7);
    expect(value("nodejs_eventloop_lag_p99_seconds")).toBeGreaterThan(0);
  });

  test("are well formed, each family once, without a tenant, an id or an address", async () => {
    const text = await metrics();
    const series = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    for (const line of series) expect(line).toMatch(/^[a-z_][a-z0-9_]*(\{[^{}]*(\{[a-z:]*\}[^{}]*)*\})? \S+$/i);
    const families = text
      .split("\n")
      .filter((line) => line.startsWith("# TYPE "))
      .map((line) => line.split(" ")[2]);
    expect(new Set(families).size).toBe(families.length);
    expect(text).not.toMatch(/tenant=|"demo"|[0-9a-f]{8}-[0-9a-f]{4}-/);
  });

  test("have a bounded number of statements' names and of methods", async () => {
    for (let i = 0; i < 400; i++)
      await app.store.sql(`SELECT ${i} AS n FROM (SELECT 1) AS many_${i}`, [], `many_${i}.select`);
    const text = await metrics();
    const plans = new Set([...text.matchAll(/statement_duration_seconds_count\{plan="([^"]+)"/g)].map((m) => m[1]));
    expect(plans.size).toBeLessThanOrEqual(301);
    expect(plans).toContain("other");
    await app.as("admin").call("PROPFIND", "/api/leads");
    expect(await metrics()).toContain('method="other"');
    expect(await metrics()).not.toContain("PROPFIND");
  });
});

describe("a worker", () => {
  test("serves metrics and health on a port of their own, and nothing else", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "guanxi-observability-"));
    const config = readConfig({
      GUANXI_ROLE: "worker",
      DATABASE_URL: app.databaseUrl,
      GUANXI_DATA_DIR: dataDir,
      GUANXI_METRICS_PORT: "0",
      ...(process.env["GUANXI_TEST_REDIS_URL"] ? { REDIS_URL: process.env["GUANXI_TEST_REDIS_URL"] } : {}),
    });
    const server = await startServer(config, () => {});
    try {
      expect(server.address).toBeUndefined();
      const get = (path: string, init?: RequestInit) => fetch(`${server.metricsAddress}${path}`, init);
      expect(server.metricsAddress).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
      expect(await (await get("/metrics")).text()).toContain("guanxi_db_pool_connections_in_use");
      for (const path of ["/health", "/ready"])
        expect(await (await get(path)).json()).toEqual({
          ok: true,
          checks: { start: "ok", database: "ok", worker: "ok" },
        });
      for (const path of ["/", "/api/me", "/api/leads", "/platform/tenants"])
        expect((await get(path)).status).toBe(404);
      expect((await get("/metrics", { method: "POST" })).status).toBe(405);
    } finally {
      await server.stop(true);
      await rm(dataDir, { recursive: true, force: true });
    }
  });

  test("has no port unless one is set", () => {
    expect(readConfig({}).metricsPort).toBeUndefined();
    expect(() => readConfig({ GUANXI_METRICS_PORT: "none" })).toThrow("not valid");
    expect(() => readConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4318" })).toThrow("not valid");
    expect(() => readConfig({ GUANXI_LOG_LEVEL: "loud" })).toThrow("not valid");
  });
});
