import { isId } from "@guanxi/base";
import type { Command } from "commander";
import { type Api, unlimitedMs } from "../api.ts";
import { answersJson, apiFor, asks, type CommonOptions, type Frame } from "../command.ts";
import { UsageError } from "../failure.ts";
import { type Io, note, print, printJson } from "../io.ts";
import { table } from "../table.ts";

interface Key {
  readonly id: string;
  readonly name: string;
  readonly user: string;
  readonly prefix: string;
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly last_used_at: string | null;
}

interface CreateOptions extends CommonOptions {
  readonly name: string;
  readonly user?: string;
  readonly expires?: string;
}

/** `keys`: API keys of a tenant. */
export function addKeys(program: Command, { io }: Frame): void {
  const group = program.command("keys").description("API keys").helpCommand(false);
  const command = (words: string, says: string): Command =>
    answersJson(asks(group.command(words).description(says), "user"));
  command("create", "make a key; prints it, this once")
    .requiredOption("--name <name>", "what it is for")
    .option("--user <who>", "whose key, by e-mail or id; your own unless said")
    .option("--expires <when>", "after a time (90d, 12h, 4w) or at a date (2027-01-31); never unless said")
    .action((options: CreateOptions) => create(io, options));
  command("list", "list your keys; an administrator sees all").action((options: CommonOptions) => list(io, options));
  answersJson(
    asks(
      group.command("rotate-master").description("wrap the keys of all tenants by the present master key"),
      "operator",
    ),
  ).action((options: CommonOptions) => rotateMaster(io, options));
  command("revoke <id>", "end a key").action((id: string, options: CommonOptions) => revoke(io, id, options));
}

const unitMs: Readonly<Record<string, number>> = { h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 };

/** An instant in RFC 3339: of a time from now, or of a date's first moment in UTC. */
export function expiry(text: string, now: Date): string {
  const [, amount, unit = ""] = /^(\d{1,5})([hdw])$/.exec(text) ?? [];
  if (amount !== undefined) return new Date(now.getTime() + Number(amount) * (unitMs[unit] ?? 0)).toISOString();
  const instant = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(instant))
    throw new UsageError(`"${text}" is no time. Write 90d, 12h, 4w, or a date such as 2027-01-31.`);
  return new Date(instant).toISOString();
}

async function userId(api: Api, who: string): Promise<string> {
  if (isId(who)) return who;
  return (await api.json<{ id: string }>({ path: `/api/users/by/email/${encodeURIComponent(who)}` })).id;
}

async function rotateMaster(io: Io, options: CommonOptions): Promise<void> {
  const api = await apiFor(io, options, "operator");
  const path = "/platform/master-key/rotate";
  const done = await api.json<{ tenants: number; rewrapped: number }>({ method: "POST", path, timeoutMs: unlimitedMs });
  if (options.json) return printJson(io, done);
  note(
    io,
    `${done.rewrapped} of ${done.tenants} tenants had their key wrapped anew. GUANXI_MASTER_KEY_PREVIOUS is no longer needed.`,
  );
}

async function create(io: Io, options: CreateOptions): Promise<void> {
  const expires = options.expires === undefined ? {} : { expires_at: expiry(options.expires, new Date()) };
  const api = await apiFor(io, options, "user");
  const user = options.user === undefined ? {} : { user: await userId(api, options.user) };
  const body = { name: options.name, ...expires, ...user };
  const made = await api.json<Key & { key: string }>({ method: "POST", path: "/api/keys", body });
  if (options.json) return printJson(io, made);
  note(io, `Key ${made.id}${made.expires_at === null ? "" : `, good until ${made.expires_at}`}, shown this once:`);
  print(io, made.key);
}

async function list(io: Io, options: CommonOptions): Promise<void> {
  const { data } = await (await apiFor(io, options, "user")).json<{ data: Key[] }>({ path: "/api/keys" });
  if (options.json) return printJson(io, data);
  const rows = data.map((k) => [
    k.id,
    k.name,
    `${k.prefix}…`,
    k.user,
    k.expires_at ?? "never",
    k.last_used_at ?? "never",
  ]);
  print(io, table(["id", "name", "begins with", "user", "expires", "last used"], rows));
}

async function revoke(io: Io, id: string, options: CommonOptions): Promise<void> {
  const api = await apiFor(io, options, "user");
  await api.json({ method: "DELETE", path: `/api/keys/${encodeURIComponent(id)}` });
  if (options.json) printJson(io, { id, revoked: true });
  else note(io, `The key ${id} is revoked.`);
}
