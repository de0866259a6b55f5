import type { Command } from "commander";
import { unlimitedMs } from "../api.ts";
import { answersJson, apiFor, asks, commaList, type CommonOptions, type Frame } from "../command.ts";
import { confirmDeletion } from "../confirm.ts";
import { type Io, note, print, printJson } from "../io.ts";
import { plain, table } from "../table.ts";

interface Tenant {
  readonly id: string;
  readonly name: string;
  readonly plugins: readonly string[];
  readonly createdAt: string;
}

/** A tenant that was just made; without an active administrator it has no key. */
export interface Created {
  readonly id: string;
  readonly name: string;
  readonly admin: { readonly email: string; readonly key: string } | null;
}

interface CreateOptions extends CommonOptions {
  readonly name: string;
  readonly email: string;
  readonly adminName?: string;
  readonly plugins?: readonly string[];
  readonly locale?: string;
  readonly timeZone?: string;
  readonly currency?: string;
  readonly country?: string;
}

const tenants = "/platform/tenants";
const addressOf = (id: string): string => `${tenants}/${encodeURIComponent(id)}`;

/** `tenant`: what the operator does with tenants. */
export function addTenant(program: Command, frame: Frame): void {
  const { io } = frame;
  const group = program.command("tenant").description("tenants, with the operator's key").helpCommand(false);
  const command = (words: string, says: string): Command =>
    answersJson(asks(group.command(words).description(says), "operator"));
  command("create <id>", "make a tenant; prints the key of its administrator, this once")
    .requiredOption("--name <name>", "what it is called")
    .requiredOption("--email <address>", "e-mail of its first administrator")
    .option("--admin-name <name>", "the administrator's name")
    .option("--plugins <names>", "plugins by comma, such as sales", commaList)
    .option("--locale <language>", "en, zh-CN or zh-TW (en)")
    .option("--time-zone <zone>", "an IANA name (UTC)")
    .option("--currency <code>", "ISO 4217 (USD)")
    .option("--country <code>", "ISO 3166 (US)")
    .action((id: string, options: CreateOptions) => create(io, id, options));
  command("list", "list the tenants").action((options: CommonOptions) => list(io, options));
  command("delete <id>", "delete a tenant with everything in it, at once")
    .option("-y, --yes", "do not ask")
    .action((id: string, options: CommonOptions & { yes?: boolean }) => remove(io, id, options));
  command("copy <from> <to>", "make a tenant with all that another one has")
    .option("--name <name>", "what the copy is called; as the first, unless said")
    .action((from: string, to: string, options: CommonOptions & { name?: string }) => copy(io, from, to, options));
}

async function create(io: Io, id: string, options: CreateOptions): Promise<void> {
  const { name, email, adminName, plugins, locale, timeZone, currency, country } = options;
  const api = await apiFor(io, options, "operator");
  const admin = { email, ...(adminName === undefined ? {} : { name: adminName }) };
  const body = { id, name, admin, plugins, locale, timeZone, currency, country };
  const made = await api.json<Created>({ method: "POST", path: tenants, body });
  if (options.json) return printJson(io, made);
  note(io, `The tenant ${made.id} is made.`);
  tellKey(io, made.admin);
}

async function list(io: Io, options: CommonOptions): Promise<void> {
  const { data } = await (await apiFor(io, options, "operator")).json<{ data: Tenant[] }>({ path: tenants });
  if (options.json) return printJson(io, data);
  const rows = data.map((t) => [t.id, t.name, t.plugins.join(", "), t.createdAt]);
  print(io, table(["id", "name", "plugins", "created"], rows));
}

async function remove(io: Io, id: string, options: CommonOptions & { yes?: boolean }): Promise<void> {
  const api = await apiFor(io, options, "operator");
  const { name } = await api.json<Tenant>({ path: addressOf(id) });
  const what = `the tenant ${id} ("${name}") with all its records`;
  if (!options.yes) await confirmDeletion(io, { what, typed: id, called: "its id" });
  await api.json({ method: "DELETE", path: addressOf(id) });
  if (options.json) printJson(io, { id, deleted: true });
  else note(io, `The tenant ${id} is deleted.`);
}

async function copy(io: Io, from: string, id: string, options: CommonOptions & { name?: string }): Promise<void> {
  const api = await apiFor(io, options, "operator");
  const body = { id, name: options.name };
  const made = await api.json<Created>({
    method: "POST",
    path: `${addressOf(from)}/copy`,
    body,
    timeoutMs: unlimitedMs,
  });
  if (options.json) return printJson(io, made);
  note(io, `The tenant ${made.id} ("${plain(made.name)}") is a copy of ${from}.`);
  tellKey(io, made.admin);
}

/** The key alone goes to standard output, so that a variable can take it. */
export function tellKey(io: Io, admin: Created["admin"]): void {
  if (admin === null) return note(io, "It has no active administrator, so there is no key.");
  note(io, `A key of its administrator ${plain(admin.email)}, shown this once:`);
  print(io, admin.key);
}
