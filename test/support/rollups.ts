import type { TestApp } from "@guanxi/testing";
import { expect } from "vitest";
import { body, define } from "../support.ts";

const rollup = (op: string, more: Record<string, unknown> = {}) => ({
  fieldType: "rollup",
  of: "viewing.property",
  op,
  ...more,
});

/** A house that people view, with a roll-up of every kind. */
export const property = {
  name: "property",
  plural: "properties",
  sharing: "write",
  properties: {
    address: { type: "string", maxLength: 100 },
    street: { fieldType: "reference", target: "street", onDelete: "cascade" },
    viewings: rollup("count", { filter: "outcome != 'cancelled'", index: true }),
    all: rollup("count"),
    minutes: rollup("sum", { field: "minutes" }),
    offered: rollup("sum", { field: "offer", filter: "outcome == null || outcome == 'done'" }),
    exact: rollup("sum", { field: "exact" }),
    mean: rollup("avg", { field: "offer" }),
    lowest: rollup("min", { field: "offer" }),
    first: rollup("min", { field: "seen_on", filter: "outcome == 'done'" }),
    last: rollup("max", { field: "seen_at" }),
    latest: rollup("max", { field: "starts" }),
    touched: rollup("max", { field: "updated_at" }),
    alternatives: rollup("count", { of: "viewing.instead" }),
  },
};
export const viewing = {
  name: "viewing",
  sharing: "write",
  properties: {
    property: { fieldType: "reference", target: "property", onDelete: "cascade" },
    instead: { fieldType: "reference", target: "property", relation: "instead_of" },
    outcome: { enum: ["done", "cancelled"] },
    minutes: { type: "integer" },
    offer: { fieldType: "currency" },
    exact: { fieldType: "number", precision: 20, scale: 3 },
    seen_on: { type: "string", format: "date" },
    seen_at: { type: "string", format: "date-time" },
    starts: { type: "string", format: "time" },
    code: { type: "string", unique: true },
    note: { type: "string" },
  },
};
/** A street rolls up what its houses roll up. */
export const street = {
  name: "street",
  sharing: "write",
  properties: {
    name: { type: "string" },
    viewings: { fieldType: "rollup", of: "property.street", op: "sum", field: "viewings" },
    busy: { fieldType: "rollup", of: "property.street", op: "count", filter: "viewings > 1" },
    best: { fieldType: "rollup", of: "property.street", op: "max", field: "lowest" },
    mean: { fieldType: "rollup", of: "property.street", op: "avg", field: "mean" },
  },
};

/** Defines the three, which name each other, step by step. */
export async function defineHouses(app: TestApp): Promise<void> {
  await define(app, { ...street, properties: { name: street.properties.name } });
  const { address, street: reference } = property.properties;
  await define(app, { ...property, properties: { address, street: reference } });
  for (const definition of [viewing, property, street]) await define(app, definition);
}

/** What each roll-up is to be, in words of its own: SQL over the rows `v` of a property, and over the properties `h` of a street. */
const ofProperty: Readonly<Record<string, string>> = {
  viewings: "count(*) FILTER (WHERE v.outcome <> 'cancelled')",
  all: "count(*)",
  minutes: "coalesce(sum(v.minutes), 0)",
  offered: "coalesce(sum(v.offer) FILTER (WHERE v.outcome IS NULL OR v.outcome = 'done'), 0)",
  exact: "coalesce(sum(v.exact), 0)",
  mean: "round(avg(v.offer), 6)",
  lowest: "min(v.offer)",
  first: "min(v.seen_on) FILTER (WHERE v.outcome = 'done')",
  last: "max(v.seen_at)",
  latest: "max(v.starts)",
  touched: "max(v.updated_at)",
};
const ofStreet: Readonly<Record<string, string>> = {
  viewings: "coalesce(sum(h.viewings), 0)",
  busy: "count(*) FILTER (WHERE h.viewings > 1)",
  best: "max(h.lowest)",
  mean: "round(avg(h.mean), 6)",
};

const wrong = (parent: string, child: string, reference: string, sums: Readonly<Record<string, string>>): string => {
  const alias = child === "viewing" ? "v" : "h";
  const columns = Object.entries(sums).map(([name, sql]) => `${sql} AS "${name}"`);
  const names = Object.keys(sums).map((name) => `"${name}"`);
  return `SELECT '${parent}' AS object, to_json(p)::text AS is, to_json(e)::text AS should
    FROM t_demo.${parent} p CROSS JOIN LATERAL (SELECT ${columns.join(", ")} FROM t_demo.${child} ${alias} WHERE ${alias}.${reference} = p.id AND ${alias}.deleted_at IS NULL) e
    WHERE (${names.map((n) => `p.${n}`).join(", ")}) IS DISTINCT FROM (${names.map((n) => `e.${n}`).join(", ")})`;
};

/** Every roll-up of every record, deleted or not, is what the records that it looks at come to. */
export async function expectKept(app: TestApp): Promise<void> {
  const questions = [
    wrong("property", "viewing", "property", ofProperty),
    wrong("property", "viewing", "instead", { alternatives: "count(*)" }),
    wrong("street", "property", "street", ofStreet),
  ];
  expect(await app.store.sql(questions.join(" UNION ALL "))).toEqual([]);
}

/** Makes houses; → their ids. */
export const makeHouses = async (app: TestApp, houses: readonly object[]): Promise<string[]> =>
  (body(await app.as("admin").post("/api/properties", houses), 200).data as { id: string }[]).map(({ id }) => id);
