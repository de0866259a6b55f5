import type { Command } from "commander";
import { type Api, unlimitedMs } from "../api.ts";
import { changeDefinitions, type ChangeSetEntry } from "../change-set.ts";
import { answersJson, apiFor, asks, commaList, type CommonOptions, type Frame, wholeNumber } from "../command.ts";
import { CommandFailure, exitCodes } from "../failure.ts";
import { type Io, print, printJson } from "../io.ts";
import { stepLines, tellChangeSet } from "../project/steps.ts";
import { plain, table } from "../table.ts";

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
    asks(group.command("show <id>").description(`what a change set did, by its id or "${last}"`), "user"),
    "print it as JSON, with the definitions before and after",
  ).action((id: string, options: CommonOptions) => show(frame.io, id, options));
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

function namesOf(changes: ChangeSetEntry["changes"]): string {
  const names = changes.slice(0, named).map(({ kind, name }) => (name === "" ? kind : `${kind}/${name}`));
  return `${names.join(", ")}${changes.length > named ? ` and ${changes.length - named} more` : ""}`;
}

async function list(io: Io, { lines, ...options }: CommonOptions & { lines: number }): Promise<void> {
  const api = await apiFor(io, options, "user");
  const { data } = await api.json<{ data: ChangeSetEntry[] }>({ path: `${path}?limit=${lines}` });
  if (options.json) return printJson(io, data);
  const maker = await makersOf(api, data);
  const rows = data.map((change) => [
    ...[change.id, String(change.version), change.at, maker(change)],
    change.message ?? (change.reverts === null ? namesOf(change.changes) : `reverts ${change.reverts}`),
  ]);
  print(io, table(["id", "version", "at", "by", "what"], rows));
}

/** Says who made a change set: the user's name, or the id of one who is gone. */
async function makersOf(api: Api, changes: readonly ChangeSetEntry[]): Promise<(change: ChangeSetEntry) => string> {
  const ids = [...new Set(changes.flatMap(({ by }) => by ?? []))];
  const filter = `id in [${ids.map((id) => `'${id}'`).join(", ")}]`;
  const body = { filter, select: "name", limit: longestList };
  const { data } =
    ids.length === 0
      ? { data: [] }
      : await api.json<{ data: { id: string; name: string }[] }>({ method: "POST", path: "/api/users/query", body });
  const names = new Map(data.map((user) => [user.id, user.name]));
  return ({ by }) => (by === null ? "the platform" : (names.get(by) ?? by));
}

async function show(io: Io, given: string, options: CommonOptions): Promise<void> {
  const api = await apiFor(io, options, "user");
  const change = await api.json<ChangeSetEntry>({ path: `${path}/${encodeURIComponent(await idOf(api, given))}` });
  if (options.json) return printJson(io, change);
  const { state, version, at, message, reverts, pruned, steps, problem } = change;
  const head = [
    `${version === null ? state : `version ${version}`}, ${at}, by ${(await makersOf(api, [change]))(change)}`,
    ...(message === null ? [] : [message]),
    ...(reverts === null ? [] : [`reverts ${reverts}`]),
    ...(problem ? [problem.detail ?? problem.title] : []),
    ...(pruned ? ["Its definitions are no longer kept: it cannot be taken back."] : []),
  ];
  print(io, [...head.map(plain), ...stepLines(steps)].join("\n"));
}

async function revert({ io, end }: Frame, given: string, options: Revert): Promise<void> {
  const { plan = false, allow, message } = options;
  const api = await apiFor(io, options, "user");
  const id = await idOf(api, given);
  const answer = await changeDefinitions(io, api, {
    method: "POST",
    path: `${path}/${encodeURIComponent(id)}/revert${plan ? "?plan=true" : ""}`,
    body: { allow, message },
    timeoutMs: unlimitedMs,
  });
  if (options.json) printJson(io, answer);
  else tellChangeSet(io, answer, plan);
  if (!answer.ok) end(exitCodes.failed);
}

async function idOf(api: Api, given: string): Promise<string> {
  if (given !== last) return given;
  const { data } = await api.json<{ data: ChangeSetEntry[] }>({ path: `${path}?limit=1` });
  if (data[0] === undefined) throw new CommandFailure("Nothing was changed yet.");
  return data[0].id;
}
