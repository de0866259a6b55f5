import { type Locale, render } from "@guanxi/base";
import type { Rights, Session } from "@guanxi/kernel";
import {
  type Field,
  isFileObject,
  listsRecords,
  type JsonSchema,
  type ObjectType,
  partField,
  recordSchema,
  type RecordUse,
} from "@guanxi/meta";
import { may } from "../rights.ts";
import { type Anything, fieldType } from "./schema.ts";

const banner = (tenant: string, version: number): string =>
  `/* What one caller of the API may see and do in ${tenant}, from metadata version ${version}. Made by GET /api/types.d.ts. */`;

/**
 * TypeScript declarations of the objects that the caller may read: `Objects` maps each name to its plural, its record as
 * it is read, created and patched, the targets of its references, the parts of its addresses, points and references to several objects, the fields that name one record,
 * those that are computed and those whose values changes do not tell.
 */
export async function declareTypes(session: Session, locale: Locale, anything: Anything = "unknown"): Promise<string> {
  const { snapshot, actor } = session;
  const readable = [...snapshot.objects.values()].filter((o) => may(actor.rights, o.name, "read"));
  const names = new Set(readable.map((o) => o.name));
  const definitions: Record<string, JsonSchema> = {};
  const properties = readable.map((object) => {
    const uses = usesOf(object, actor.rights);
    for (const use of uses) definitions[definitionName(object, use)] = recordType(object, use, locale, anything);
    return [object.name, entry(object, uses, names, locale)] as const;
  });
  // Loaded when it is first asked for, because it is as big as the rest of the server.
  const { compile } = await import("json-schema-to-typescript");
  const root = { title: "Objects", ...record(Object.fromEntries(properties)), definitions };
  const declarations = await compile(root, "Objects", {
    bannerComment: banner(session.tenant.id, snapshot.version),
    additionalProperties: false,
    enableConstEnums: false,
    format: false,
    ignoreMinAndMaxItems: true,
    unknownAny: anything === "unknown",
    // A schema refers to nothing outside of itself, whatever a tenant wrote.
    $refOptions: { resolve: { external: false } },
  });
  return indented(declarations);
}

/** By the braces at the ends of lines; a formatter would take longer than everything else. */
function indented(declarations: string): string {
  let depth = 0;
  const lines = declarations.split("\n").map((line) => {
    const comment = /^\s*[/*]/.test(line);
    if (!comment && /^[})]/.test(line)) depth--;
    const text = `${"  ".repeat(depth)}${line}`.trimEnd();
    if (!comment && line.endsWith("{")) depth++;
    return text;
  });
  return lines.join("\n");
}

const usesOf = (object: ObjectType, rights: Rights): readonly RecordUse[] => [
  "read",
  ...(may(rights, object.name, "create") && !isFileObject(object) ? (["create"] as const) : []),
  ...(may(rights, object.name, "edit") ? (["patch"] as const) : []),
];

/** Names of objects begin with a letter and have no dots, so these never meet. */
const definitionName = (object: ObjectType, use: RecordUse): string =>
  use === "read" ? object.name : `${object.name}.${use}`;

const never: JsonSchema = { tsType: "never" };

/** An object type with exactly these members, all of them present. */
const record = (properties: Readonly<Record<string, JsonSchema>>): JsonSchema => ({
  type: "object",
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});

function entry(
  object: ObjectType,
  uses: readonly RecordUse[],
  readable: ReadonlySet<string>,
  locale: Locale,
): JsonSchema {
  const type = (use: RecordUse): JsonSchema =>
    uses.includes(use) ? { $ref: `#/definitions/${definitionName(object, use)}` } : never;
  const fields = [...object.fields.values()];
  const leading = fields.flatMap(({ name, target, type }) =>
    target !== undefined && readable.has(target) ? [{ type, entry: [name, { const: target }] as const }] : [],
  );
  const to = (list: boolean): JsonSchema =>
    record(Object.fromEntries(leading.filter((l) => listsRecords(l.type) === list).map((l) => l.entry)));
  const lists = leading.some((l) => listsRecords(l.type)) ? { lists: to(true) } : {};
  const parts = fields.flatMap((field) => {
    if (field.unread) return [];
    const names = field.branches
      ? ["object", "id"]
      : field.exprType.kind === "parts"
        ? Object.keys(field.exprType.parts)
        : [];
    return names.length === 0 ? [] : [[field.name, record(partsOf(field, names))] as const];
  });
  const several = fields.flatMap(({ name, unread, branches = [] }) => {
    if (unread) return [];
    const targets = branches.flatMap(({ target = "" }) => (readable.has(target) ? [target] : []));
    return targets.length === 0 ? [] : [[name, { enum: targets }] as const];
  });
  const formulas = object.formulas.map((field) => field.name);
  const untold = fields.filter((field) => field.untold && !field.unread).map((field) => field.name);
  const keys = fields.filter((field) => field.unique && !field.system).map((field) => field.name);
  return {
    ...record({
      plural: { const: object.plural },
      read: type("read"),
      create: type("create"),
      patch: type("patch"),
      references: to(false),
      ...(several.length === 0 ? {} : { several: record(Object.fromEntries(several)) }),
      ...lists,
      ...(parts.length === 0 ? {} : { parts: record(Object.fromEntries(parts)) }),
      keys: keys.length === 0 ? never : { enum: keys },
      ...(formulas.length === 0 ? {} : { formulas: { enum: formulas } }),
      ...(untold.length === 0 ? {} : { untold: { enum: untold } }),
    }),
    description: render(object.title, locale),
  };
}

const partsOf = (field: Field, names: readonly string[]): Record<string, JsonSchema> =>
  Object.fromEntries(names.map((name) => [name, partField(field, name)?.schema ?? {}]));

/** The record for one use. Every answer has every field, except that only deleted records tell when they were deleted. */
function recordType(object: ObjectType, use: RecordUse, locale: Locale, anything: Anything): JsonSchema {
  const schema = recordSchema(object, use);
  const fields = Object.entries(schema["properties"] as Readonly<Record<string, JsonSchema>>);
  const required = (schema["required"] as readonly string[] | undefined) ?? [];
  const title = render(object.title, locale);
  const { description } = schema;
  return {
    type: "object",
    title: definitionName(object, use),
    description: typeof description === "string" ? `${title}\n\n${description}` : title,
    properties: Object.fromEntries(
      fields.map(([name, field]) => {
        const own = object.fields.get(name)?.title;
        return [name, fieldType(field, own ? render(own, locale) : name, anything)];
      }),
    ),
    required: [...required],
    additionalProperties: false,
  };
}
