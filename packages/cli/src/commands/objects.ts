import type { FieldDefinition } from "@guanxi/meta";
import type { Command } from "commander";
import { localeOf } from "../api.ts";
import { answersJson, apiFor, asks, type CommonOptions, type Frame } from "../command.ts";
import { type Io, print, printJson } from "../io.ts";
import { plain, table } from "../table.ts";

interface Titled {
  readonly title?: string;
  readonly titles?: Readonly<Record<string, string>>;
}

interface Definition extends Titled {
  readonly name: string;
  readonly plural: string;
  readonly required?: readonly string[];
  readonly unique?: readonly (readonly string[])[];
  readonly sharing?: string;
  readonly properties: Readonly<Record<string, FieldDefinition & Titled>>;
}

const objects = "/api/meta/objects";

/** `objects`: what a tenant has records of. */
export function addObjects(program: Command, { io }: Frame): void {
  const group = program.command("objects").description("objects and their fields").helpCommand(false);
  answersJson(asks(group.command("list").description("list the objects"), "user"), "print the definitions as JSON")
    .option("--plurals", "print their plurals only, one a line")
    .action((options: CommonOptions & { plurals?: boolean }) => list(io, options));
  answersJson(
    asks(group.command("show <name>").description("the fields of an object"), "user"),
    "print its definition as JSON",
  ).action((name: string, options: CommonOptions) => show(io, name, options));
}

const titleOf = (io: Io, { title, titles }: Titled): string => titles?.[localeOf(io)] ?? title ?? "";

async function list(io: Io, options: CommonOptions & { plurals?: boolean }): Promise<void> {
  const { data } = await (await apiFor(io, options, "user")).json<{ data: Definition[] }>({ path: objects });
  if (options.json) return printJson(io, data);
  if (options.plurals) return print(io, data.map((o) => o.plural).join("\n"));
  const rows = data.map((o) => [o.name, o.plural, String(Object.keys(o.properties).length), titleOf(io, o)]);
  print(io, table(["name", "plural", "fields", "title"], rows));
}

async function show(io: Io, name: string, options: CommonOptions): Promise<void> {
  const api = await apiFor(io, options, "user");
  const definition = await api.json<Definition>({ path: `${objects}/${encodeURIComponent(name)}` });
  if (options.json) return printJson(io, definition);
  const { fieldTypeOf } = await import("@guanxi/meta");
  const rows = Object.entries(definition.properties).map(([field, value]) => [
    field,
    typeWords(fieldTypeOf(value) ?? "", value),
    definition.required?.includes(field) ? "yes" : "",
    value["unique"] === true ? "yes" : "",
    titleOf(io, value),
  ]);
  const { plural, sharing = "private" } = definition;
  print(io, `${plain(`${definition.name} (${titleOf(io, definition)}): /api/${plural}, sharing ${sharing}`)}\n`);
  print(io, table(["field", "type", "required", "unique", "title"], rows));
  for (const fields of definition.unique ?? []) print(io, `unique together: ${plain(fields.join(", "))}`);
}

const typeWords = (type: string, field: FieldDefinition): string =>
  typeof field["target"] === "string" ? `${type} to ${field["target"]}` : type;
