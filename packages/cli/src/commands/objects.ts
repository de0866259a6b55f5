import type { FieldDefinition } from "@guanxi/meta";
import type { Command } from "commander";
import { GuanxiProblem } from "@guanxi/client";
import { type Api, localeOf, unlimitedMs } from "../api.ts";
import { followChangeSet, isStillBuilding, type StillBuilding } from "../change-set.ts";
import { answersJson, apiFor, asks, commaList, type CommonOptions, type Frame } from "../command.ts";
import { confirmDeletion } from "../confirm.ts";
import { type DefinitionFile, onBehalfOf, putAll, readDefinition } from "../definitions.ts";
import { type Io, note, print, printJson } from "../io.ts";
import { changeLines, type ObjectChanges, objectChanges } from "../object-changes.ts";
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
  readonly sharing?: string | { readonly parent: string };
  readonly properties: Readonly<Record<string, FieldDefinition & Titled>>;
}

interface Allowing extends CommonOptions {
  readonly allow?: readonly string[];
}

const objects = "/api/meta/objects";
const addressOf = (name: string): string => `${objects}/${encodeURIComponent(name)}`;

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
  allows(
    answersJson(
      asks(group.command("put <file...>").description("make or change objects by definitions in files"), "user"),
      "print what was done to each as JSON",
    ),
  )
    .addHelpText("after", "\nOne definition a file, with its name; - for standard input. They are put in this order.")
    .action((files: string[], options: Allowing) => put(io, files, options));
  allows(answersJson(asks(group.command("delete <name>").description("delete an object with its records"), "user")))
    .option("-y, --yes", "do not ask")
    .action((name: string, options: Allowing & { yes?: boolean }) => remove(io, name, options));
  answersJson(asks(group.command("recalculate <name>").description("compute the roll-ups of an object anew"), "user"))
    .option("--field <field>", "only this roll-up")
    .action((name: string, options: CommonOptions & { field?: string }) => recalculate(io, name, options));
}

const allows = (command: Command): Command =>
  command.option(
    "--allow <losses>",
    "data that may be lost, by comma: drop:property.fee, drop:property, convert:property.viewed",
    commaList,
  );

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
  const definition = await api.json<Definition>({ path: addressOf(name) });
  if (options.json) return printJson(io, definition);
  const { fieldTypeOf } = await import("@guanxi/meta");
  const rows = Object.entries(definition.properties).map(([field, value]) => [
    field,
    typeWords(fieldTypeOf(value) ?? "", value),
    definition.required?.includes(field) ? "yes" : "",
    value["unique"] === true || value["externalId"] === true ? "yes" : "",
    titleOf(io, value),
  ]);
  const { plural, sharing = "private" } = definition;
  print(
    io,
    `${plain(`${definition.name} (${titleOf(io, definition)}): /api/${plural}, sharing ${typeof sharing === "string" ? sharing : `by ${sharing.parent}`}`)}\n`,
  );
  print(io, table(["field", "type", "required", "unique", "title"], rows));
  for (const fields of definition.unique ?? []) print(io, `unique together: ${plain(fields.join(", "))}`);
}

function typeWords(type: string, field: FieldDefinition): string {
  const { target, of, op } = field;
  if (target !== undefined) return `${type} to ${[target].flat().join(" or ")}`;
  return typeof of === "string" ? `${type}: ${op} of ${of}` : type;
}

interface Put extends ObjectChanges {
  readonly file: string;
  readonly name: string;
  readonly plural: string;
}

async function put(io: Io, files: readonly string[], options: Allowing): Promise<void> {
  const definitions: DefinitionFile[] = [];
  // All before the first is sent: a slip in the last file leaves nothing half done.
  for (const file of files) definitions.push(await readDefinition(io, file));
  const api = await apiFor(io, options, "user");
  await putAll(io, definitions, {
    put: (file) => putOne(io, api, file, options),
    say: linesOf,
    json: options.json === true,
  });
}

async function putOne(io: Io, api: Api, { file, name, body }: DefinitionFile, options: Allowing): Promise<Put> {
  const before =
    (await find(api, name)) ?? (typeof body["was"] === "string" ? await find(api, body["was"]) : undefined);
  const request = { method: "PUT", path: `${addressOf(name)}${allowed(options)}`, body } as const;
  const after = await onBehalfOf(file, async () => {
    const answer = await api.json<Definition | StillBuilding>(request);
    if (!isStillBuilding(answer)) return answer;
    await followChangeSet(io, api, answer);
    return api.json<Definition>({ path: addressOf(name) });
  });
  return { file, name: after.name, plural: after.plural, ...objectChanges(before, after) };
}

async function find(api: Api, name: string): Promise<Definition | undefined> {
  try {
    return await api.json<Definition>({ path: addressOf(name) });
  } catch (error) {
    if (error instanceof GuanxiProblem && error.status === 404) return undefined;
    throw error;
  }
}

const allowed = ({ allow }: Allowing): string =>
  allow === undefined ? "" : `?${new URLSearchParams({ allow: allow.join(",") })}`;

function linesOf(done: Put): string {
  const { name, plural, outcome, was, added } = done;
  if (outcome === "created")
    return plain(
      `${name}: created, with ${added.length} ${added.length === 1 ? "field" : "fields"}, at /api/${plural}`,
    );
  const head = `${name}: ${outcome}${was === undefined ? "" : `, was ${was}`}`;
  return [head, ...changeLines(done)].map(plain).join("\n");
}

async function remove(io: Io, name: string, options: Allowing & { yes?: boolean }): Promise<void> {
  const api = await apiFor(io, options, "user");
  const definition = await api.json<Definition>({ path: addressOf(name) });
  const what = `the object ${name} (${titleOf(io, definition)}) with all its records`;
  if (!options.yes) await confirmDeletion(io, { what, typed: name, called: "its name" });
  const answer = await api.json<StillBuilding | undefined>({
    method: "DELETE",
    path: `${addressOf(name)}${allowed(options)}`,
  });
  if (isStillBuilding(answer)) await followChangeSet(io, api, answer);
  if (options.json) printJson(io, { name, deleted: true });
  else note(io, `The object ${name} is deleted.`);
}

interface Recalculated {
  readonly records: number;
  readonly differed: number;
}

async function recalculate(io: Io, name: string, options: CommonOptions & { field?: string }): Promise<void> {
  const { field } = options;
  const query = field === undefined ? "" : `?${new URLSearchParams({ field })}`;
  const done = await (
    await apiFor(io, options, "user")
  ).json<Recalculated>({ method: "POST", path: `${addressOf(name)}/recalculate${query}`, timeoutMs: unlimitedMs });
  if (options.json) return printJson(io, done);
  const { records, differed } = done;
  const looked = `${records} ${records === 1 ? "record" : "records"}`;
  print(io, plain(`${name}: looked at ${looked}, ${differed} had a wrong ${field ?? "roll-up"}`));
}
