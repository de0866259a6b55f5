import { existsSync } from "node:fs";
import type { Command } from "commander";
import { createApi } from "../api.ts";
import { answersJson, asks, type CommonOptions, type Frame } from "../command.ts";
import { CommandFailure, exitCodes, UsageError } from "../failure.ts";
import { type Io, note, print, printJson } from "../io.ts";
import { type Difference, differences, type Side } from "../project/compare.ts";
import { readProject, sayFault } from "../project/read.ts";
import { plain } from "../table.ts";
import { hasEnvironment, keyVariable, targetOf } from "../target.ts";
import { customisationOf } from "./project.ts";

interface Options extends CommonOptions {
  readonly otherKey?: string;
}

const help = `
A side is a folder, a server's address, or the name of an environment (GUANXI_KEY_<NAME>, see --env).
Without a second one, the folder is compared with the server of --url or --env. Of two addresses, --key (GUANXI_KEY) is for the first and --other-key (GUANXI_OTHER_KEY) for the second.`;

/** `diff`: two folders, two tenants, or one of each. */
export function addDiff(program: Command, { io, end }: Frame): void {
  answersJson(
    asks(
      program
        .command("diff <folder> [other-folder]")
        .description("how the definitions of one place become those of another"),
      "user",
    ),
  )
    .option("--other-key <key>", "the key for the second of two servers (GUANXI_OTHER_KEY)")
    .addHelpText("after", help)
    .action(async (from: string, to: string | undefined, options: Options) => {
      const found = differences(await sideOf(io, from, options), await otherSide(io, from, to, options));
      if (options.json) printJson(io, found);
      else if (found.length === 0) note(io, "No difference.");
      else print(io, found.map(linesOf).join("\n"));
      if (found.length > 0) end(exitCodes.failed);
    });
}

const marks = { added: "+", removed: "-", changed: "~" } as const;

const linesOf = ({ kind, name, is, parts }: Difference): string =>
  [`${marks[is]} ${name === "" ? kind : `${kind}/${name}`}`, ...parts.map((part) => `  ${part}`)].map(plain).join("\n");

const isAddress = (side: string): boolean => side.includes("://");

async function otherSide(io: Io, from: string, to: string | undefined, options: Options): Promise<Side> {
  if (to === undefined) return server(io, options);
  const key = options.otherKey ?? io.env["GUANXI_OTHER_KEY"]?.trim();
  const second = isAddress(from) && isAddress(to) && key ? { ...options, key } : options;
  return sideOf(io, to, second);
}

async function sideOf(io: Io, side: string, options: Options): Promise<Side> {
  if (isAddress(side)) return server(io, { ...options, url: side });
  if (hasEnvironment(io, side)) return environment(io, side, options);
  if (!existsSync(side))
    throw new UsageError(`${side} is neither a folder nor an environment: ${keyVariable(side)} is not set.`);
  const { set, faults } = await readProject(side);
  if (faults.length > 0) throw new CommandFailure(faults.map(sayFault).join("\n"));
  return set;
}

/** Its own key and address, whatever else is given for the other side. */
function environment(io: Io, env: string, { dataDir }: Options): Promise<Side> {
  return server(io, { env, ...(dataDir === undefined ? {} : { dataDir }) });
}

const server = async (io: Io, options: Options): Promise<Side> =>
  customisationOf(createApi(io, await targetOf(io, options, "user")));
