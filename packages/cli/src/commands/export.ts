import { type Command, Option } from "commander";
import { unlimitedMs } from "../api.ts";
import { answersJson, apiFor, asks, type CommonOptions, type Frame } from "../command.ts";
import { UsageError } from "../failure.ts";
import { checkTarget, save } from "../files.ts";
import { type Io, note, printJson } from "../io.ts";
import { createProgress } from "../progress.ts";
import { size } from "../table.ts";

interface ExportOptions extends CommonOptions {
  readonly out?: string;
  readonly format?: string;
  readonly select?: string;
  readonly filter?: string;
  readonly order?: string;
  readonly deleted?: boolean;
  readonly bom?: boolean;
  readonly guard: boolean;
}

/** `export`: records as a file. */
export function addExport(program: Command, { io }: Frame): void {
  const command = program.command("export <plural>").description("records as CSV or NDJSON, any number of them");
  answersJson(asks(command, "user"), "print the file's name and size as JSON; needs --out")
    .option("-o, --out <file>", "where to; standard output unless said")
    .addOption(new Option("--format <format>", "csv, or what the name of --out says").choices(["csv", "ndjson"]))
    .option("--select <fields>", "fields by comma, of references too: name,owner.email")
    .option("--filter <expression>", "such as amount > 1000")
    .option("--order <fields>", "by comma, - before one for descending")
    .option("--deleted", "deleted records instead")
    .option("--bom", "begin with a byte order mark, for Excel")
    .option("--no-guard", "leave texts that a spreadsheet would run as formulas as they are")
    .action((plural: string, options: ExportOptions) => exportRecords(io, plural, options));
}

/** A format by the ending of a file's name; CSV for all others. */
export const formatOf = (path: string): "csv" | "ndjson" => (/\.(ndjson|jsonl)$/i.test(path) ? "ndjson" : "csv");

async function exportRecords(io: Io, plural: string, options: ExportOptions): Promise<void> {
  const { out, json } = options;
  if (json && out === undefined)
    throw new UsageError("--json needs --out: without it the records themselves are printed.");
  if (out !== undefined) await checkTarget(out);
  const asked = {
    format: options.format ?? formatOf(out ?? ""),
    select: options.select,
    filter: options.filter,
    order: options.order,
    deleted: options.deleted ? "only" : undefined,
    bom: options.bom ? "true" : undefined,
    guard: options.guard ? undefined : "false",
  };
  const given = Object.entries(asked).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const path = `/api/export/${encodeURIComponent(plural)}?${new URLSearchParams(given)}`;
  const response = await (await apiFor(io, options, "user")).open({ path, timeoutMs: unlimitedMs });
  const bytes = await save(io, response, { path: out, progress: createProgress(io, `export ${plural}`, size) });
  if (json) printJson(io, { file: out, bytes });
  else if (out !== undefined) note(io, `${out}: ${size(bytes)}`);
}
