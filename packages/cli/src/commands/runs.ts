import { setTimeout as sleep } from "node:timers/promises";
import { GuanxiProblem } from "@guanxi/client";
import { type Command, Option } from "commander";
import type { Api } from "../api.ts";
import { answersJson, apiFor, asks, type CommonOptions, type Frame, wholeNumber } from "../command.ts";
import { type Io, note, print } from "../io.ts";
import { plain } from "../table.ts";

interface Run {
  readonly id: string;
  readonly workflow: string;
  readonly status: string;
  readonly object: string | null;
  readonly record: string;
  readonly created_at: string;
  readonly ended_at: string | null;
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly line?: number;
    readonly column?: number;
  } | null;
}

interface TailOptions extends CommonOptions {
  readonly workflow?: string;
  readonly status?: string;
  readonly lines: number;
  readonly follow?: boolean;
}

const statuses = ["queued", "running", "waiting", "succeeded", "failed", "cancelled"];
/** Between two looks, ms. */
const lookMs = 1_000;
/** How many of the newest runs a look asks for: changes of older ones are not told. As many as a page has. */
const watched = 500;

/** `runs`: what workflows did. */
export function addRuns(program: Command, { io }: Frame): void {
  const command = program
    .command("runs")
    .description("workflow runs")
    .helpCommand(false)
    .command("tail")
    .description("the newest runs");
  answersJson(asks(command, "user"), "print a line of JSON for each")
    .option("--workflow <name>", "of this workflow only")
    .addOption(new Option("--status <status>", "with this status only").choices(statuses))
    .option("-n, --lines <number>", "how many, to begin with", wholeNumber(0, watched), 20)
    .option("-f, --follow", "go on with new runs, and with those that change, until interrupted")
    .action((options: TailOptions) => tail(io, options));
}

async function tail(io: Io, options: TailOptions): Promise<void> {
  const api = await apiFor(io, options, "user");
  const show = (runs: readonly Run[]): void => {
    for (const run of runs.toReversed()) print(io, options.json ? JSON.stringify(run) : lineOf(run));
  };
  const newest = await page(api, options, options.follow ? watched : Math.max(1, options.lines));
  show(newest.slice(0, options.lines));
  if (options.follow) await follow(io, () => page(api, options, watched), newest, show);
}

async function page(api: Api, { workflow, status }: TailOptions, limit: number): Promise<readonly Run[]> {
  const given = Object.entries({ workflow, status, limit: String(limit) });
  const query = new URLSearchParams(given.filter((entry): entry is [string, string] => entry[1] !== undefined));
  return (await api.json<{ data: Run[] }>({ path: `/api/runs?${query}` })).data;
}

/** Tells of runs that are new or have another status than when they were last seen. Ends when the user interrupts. */
async function follow(
  io: Io,
  look: () => Promise<readonly Run[]>,
  first: readonly Run[],
  show: (runs: readonly Run[]) => void,
): Promise<void> {
  let known = new Map(first.map((run) => [run.id, run.status]));
  let lost = false;
  while (!io.interrupted.aborted) {
    await sleep(lookMs, undefined, { signal: io.interrupted }).catch(() => undefined);
    if (io.interrupted.aborted) return;
    try {
      const runs = await look();
      show(runs.filter(({ id, status }) => known.get(id) !== status));
      known = new Map(runs.map((run) => [run.id, run.status]));
      if (lost) note(io, "The server answers again.");
      lost = false;
    } catch (error) {
      if (io.interrupted.aborted) return;
      if (!(error instanceof GuanxiProblem) || ![0, 502, 503, 504].includes(error.status)) throw error;
      if (!lost) note(io, "The server does not answer; waiting for it.");
      lost = true;
    }
  }
}

function lineOf(run: Run): string {
  const took = run.ended_at === null ? "" : ` in ${Date.parse(run.ended_at) - Date.parse(run.created_at)} ms`;
  const head = `${run.created_at}  ${run.status.padEnd(9)}  ${run.workflow}  ${run.object ?? "?"} ${run.record}${took}`;
  return run.error === null ? plain(head) : `${plain(head)}\n    ${errorOf(run.error)}`;
}

function errorOf({ code, message, line, column }: NonNullable<Run["error"]>): string {
  const place =
    line === undefined ? "" : ` (line ${line}${column === undefined ? "" : `, column ${column}`} of the script)`;
  return `${plain(code)}: ${message.split("\n").map(plain).join("\n    ")}${place}`;
}
