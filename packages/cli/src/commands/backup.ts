import type { Command } from "commander";
import { unlimitedMs } from "../api.ts";
import { answersJson, apiFor, asks, type CommonOptions, type Frame } from "../command.ts";
import { checkTarget, save } from "../files.ts";
import { type Io, note, printJson } from "../io.ts";
import { createProgress } from "../progress.ts";
import { count, plain, size } from "../table.ts";
import { sendFile } from "../upload.ts";
import { type Created, tellKey } from "./tenant.ts";

interface BackupOptions extends CommonOptions {
  readonly out: string;
  readonly tenant?: string;
}

interface RestoreOptions extends CommonOptions {
  readonly tenant?: string;
  readonly as?: string;
}

interface Restored extends Created {
  /** Its id in the file. */
  readonly from: string;
  readonly rows: number;
}

/** A backup has everything of everybody in it. */
const ownerOnly = 0o600;

/** `backup` and `restore`, with the operator's key. */
export function addBackup(program: Command, { io }: Frame): void {
  const backupCommand = program.command("backup").description("write all tenants, or one, to a file");
  answersJson(asks(backupCommand, "operator"))
    .requiredOption("-o, --out <file>", "where to; it has this name once it is whole")
    .option("--tenant <id>", "this tenant only")
    .action((options: BackupOptions) => backup(io, options));
  const restoreCommand = program
    .command("restore <file>")
    .description("make tenants of a backup, - for standard input");
  answersJson(asks(restoreCommand, "operator"))
    .option("--tenant <id>", "this one of those in the file")
    .option("--as <id>", "the tenant's new id, for a file with one tenant or with --tenant")
    .action((file: string, options: RestoreOptions) => restore(io, file, options));
}

async function backup(io: Io, { out, tenant, ...options }: BackupOptions): Promise<void> {
  await checkTarget(out);
  const path = tenant === undefined ? "/platform/backup" : `/platform/tenants/${encodeURIComponent(tenant)}/backup`;
  const api = await apiFor(io, options, "operator");
  const response = await api.open({ path, timeoutMs: unlimitedMs });
  const bytes = await save(io, response, { path: out, progress: createProgress(io, "backup", size), mode: ownerOnly });
  if (options.json) printJson(io, { file: out, bytes });
  else note(io, `${out}: ${size(bytes)}`);
}

async function restore(io: Io, file: string, options: RestoreOptions): Promise<void> {
  const api = await apiFor(io, options, "operator");
  const given = Object.entries({ tenant: options.tenant, as: options.as });
  const query = new URLSearchParams(given.filter((entry): entry is [string, string] => entry[1] !== undefined));
  const { tenants } = await sendFile<{ tenants: Restored[] }>(io, api, file, {
    what: "restore",
    path: `/platform/restore?${query}`,
    headers: { "content-type": "application/octet-stream" },
    interrupted: "Interrupted. Unless it had just ended, nothing was restored; `guanxi tenant list` tells.",
    unread: "Nothing was restored.",
  });
  if (options.json) printJson(io, tenants);
  else for (const tenant of tenants) tell(io, tenant);
}

function tell(io: Io, { id, from, name, rows, admin }: Restored): void {
  const origin = id === from ? "" : `, in the file ${from}`;
  note(io, `Tenant ${id} ("${plain(name)}"${origin}): ${count(rows)} rows.`);
  tellKey(io, admin);
}
