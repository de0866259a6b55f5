import { isId, isObject, type Text, text } from "@guanxi/base";
import { severalTargets } from "../several.ts";
import type { FieldDefinition } from "../types.ts";
import { Fault, type FieldShape, type FieldType } from "./contract.ts";
import { canonicalUuid } from "./uuid.ts";

const uuid = { type: "string", format: "uuid" };

/** What a reference to records of several objects cannot say, since no single column has its values. */
const ofOneObject: Readonly<Record<string, Text>> = {
  unique: text(
    "the records of several objects have no unique key together; use a reference to each",
    "引用多个对象的字段不能唯一，请为每个对象使用单独的引用",
    "參照多個物件的欄位不能唯一，請為每個物件使用單獨的參照",
  ),
  index: text(
    "the reference to each of the objects has its index already",
    "指向每个对象的引用已有索引",
    "指向每個物件的參照已有索引",
  ),
};

const isPair = text(
  'its values are objects: { "object": …, "id": … }',
  '其值是对象：{ "object": …, "id": … }',
  '其值是物件：{ "object": …, "id": … }',
);
const isText = text(
  "its values are ids, since it leads to one object",
  "它只指向一个对象，其值是 ID",
  "它只指向一個物件，其值是 ID",
);

const misfits = ({ type }: FieldDefinition, wrong: string, format: boolean): readonly ("type" | "format")[] => [
  ...([type ?? []].flat().includes(wrong) ? (["type"] as const) : []),
  ...(format ? (["format"] as const) : []),
];

/** A record of another object, or of the same; or, where `target` is a list, of any of these. */
export const reference: FieldType = {
  name: "reference",
  jsonTypes: ["string", "object"],
  formats: ["uuid"],
  keywords: ["target", "onDelete", "relation", "format"],
  needs: ["target"],
  defaults: false,
  indexable: true,
  namesRecords: false,
  check(definition, path, report) {
    const several = severalTargets(definition);
    const [keyword] = several
      ? misfits(definition, "string", definition.format !== undefined)
      : misfits(definition, "object", false);
    if (keyword !== undefined) report.add(`${path}/${keyword}`, "definition", {}, { text: several ? isPair : isText });
    for (const [keyword, reason] of Object.entries(several ? ofOneObject : {}))
      if (definition[keyword] === true) report.add(`${path}/${keyword}`, "definition", {}, { text: reason });
    if (several && definition.externalId === true)
      report.add(`${path}/externalId`, "definition", {}, { text: ofOneObject["unique"] as Text });
  },
  shape: (definition) => {
    const several = severalTargets(definition);
    if (several) return severalShape(several);
    return {
      sqlType: "uuid",
      exprType: { kind: "ref", target: String(definition.target ?? "") },
      schema: uuid,
      normalise: canonicalUuid,
    };
  },
};

/** One of the objects, and the id of a record of it. */
const severalShape = (targets: readonly string[]): FieldShape => ({
  sqlType: "jsonb",
  exprType: { kind: "ref", target: "" },
  schema: {
    type: "object",
    properties: { object: { type: "string", enum: targets }, id: uuid },
    required: ["object", "id"],
    additionalProperties: false,
  },
  normalise: (value) => {
    if (!isObject(value) || typeof value["id"] !== "string") return value;
    if (!isId(value["id"])) return new Fault("format", { format: "uuid" }, "/id");
    return { ...value, id: value["id"].toLowerCase() };
  },
});
