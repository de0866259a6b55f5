import { type Command, Option } from "commander";
import { localeOf } from "../api.ts";
import { answersJson, apiFor, asks, commaList, type CommonOptions, type Frame } from "../command.ts";
import { confirmDeletion } from "../confirm.ts";
import { changeDefinitions } from "../change-set.ts";
import { exitCodes } from "../failure.ts";
import { type Io, print, printJson } from "../io.ts";
import { type ChangeSetAnswer, tellChangeSet } from "../project/steps.ts";
import { plain, table } from "../table.ts";

interface Obstacle {
  readonly path: string;
  readonly message: string;
  readonly put: object | null;
}

interface Plugin {
  readonly name: string;
  readonly title: string;
  readonly titles: Readonly<Record<string, string>>;
  readonly version: string | null;
  readonly state: string;
  readonly available: string | null;
  readonly collisions: readonly Obstacle[];
}

interface Answer extends ChangeSetAnswer {
  readonly collisions: readonly Obstacle[];
}

interface Acting extends CommonOptions {
  readonly allow?: readonly string[];
  readonly purge?: boolean;
  readonly yes?: boolean;
}

const address = "/api/meta/plugins";

/** How an action is asked for, below the plugin's address. */
const calls = {
  upgrade: { method: "POST", tail: "/upgrade" },
  install: { method: "PUT", tail: "" },
  disable: { method: "POST", tail: "/disable" },
  enable: { method: "POST", tail: "/enable" },
  uninstall: { method: "DELETE", tail: "" },
} as const;
type Action = keyof typeof calls;
const actions = Object.keys(calls) as Action[];

const says: Readonly<Record<Action, string>> = {
  upgrade: "bring a plugin to the server's version",
  install: "install a plugin",
  disable: "take a plugin's objects out of sight, and keep its records",
  enable: "bring a disabled plugin back",
  uninstall: "take a plugin away, and keep its records aside",
};

/** `plugins`: what a tenant has of those that the server brings. */
export function addPlugins(program: Command, { io, end }: Frame): void {
  const group = program.command("plugins").description("plugins and their versions").helpCommand(false);
  const command = (words: string, description: string): Command =>
    answersJson(asks(group.command(words).description(description), "user"));
  const allows = (acting: Command): Command =>
    acting.option("--allow <losses>", "data that may be lost, by comma: drop:boat.fax, drop:boat", commaList);
  command("list", "list the plugins").action((options: CommonOptions) => list(io, options));
  allows(command("plan <name>", "say what would happen, and change nothing"))
    .addOption(new Option("--action <action>", "what would be done").choices(actions).default("upgrade"))
    .option("--purge", "of uninstall: delete the records too")
    .action(async (name: string, { action, ...options }: Acting & { action: Action }) => {
      if (!(await act({ io, name, action, plan: true }, options))) end(exitCodes.failed);
    });
  for (const action of actions) {
    const acting = allows(command(`${action} <name>`, says[action]));
    if (action === "uninstall")
      acting.option("--purge", "delete its records too, for good").option("-y, --yes", "do not ask");
    acting.action(async (name: string, options: Acting) => {
      if (options.purge && !options.yes) await confirmPurge(io, name);
      await act({ io, name, action, plan: false }, options);
    });
  }
}

const confirmPurge = (io: Io, name: string): Promise<void> =>
  confirmDeletion(io, { what: `the plugin ${name} with all its records`, typed: name, called: "its name" });

async function list(io: Io, options: CommonOptions): Promise<void> {
  const { data } = await (await apiFor(io, options, "user")).json<{ data: Plugin[] }>({ path: address });
  if (options.json) return printJson(io, data);
  const rows = data.map((one) => [
    one.name,
    one.state,
    one.version ?? "",
    one.available ?? "",
    one.titles[localeOf(io)] ?? one.title,
  ]);
  print(io, table(["name", "state", "version", "available", "title"], rows));
  for (const { name, collisions } of data) if (collisions.length > 0) print(io, obstacleLines(name, collisions));
}

interface Asked {
  readonly io: Io;
  readonly name: string;
  readonly action: Action;
  readonly plan: boolean;
}

/** → whether it was done, or would be. */
async function act({ io, name, action, plan }: Asked, { allow, purge, ...options }: Acting): Promise<boolean> {
  const { method, tail } = calls[action];
  const query = new URLSearchParams({
    ...(plan ? { plan: "true" } : {}),
    ...(allow ? { allow: allow.join(",") } : {}),
    ...(purge ? { purge: "true" } : {}),
  });
  const path = `${address}/${encodeURIComponent(name)}${tail}${query.size > 0 ? `?${query}` : ""}`;
  const api = await apiFor(io, options, "user");
  const answer: Answer = { collisions: [], ...(await changeDefinitions(io, api, { method, path })) };
  if (options.json) printJson(io, answer);
  else tell(io, name, answer, plan);
  return answer.ok;
}

function tell(io: Io, name: string, answer: Answer, plan: boolean): void {
  if (answer.collisions.length > 0) print(io, obstacleLines(name, answer.collisions));
  tellChangeSet(io, answer, plan);
}

const obstacleLines = (name: string, obstacles: readonly Obstacle[]): string =>
  [`in the way of ${name}`, ...obstacles.map(({ path, message }) => `  ${path}: ${message}`)].map(plain).join("\n");
