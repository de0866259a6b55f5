import { existsSync } from "node:fs";
import type { JobState } from "@guanxi/client";
import { type Command, Option } from "commander";
import { type Api, localeOf, unlimitedMs } from "../api.ts";
import { answersJson, apiFor, asks, type CommonOptions, type Frame } from "../command.ts";
import { parseJson, readText } from "../definitions.ts";
import { CommandFailure, exitCodes, type ExitCode, explain, UsageError } from "../failure.ts";
import { checkTarget, save } from "../files.ts";
import { type Io, note, printJson } from "../io.ts";
import { followJob, jobPath } from "../job.ts";
import { createProgress } from "../progress.ts";
import { count, size } from "../table.ts";
import { sendFile } from "../upload.ts";
import { formatOf } from "./export.ts";

interface ImportOptions extends CommonOptions {
  readonly mapping?: string;
  readonly mode?: string;
  readonly key?: string;
  readonly keyField?: string;
  readonly format?: "csv" | "ndjson";
  readonly encoding?: string;
  readonly errors?: string;
  readonly wait: boolean;
}

/** A mapping goes into the request's address, of which a server takes 16 KB, the other headers included. */
const longestMapping = 10_000;

/** `import`: a file as records. */
export function addImport(program: Command, frame: Frame): void {
  const command = program
    .command("import <plural> <file>")
    .description("import a CSV or NDJSON file of any length, - for standard input");
  answersJson(asks(command, "user"), "print the job as JSON")
    .option("--mapping <mapping>", "the name of a stored mapping, or a file with one (.json)")
    .addOption(new Option("--mode <mode>", "create, unless the mapping says otherwise").choices(["create", "upsert"]))
    .option("--key-field <field>", "upsert by this unique field, or by id")
    .addOption(new Option("--format <format>", "what the file's name says, else csv").choices(["csv", "ndjson"]))
    .addOption(
      new Option("--encoding <name>", "utf-8, unless the mapping says otherwise").choices(["utf-8", "gb18030", "gbk"]),
    )
    .option("--errors <file>", "where rejected rows go (<file>.errors.csv)")
    .option("--no-wait", "print the job and leave it to the server")
    .action(async (plural: string, file: string, options: ImportOptions) =>
      frame.end(await importFile(frame.io, plural, file, options)),
    );
}

async function importFile(io: Io, plural: string, file: string, options: ImportOptions): Promise<ExitCode> {
  if (options.key !== undefined && !options.key.startsWith("gx_"))
    throw new UsageError("--key is your API key. The field of an upsert is said by --key-field.");
  const errors = options.errors ?? `${file === "-" ? "import" : file}.errors.csv`;
  if (options.wait) await checkTarget(errors);
  const mapping = options.mapping === undefined ? undefined : await mappingOf(options.mapping);
  const api = await apiFor(io, options, "user");
  const job = await upload(io, api, plural, file, options, mapping);
  if (!options.wait) {
    if (options.json) printJson(io, job);
    else
      note(
        io,
        `Job ${job.id}: ${count(job.total)} rows. The server imports them; GET ${jobPath(job.id)} tells how far it is.`,
      );
    return exitCodes.ok;
  }
  const ended = await followJob(io, api, job);
  const json = options.json === true;
  try {
    report(io, ended, ended.rejected > 0 ? await saveErrors(io, api, ended, errors) : undefined, json);
  } catch (error) {
    // The rows are in, and that is to be known all the same.
    report(io, ended, undefined, json);
    const why = explain(error, localeOf(io));
    throw new CommandFailure(`The rejected rows could not be saved: ${why}\nGET ${jobPath(ended.id)}/errors has them.`);
  }
  if (io.interrupted.aborted) return exitCodes.interrupted;
  return ended.status === "finished" && ended.rejected === 0 ? exitCodes.ok : exitCodes.failed;
}

/** The parameter `mapping`: the name as it is, or the text of the file without its white space. */
async function mappingOf(given: string): Promise<string> {
  if (!given.endsWith(".json") && !existsSync(given)) return given;
  const mapping = JSON.stringify(parseJson(await readText(given), given));
  if (encodeURIComponent(mapping).length > longestMapping)
    throw new UsageError(
      `${given} is too long to be sent along. Store it (PUT /api/meta/mappings/<name>) and give its name.`,
    );
  return mapping;
}

async function upload(
  io: Io,
  api: Api,
  plural: string,
  file: string,
  options: ImportOptions,
  mapping: string | undefined,
): Promise<JobState> {
  const { mode, keyField: key } = options;
  const given = Object.entries({ mapping, mode, key }).filter((e): e is [string, string] => e[1] !== undefined);
  const type = (options.format ?? formatOf(file)) === "csv" ? "text/csv" : "application/x-ndjson";
  const charset = options.encoding === undefined ? "" : `; charset=${options.encoding}`;
  return sendFile<JobState>(io, api, file, {
    what: "upload",
    path: `/api/import/${encodeURIComponent(plural)}?${new URLSearchParams(given)}`,
    headers: { "content-type": type + charset },
    interrupted: "Interrupted while uploading. A file that did not arrive whole leaves nothing behind.",
    unread: "Nothing was imported.",
  });
}

async function saveErrors(io: Io, api: Api, job: JobState, path: string): Promise<string> {
  // Also after an interruption: what was rejected until then is to be known.
  const calm: Io = { ...io, interrupted: new AbortController().signal };
  const response = await api.open({
    path: `${jobPath(job.id)}/errors`,
    timeoutMs: unlimitedMs,
    signal: calm.interrupted,
  });
  await save(calm, response, { path, progress: createProgress(io, "rejected rows", size) });
  return path;
}

function report(io: Io, job: JobState, errors: string | undefined, json: boolean): void {
  if (json) return printJson(io, errors === undefined ? job : { ...job, errorsFile: errors });
  const parts = (["created", "updated", "unchanged", "rejected"] as const)
    .filter((name) => job[name] > 0)
    .map((name) => `${count(job[name])} ${name}`);
  const left = job.total - job.processed;
  if (left > 0) parts.push(`${count(left)} not taken`);
  note(io, `${words[job.status] ?? job.status}: ${parts.join(", ") || "no rows"}.`);
  if (job.error !== null) note(io, `${job.error.detail ?? job.error.title} (${job.error.code})`);
  if (errors !== undefined)
    note(
      io,
      `The rejected rows are in ${errors}, with the reason in the last column. Mend the cells and import that file.`,
    );
}

const words: Readonly<Record<string, string>> = {
  finished: "Done",
  failed: "Failed",
  cancelled: "Cancelled; what was imported stays",
};
