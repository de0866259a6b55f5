import { type Command, Option } from "commander";
import type { Api } from "../api.ts";
import { answersJson, apiFor, asks, commaList, type CommonOptions, type Frame } from "../command.ts";
import { confirmDeletion } from "../confirm.ts";
import { onBehalfOf, putAll } from "../definitions.ts";
import { UsageError } from "../failure.ts";
import { type Io, note, print, printJson } from "../io.ts";
import { plain, table } from "../table.ts";
import { type Occasion, readWorkflow, type WorkflowFile } from "../workflow-files.ts";

interface Definition {
  readonly name: string;
  readonly object: string;
  readonly on: string;
  readonly when?: string;
  readonly fields?: readonly string[];
  readonly order?: number;
  readonly as?: string;
  readonly active?: boolean;
  readonly script: string;
}

const workflows = "/api/meta/workflows";
const addressOf = (name: string): string => `${workflows}/${encodeURIComponent(name)}`;
/** Of the trigger; in the order of `schemas/workflow.json`. */
const triggers = ["before_create", "before_update", "before_delete", "created", "updated", "deleted", "manual"];

const putHelp = `
A file is a definition (- for standard input), or a script (.ts, .js) with --object and --on. A definition without
"script" has it in the file of the same name beside it: renewal.json in renewal.ts. Scripts are checked when put.`;

/** `workflows`: scripts and the occasions on which they run. */
export function addWorkflows(program: Command, { io }: Frame): void {
  const group = program.command("workflows").description("scripts that run on changes of records").helpCommand(false);
  const command = (words: string, says: string, json?: string): Command =>
    answersJson(asks(group.command(words).description(says), "user"), json);
  command("list", "list the workflows", "print the definitions as JSON").action((options: CommonOptions) =>
    list(io, options),
  );
  command("show <name>", "when a workflow runs, and its script", "print its definition as JSON").action(
    (name: string, options: CommonOptions) => show(io, name, options),
  );
  command("put <file...>", "publish workflows in files", "print what was done to each as JSON")
    .option("--object <name>", "of a script: whose records it watches")
    .addOption(new Option("--on <trigger>", "of a script: what it runs on").choices(triggers))
    .option("--when <expression>", "of a script: runs where this holds")
    .option("--fields <names>", "of a script, by comma: runs if one of them changed", commaList)
    .option("--name <name>", "of a script: the workflow's name; the file's unless said")
    .addHelpText("after", putHelp)
    .action((files: string[], options: CommonOptions & Occasion) => put(io, files, options));
  command("delete <name>", "delete a workflow; runs under way end as they began")
    .option("-y, --yes", "do not ask")
    .action((name: string, options: CommonOptions & { yes?: boolean }) => remove(io, name, options));
}

const activeWord = ({ active = true }: Definition): string => (active ? "yes" : "no");

async function list(io: Io, options: CommonOptions): Promise<void> {
  const { data } = await (await apiFor(io, options, "user")).json<{ data: Definition[] }>({ path: workflows });
  if (options.json) return printJson(io, data);
  const rows = data.map((w) => [w.name, w.object, w.on, activeWord(w), w.when ?? ""]);
  print(io, table(["name", "object", "on", "active", "when"], rows));
}

async function show(io: Io, name: string, options: CommonOptions): Promise<void> {
  const definition = await (await apiFor(io, options, "user")).json<Definition>({ path: addressOf(name) });
  if (options.json) return printJson(io, definition);
  const { object, on, when, fields, order, as, active, script } = definition;
  print(io, plain(`${definition.name}: on ${object} ${on}${active === false ? ", not active" : ""}`));
  const facts = Object.entries({ when, fields: fields?.join(", "), order, as });
  for (const [fact, value] of facts) if (value !== undefined) print(io, plain(`${fact}: ${value}`));
  const lines = script.trimEnd().split(/\r?\n/);
  print(io, `\n${lines.map((line) => plain(line.replaceAll("\t", "  "))).join("\n")}`);
}

interface Put {
  readonly file: string;
  readonly name: string;
  readonly outcome: "created" | "published";
  readonly object: string;
  readonly on: string;
}

async function put(io: Io, files: readonly string[], options: CommonOptions & Occasion): Promise<void> {
  const { object, on, when, fields, name } = options;
  if (name !== undefined && files.length > 1) throw new UsageError("--name is for one file; these are several.");
  const given = Object.entries({ object, on, when, fields, name }).filter(([, value]) => value !== undefined);
  const found: WorkflowFile[] = [];
  // All before the first is sent: a slip in the last file leaves nothing half done.
  for (const file of files) found.push(await readWorkflow(io, file, Object.fromEntries(given)));
  const api = await apiFor(io, options, "user");
  await putAll(io, found, { put: (file) => putOne(api, file), say: lineOf, json: options.json === true });
}

async function putOne(api: Api, { file, name, body, say }: WorkflowFile): Promise<Put> {
  const request = { method: "PUT", path: addressOf(name), body } as const;
  const response = await onBehalfOf(file, () => api.open(request), say);
  const { object, on } = (await response.json()) as Definition;
  return { file, name, outcome: response.status === 201 ? "created" : "published", object, on };
}

const outcomes: Readonly<Record<Put["outcome"], string>> = { created: "created", published: "a new version" };

const lineOf = ({ name, outcome, object, on }: Put): string =>
  plain(`${name}: ${outcomes[outcome]}, runs on ${object} ${on}`);

async function remove(io: Io, name: string, options: CommonOptions & { yes?: boolean }): Promise<void> {
  const api = await apiFor(io, options, "user");
  const { object, on } = await api.json<Definition>({ path: addressOf(name) });
  const what = `the workflow ${name} (on ${object} ${on})`;
  if (!options.yes) await confirmDeletion(io, { what, typed: name, called: "its name" });
  await api.json({ method: "DELETE", path: addressOf(name) });
  if (options.json) printJson(io, { name, deleted: true });
  else note(io, `The workflow ${name} is deleted.`);
}
