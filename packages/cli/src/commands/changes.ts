import type { Command } from "commander";
import { unlimitedMs } from "../api.ts";
import { answersJson, apiFor, asks, commaList, type CommonOptions, type Frame, wholeNumber } from "../command.ts";
import { CommandFailure, exitCodes } from "../failure.ts";
import { type Io, print, printJson } from "../io.ts";
import { type ChangeSetAnswer, tellChangeSet } from "../project/steps.ts";
import { table } from "../table.ts";

interface Change {
  readonly id: string;
  readonly version: number;
  readonly at: string;
  readonly message: string | null;
  readonly reverts: string | null;
  readonly changes: readonly { readonly kind: string; readonly name: string }[];
}

interface Revert extends CommonOptions {
  readonly plan?: boolean;
  readonly allow?: readonly string[];
  readonly message?: string;
}

const path = "/api/meta/changes";
/** What one answer of the server holds at most. */
const longestList = 500;
/** What the word stands for in place of an id. */
const last = "last";

/** `changes`: the history of a tenant's definitions, and the way back. */
export function addChanges(program: Command, frame: Frame): void {
  const group = program.command("changes").description("what was changed in the definitions").helpCommand(false);
  answersJson(asks(group.command("list").description("list the change sets, newest first"), "user"))
    .option("-n, --lines <number>", "how many", wholeNumber(1, longestList), 20)
    .action((options: CommonOptions & { lines: number }) => list(frame.io, options));
  answersJson(
    asks(group.command("revert <id>").description(`take a change set back, by its id or "${last}"`), "user"),
    "print the steps as JSON",
  )
    .option("--plan", "say what would happen, and change nothing")
    .option("--allow <losses>", "data that may be lost, by comma: drop:property.fee", commaList)
    .option("-m, --message <text>", "why; kept in the history")
    .action((id: string, options: Revert) => revert(frame, id, options));
}

/** As many names as fit into a line. */
const named = 3;

function namesOf(changes: Change["changes"]): string {
  const names = changes.slice(0, named).map(({ kind, name }) => (name === "" ? kind : `${kind}/${name}`));
  return `${names.join(", ")}${changes.length > named ? ` and ${changes.length - named} more` : ""}`;
}

async function list(io: Io, { lines, ...options }: CommonOptions & { lines: number }): Promise<void> {
  const api = await apiFor(io, options, "user");
  const { data } = await api.json<{ data: Change[] }>({ path: `${path}?limit=${lines}` });
  if (options.json) return printJson(io, data);
  const rows = data.map(({ id, version, at, message, reverts, changes }) => [
    ...[id, String(version), at],
    message ?? (reverts === null ? namesOf(changes) : `reverts ${reverts}`),
  ]);
  print(io, table(["id", "version", "at", "what"], rows));
}

async function revert({ io, end }: Frame, given: string, options: Revert): Promise<void> {
  const { plan = false, allow, message } = options;
  const api = await apiFor(io, options, "user");
  const id = given === last ? await newest(api) : given;
  const answer = await api.json<ChangeSetAnswer>({
    method: "POST",
    path: `${path}/${encodeURIComponent(id)}/revert${plan ? "?plan=true" : ""}`,
    body: { allow, message },
    timeoutMs: unlimitedMs,
  });
  if (options.json) printJson(io, answer);
  else tellChangeSet(io, answer, plan);
  if (!answer.ok) end(exitCodes.failed);
}

async function newest(api: Awaited<ReturnType<typeof apiFor>>): Promise<string> {
  const { data } = await api.json<{ data: Change[] }>({ path: `${path}?limit=1` });
  if (data[0] === undefined) throw new CommandFailure("Nothing was changed yet.");
  return data[0].id;
}
