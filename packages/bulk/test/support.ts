import { type Api, type ApiAnswer, createTestApp, type TestApp, type TestAppOptions, until } from "@guanxi/testing";
import { expect } from "vitest";

/** An object with a field of every kind that a column may become, and one that it refers to. */
const firm = {
  name: "firm",
  plural: "firms",
  type: "object",
  required: ["name"],
  nameField: "name",
  sharing: "read",
  properties: {
    name: { type: "string", maxLength: 100 },
    code: { type: "string", maxLength: 40, unique: true },
    number: { type: "integer", unique: true },
    parent: { fieldType: "reference", target: "firm" },
  },
};
const deal = {
  name: "deal",
  plural: "deals",
  type: "object",
  required: ["title"],
  nameField: "title",
  sharing: "private",
  history: true,
  properties: {
    title: { type: "string", maxLength: 60 },
    external_id: { type: "string", maxLength: 40, unique: true },
    email: { type: "string", format: "email", unique: true },
    amount: { fieldType: "currency", minimum: 0 },
    share: { fieldType: "percent" },
    exact: { fieldType: "number", precision: 30, scale: 2 },
    count: { type: "integer" },
    closed_on: { type: "string", format: "date" },
    met_at: { type: "string", format: "date-time" },
    vip: { type: "boolean" },
    stage: { enum: ["new", "won", "lost"], default: "new" },
    tags: { type: "array", items: { enum: ["red", "blue"] } },
    extra: { fieldType: "json" },
    phone: { fieldType: "phone" },
    notes: { fieldType: "rich_text" },
    mark: { fieldType: "rating" },
    took: { fieldType: "duration" },
    site: { fieldType: "address" },
    spot: { fieldType: "geo" },
    partners: { fieldType: "references", target: "firm", relation: "partner_deals" },
    firm: { fieldType: "reference", target: "firm" },
  },
  rules: [
    { name: "lost_is_free", when: "stage == 'lost' && amount > 0", at: "amount", message: "A lost deal has no amount" },
  ],
};

export interface Bench extends TestApp {
  readonly admin: Api;
}

export async function startBench(options: TestAppOptions = { worker: true }): Promise<Bench> {
  const app = await createTestApp(options);
  const admin = app.as("admin");
  if (!options.on)
    for (const definition of [firm, deal])
      body(await admin.put(`/api/meta/objects/${definition.name}`, definition), 201);
  return { ...app, admin };
}

// oxlint-disable-next-line typescript/no-explicit-any -- bodies of every shape
export function body(answer: ApiAnswer, status: number): any {
  expect(answer.status, answer.text).toBe(status);
  return answer.body;
}

export interface Job {
  readonly id: string;
  readonly status: string;
  readonly total: number;
  readonly processed: number;
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly rejected: number;
  readonly error: { code: string } | null;
  readonly ended_at: string | null;
}

export interface Sending {
  readonly mapping?: unknown;
  readonly mode?: "create" | "upsert";
  readonly key?: string;
  readonly type?: string;
  readonly api?: Api;
  readonly language?: string;
}

const importPath = (plural: string, { mapping, mode, key }: Sending): string => {
  const query = new URLSearchParams();
  if (mapping !== undefined) query.set("mapping", typeof mapping === "string" ? mapping : JSON.stringify(mapping));
  if (mode) query.set("mode", mode);
  if (key) query.set("key", key);
  return `/api/import/${plural}${query.size === 0 ? "" : `?${query}`}`;
};

export const send = (bench: Bench, plural: string, file: string, sending: Sending = {}): Promise<ApiAnswer> =>
  (sending.api ?? bench.admin).post(importPath(plural, sending), file, {
    "content-type": sending.type ?? (file.startsWith("{") ? "application/x-ndjson" : "text/csv"),
    ...(sending.language === undefined ? {} : { "accept-language": sending.language }),
  });

/** The same with bytes, which need not be UTF-8. */
export async function sendBytes(
  bench: Bench,
  plural: string,
  file: Uint8Array,
  sending: Sending = {},
): Promise<{ status: number; body: Job & { code?: string } }> {
  const response = await bench.app.fetch(
    new Request(`http://guanxi.test${importPath(plural, sending)}`, {
      method: "POST",
      headers: { authorization: `Bearer ${bench.keys["admin"]}`, "content-type": sending.type ?? "text/csv" },
      body: file as Uint8Array<ArrayBuffer>,
    }),
  );
  return { status: response.status, body: (await response.json()) as Job & { code?: string } };
}

export const ended = (bench: Bench, id: string, ms = 20_000): Promise<Job> =>
  until(
    "the job to end",
    async () => {
      const job = body(await bench.admin.get(`/api/jobs/${id}`), 200) as Job;
      return job.ended_at === null ? undefined : job;
    },
    ms,
    20,
  );

/** Sends a file and waits for its end; → the job and the lines of its file of rejected rows. */
export async function load(
  bench: Bench,
  plural: string,
  file: string,
  sending: Sending = {},
): Promise<{ job: Job; errors: string[] }> {
  const { id } = body(await send(bench, plural, file, sending), 202) as Job;
  const job = await ended(bench, id);
  const errors = await bench.admin.get(`/api/jobs/${id}/errors`);
  expect(errors.status).toBe(200);
  return { job, errors: errors.text.split("\r\n").filter((line) => line !== "") };
}

export async function find(
  bench: Bench,
  plural: string,
  filter: string,
  select?: string,
  api: Api = bench.admin,
): Promise<Record<string, unknown>[]> {
  const query = new URLSearchParams({
    filter,
    order: "created_at,id",
    limit: "500",
    ...(select === undefined ? {} : { select }),
  });
  return body(await api.get(`/api/${plural}?${query}`), 200).data as Record<string, unknown>[];
}

/** The value without the members that the system gives. */
export const own = ({ id: _id, ...rest }: Record<string, unknown>): Record<string, unknown> => rest;

export const counts = ({ total, processed, created, updated, unchanged, rejected }: Job): number[] => [
  total,
  processed,
  created,
  updated,
  unchanged,
  rejected,
];

/** Text as GB18030 bytes: the inverse of Node's decoder on its one- and two-byte characters. */
export function gb18030(text: string): Uint8Array {
  const decoder = new TextDecoder("gb18030");
  const bytes = new Map<string, number[]>();
  for (let lead = 0x81; lead <= 0xfe; lead++)
    for (let trail = 0x40; trail <= 0xfe; trail++)
      bytes.set(decoder.decode(new Uint8Array([lead, trail])), [lead, trail]);
  return new Uint8Array([...text].flatMap((c) => (c.charCodeAt(0) < 0x80 ? [c.charCodeAt(0)] : (bytes.get(c) ?? []))));
}
