import fc from "fast-check";
import { type FieldTypeName, fieldTypes } from "../src/index.ts";
import { samples } from "./samples.ts";

const names = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"];
const types = Object.keys(samples) as FieldTypeName[];

/** A field of any type, sometimes with words that every type takes. */
const anyField = fc
  .record({
    type: fc.constantFrom(...types),
    title: fc.option(fc.string({ minLength: 1, maxLength: 10, unit: "grapheme" }), { nil: undefined }),
    deprecated: fc.boolean(),
  })
  .map(({ type, title, deprecated }) => ({
    type,
    definition: { ...samples[type].definition, deprecated, ...(title === undefined ? {} : { title }) },
  }));

/** An object called `thing` with up to six fields of any types. */
export const anyDefinition = fc.dictionary(fc.constantFrom(...names), anyField, { maxKeys: 6 }).chain((fields) => {
  const entries = Object.entries(fields);
  const properties = Object.fromEntries(entries.map(([name, { definition }]) => [name, definition]));
  // Two references to the same object need a name each for the way back.
  for (const [name, field] of Object.entries(properties))
    if ("target" in field) Object.assign(field, { relation: `things_by_${name}` });
  const stored = entries
    .filter(([, { type }]) => type !== "formula" && !fieldTypes[type].derived)
    .map(([name]) => name);
  for (const [, { type }] of entries) Object.assign(properties, samples[type].beside);
  const parents = entries.filter(([, { type }]) => type === "reference").map(([name]) => ({ parent: name }));
  return fc
    .record({
      required: fc.subarray(stored),
      history: fc.boolean(),
      sharing: fc.constantFrom("private", "read", "write", ...parents),
    })
    .map((more) => ({ name: "thing", properties: { ...properties }, ...more }));
});
