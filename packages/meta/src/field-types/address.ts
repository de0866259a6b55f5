import { isObject } from "@guanxi/base";
import type { ExprType } from "@guanxi/expr";
import { Fault, type FieldType, text } from "./contract.ts";
import { isCountry } from "./countries.ts";

/** Characters that each part has room for: the longest streets and places of the world, and some more. */
const longest = { street: 500, district: 200, city: 200, state: 200, postal_code: 20 } as const;
const partNames = [...Object.keys(longest), "country"];

/** Null takes a part away. */
const part = (facts: Record<string, unknown>): Record<string, unknown> => ({ type: ["string", "null"], ...facts });

const schema = {
  type: "object",
  properties: {
    ...Object.fromEntries(Object.entries(longest).map(([name, maxLength]) => [name, part({ maxLength })])),
    country: part({ format: "country-code", description: "ISO 3166-1 alpha-2" }),
  },
  additionalProperties: false,
};

const parts: Readonly<Record<string, ExprType>> = Object.fromEntries(partNames.map((name) => [name, text]));

/**
 * A postal address in parts, none of which is needed: `street` with house and lines above it, `district` (区), `city`, `state` or province,
 * `postal_code` and `country`.
 */
export const address: FieldType = {
  name: "address",
  jsonTypes: ["object"],
  keywords: [],
  defaults: true,
  indexable: false,
  namesRecords: false,
  merges: true,
  shape: () => ({ sqlType: "jsonb", exprType: { kind: "parts", parts }, schema, normalise: canonicalAddress }),
};

function canonicalAddress(value: unknown): unknown {
  if (!isObject(value) || typeof value["country"] !== "string") return value;
  const country = value["country"].trim().toUpperCase();
  return isCountry(country) ? { ...value, country } : new Fault("format", { format: "country" }, "/country");
}
