import { GuanxiError } from "@guanxi/base";
import { contents, createTestApp, type TestApp, withChanges } from "@guanxi/testing";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { define } from "./support.ts";

const parcel = {
  name: "parcel",
  type: "object",
  required: ["label"],
  sharing: "read",
  properties: {
    label: { type: "string", maxLength: 200 },
    code: { type: "string", unique: true },
    number: { fieldType: "autonumber", pattern: "P-{0000}" },
    pieces: { type: "integer" },
    weight: { fieldType: "number", precision: 12, scale: 3 },
    exact: { fieldType: "number", precision: 30, scale: 2 },
    fragile: { type: "boolean" },
    packed_on: { type: "string", format: "date" },
    sent_at: { type: "string", format: "date-time" },
    tags: { type: "array", items: { enum: ["red", 'with "quotes"', "a,b", "{}", "NULL", "\\"] } },
    extra: { fieldType: "json" },
    inside: { fieldType: "reference", target: "parcel" },
  },
  rules: [{ name: "no_air", when: "pieces == 0", at: "pieces", message: "A parcel has something in it" }],
};

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
  await define(app, parcel);
});
afterAll(() => app.close());

const session = async () => app.kernel.authenticate(app.keys["admin"] ?? "", "prepared");

async function store(values: readonly unknown[]): Promise<readonly string[]> {
  const caller = await session();
  const prepared = await app.kernel.records.prepareMany(caller, "parcel", values);
  return app.kernel.transaction(caller, (inside) => prepared(inside));
}

/** Without what differs between any two records. */
function content(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const own = { ...record };
  for (const name of ["id", "created_at", "updated_at", "number"]) delete own[name];
  return own;
}

const refused = async (work: () => Promise<unknown>): Promise<GuanxiError> => {
  const e: unknown = await work().then(
    () => "stored",
    (error: unknown) => error,
  );
  if (!(e instanceof GuanxiError)) throw new Error(`no refusal but ${String(e)}`);
  return e;
};

const storableText = fc
  .oneof(
    fc.string({ unit: "grapheme", maxLength: 40 }),
    fc.constantFrom("NULL", "null", "{}", '"', "\\", '\\"', "{a,b}", " ", "\n"),
  )
  .filter((text) => !text.includes("\0"));
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const values = fc.record({
  label: storableText.filter((text) => text !== ""),
  pieces: maybe(fc.integer({ min: 1 })),
  weight: maybe(fc.integer({ min: -99_999_999, max: 99_999_999 }).map((n) => n / 1_000)),
  exact: maybe(fc.bigInt({ min: -(10n ** 26n), max: 10n ** 26n }).map((n) => `${n}.25`)),
  fragile: maybe(fc.boolean()),
  packed_on: maybe(fc.constantFrom("2026-02-28", "1999-12-31")),
  sent_at: maybe(fc.constantFrom("2026-02-28T10:00:00.123Z", "1970-01-01T00:00:00Z")),
  tags: maybe(fc.subarray(parcel.properties.tags.items.enum)),
  extra: maybe(
    fc.oneof(
      storableText,
      fc.dictionary(storableText, fc.oneof(storableText, fc.integer(), fc.constant(null), fc.array(fc.boolean()))),
      fc.array(storableText),
      fc.boolean(),
      fc.integer(),
    ),
  ),
});

test("what is prepared and then stored is what createMany stores: records, change rows and numbers", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(values, { minLength: 1, maxLength: 8 }), async (rows) => {
      const { result, changes } = await withChanges(app, async () => {
        await app.kernel.records.createMany(await session(), "parcel", rows);
        return store(rows);
      });
      expect(changes.map((c) => [c.op, c.object])).toEqual(changes.map(() => ["create", "parcel"]));
      const [together, prepared] = [changes.slice(0, rows.length), changes.slice(rows.length)];
      expect(prepared.map((c) => c.record)).toEqual(result);
      expect(prepared.map((c) => content(c.data))).toEqual(together.map((c) => content(c.data)));
      expect(new Set(changes.map((c) => c.data["number"])).size).toBe(rows.length * 2);
      for (const [i, id] of result.entries()) {
        const { body } = await app.as("admin").get(`/api/parcels/${id}`);
        expect({ ...body, deleted_at: null }).toEqual(prepared[i]?.data);
      }
    }),
    { numRuns: 25 },
  );
});

test("every fault names its rows, and nothing is stored", async () => {
  await store([{ label: "taken", code: "taken" }]);
  const before = await contents(app);
  const caller = await session();
  const check = (rows: readonly unknown[]) => () => app.kernel.records.prepareMany(caller, "parcel", rows);
  expect((await refused(check([{ label: "a" }, { code: "x" }, { label: "b", pieces: "many" }]))).issues).toMatchObject([
    { path: "/1/label", code: "required" },
    { path: "/2/pieces", code: "type" },
  ]);
  expect((await refused(check([{ label: "a" }, { label: "b", pieces: 0 }]))).issues).toMatchObject([
    { path: "/1/pieces", code: "rule" },
  ]);
  const nowhere = "01890000-0000-7000-8000-000000000000";
  expect((await refused(() => store([{ label: "a" }, { label: "b", inside: nowhere }]))).issues).toMatchObject([
    { path: "/1/inside", code: "reference" },
  ]);
  const clash = await refused(() =>
    store([
      { label: "a", code: "new" },
      { label: "b", code: "taken" },
    ]),
  );
  expect(clash).toMatchObject({ code: "CONFLICT", issues: [{ path: "/1/code", code: "unique" }] });
  expect(await contents(app)).toEqual(before);
});

test("metadata that is new by the time of storing is what counts", async () => {
  const caller = await session();
  const prepare = (label: string) => app.kernel.records.prepareMany(caller, "parcel", [{ label }]);
  const [old, newer] = [await prepare("old"), await prepare("newer")];
  await define(app, {
    ...parcel,
    properties: { ...parcel.properties, colour: { type: "string", default: "grey" } },
    rules: [...parcel.rules, { name: "not_old", when: "label == 'old'", at: "label", message: "Too old" }],
  });
  const inTransaction = (stored: typeof old) => app.kernel.transaction(caller, (inside) => stored(inside));
  expect((await refused(() => inTransaction(old))).issues).toMatchObject([{ path: "/0/label", code: "rule" }]);
  const { changes } = await withChanges(app, () => inTransaction(newer));
  expect(changes.map((c) => c.data)).toMatchObject([{ label: "newer", colour: "grey" }]);
});

test("an actor who may not create is refused before anything else", async () => {
  const reader = await app.kernel.authenticate(app.keys["admin"] ?? "", "prepared");
  const rights = { ...reader.actor.rights, all: false, object: () => new Set(["read"]) };
  const none = { ...reader, actor: { ...reader.actor, rights } };
  const prepare = (caller: unknown, object: string) => () =>
    app.kernel.records.prepareMany(caller as typeof reader, object, [{ label: "a" }]);
  expect(await refused(prepare(none, "parcel"))).toMatchObject({ code: "FORBIDDEN" });
  expect(await refused(prepare(reader, "nothing"))).toMatchObject({ code: "NOT_FOUND" });
});
