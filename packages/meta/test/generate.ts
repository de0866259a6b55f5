import fc from "fast-check";
import type { FieldTypeName } from "../src/index.ts";
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
    ...samples[type].definition,
    deprecated,
    ...(title === undefined ? {} : { title }),
  }));

/** An object called `thing` with up to six fields of any types. */
export const anyDefinition = fc.dictionary(fc.constantFrom(...names), anyField, { maxKeys: 6 }).chain((properties) => {
  // Two references to the same object need a name each for the way back.
  for (const [name, field] of Object.entries(properties))
    if ("target" in field) Object.assign(field, { relation: `things_by_${name}` });
  const stored = Object.keys(properties).filter((name) => !("formula" in (properties[name] ?? {})));
  return fc
    .record({
      required: fc.subarray(stored),
      history: fc.boolean(),
      sharing: fc.constantFrom("private", "read", "write"),
    })
    .map((more) => ({ name: "thing", properties: { ...properties }, ...more }));
});
